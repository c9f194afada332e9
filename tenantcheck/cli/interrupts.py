"""Ctrl-C and SIGTERM, from the first moment of a command to its exit code.

Until a run begins they break the command off. From then on they are a wish that the run looks for: it ends, is
recorded and judged.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tenantcheck.interruption import Interruption

#: Exit code of a command that was broken off before there was anything to judge.
EXIT_CODE = 128 + signal.SIGINT
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class BrokenOff(BaseException):
    """A command was interrupted where it has nothing to keep. No part of Python, and no library, catches it."""


class Interrupts:
    """What this process does on Ctrl-C and SIGTERM."""

    def __init__(self) -> None:
        self.wish = Interruption()
        self._breaks_off = True

    def install(self) -> None:
        """Answer the signals from now on."""
        with suppress(ValueError):  # not in the main thread: whoever runs this there has handlers of its own
            for number in _SIGNALS:
                signal.signal(number, self._came)

    def _came(self, _number: int, _frame: FrameType | None) -> None:
        self.wish.set()
        if self._breaks_off:
            raise BrokenOff

    def defer(self) -> Interruption:
        """From now on an interruption is a wish. Raises `BrokenOff` if one came before."""
        self._breaks_off = False
        if self.wish.is_set():
            raise BrokenOff
        return self.wish

    def ignore(self) -> None:
        """Nothing changes the outcome any more."""
        self._breaks_off = False
        with suppress(ValueError):
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def breaking_off(self) -> Iterator[None]:
        """Interruptions break off what stands inside, such as writing to somebody who does not read."""
        self._breaks_off = True
        try:
            yield
        finally:
            self._breaks_off = False


interrupts = Interrupts()
