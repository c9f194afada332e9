"""Ctrl-C and SIGTERM, from the first moment of a command to its exit code.

While there is nothing to keep they end the process at once. From the moment a run begins they are a wish that it
looks for: it ends, is recorded and judged. Neither raises anything: an exception out of a signal handler lands where
it happens to, in a callback of the import system for one, which swallows it and prints a traceback.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tenantcheck.run.interruption import BrokenOff, Interruption

#: Exit code of a command that was broken off before there was anything to judge.
EXIT_CODE = 128 + signal.SIGINT
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """What this process does on Ctrl-C and SIGTERM."""

    def __init__(self) -> None:
        self.wish = Interruption()
        self._exit: tuple[int, str] | None = (EXIT_CODE, "interrupted")

    def install(self) -> None:
        """Answer the signals from now on."""
        with suppress(ValueError):  # not in the main thread: whoever runs this there has handlers of its own
            for number in _SIGNALS:
                signal.signal(number, self._came)

    def _came(self, _number: int, _frame: FrameType | None) -> None:
        self.wish.set()
        if self._exit is not None:
            code, words = self._exit
            with suppress(OSError):
                os.write(2, f"{words}\n".encode())
            os._exit(code)

    def defer(self) -> Interruption:
        """From now on an interruption is a wish. Raises `BrokenOff` if one came before."""
        self._exit = None
        if self.wish.is_set():
            raise BrokenOff
        return self.wish

    def ignore(self) -> None:
        """Nothing changes the outcome any more."""
        self._exit = None
        with suppress(ValueError):
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """What stands inside is finished before an interruption is looked at."""
        before, self._exit = self._exit, None
        try:
            yield
        finally:
            self._exit = before

    @contextmanager
    def ending(self, code: int, words: str) -> Iterator[None]:
        """An interruption ends what stands inside, such as writing to somebody who does not read, and the process
        with it: exit code, and words on stderr."""
        self._exit = (code, words)
        try:
            yield
        finally:
            self._exit = None


interrupts = Interrupts()
