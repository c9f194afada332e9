"""A wish to stop that comes from a signal: seen at once by code that runs, and by whoever waits in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class BrokenOff(BaseException):
    """Interrupted where there is nothing to keep. No part of Python, and no library, catches it."""


class Interruption:
    """Set once, from anywhere in the main thread, signal handlers included."""

    def __init__(self) -> None:
        self._is_set = False
        self._called: list[tuple[asyncio.AbstractEventLoop, Callable[[], object]]] = []

    def is_set(self) -> bool:
        """Whether it came."""
        return self._is_set

    def set(self) -> None:
        """Wish to stop."""
        self._is_set = True
        for loop, call in self._called:
            loop.call_soon_threadsafe(call)

    @contextmanager
    def calls(self, call: Callable[[], object]) -> Iterator[None]:
        """The running event loop calls `call` when it comes, or has come, while what stands inside runs."""
        entry = (asyncio.get_running_loop(), call)
        self._called.append(entry)
        try:
            if self._is_set:
                entry[0].call_soon(call)
            yield
        finally:
            self._called.remove(entry)

    async def wait(self) -> None:
        """Return when it has come."""
        event = asyncio.Event()
        with self.calls(event.set):
            await event.wait()
