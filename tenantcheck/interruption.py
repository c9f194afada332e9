"""A wish to stop that comes from a signal: seen at once by code that runs, and by whoever waits in an event loop."""

from __future__ import annotations

import asyncio


class Interruption:
    """Set once, from anywhere in the main thread, signal handlers included."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def is_set(self) -> bool:
        """Whether it came."""
        return self._is_set

    def set(self) -> None:
        """Wish to stop."""
        self._is_set = True
        for loop, event in self._waiting:
            loop.call_soon_threadsafe(event.set)

    async def wait(self) -> None:
        """Return when it has come."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        self._waiting.append(waiter)
        try:
            if not self._is_set:
                await waiter[1].wait()
        finally:
            self._waiting.remove(waiter)
