"""What is printed to a person: on stderr, or on stdout where it is what the command is for.

Text may hold what others wrote: nothing in it steers a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from tenantcheck.model.text import harmless


def say(text: str) -> None:
    """Print on stderr. Where that can't be written nobody is left to be told."""
    with suppress(OSError, ValueError):
        sys.stderr.write(harmless(text) + "\n")
        sys.stderr.flush()


def tell(text: str) -> None:
    """Print on stdout. Raises `OSError` where that can't be written."""
    with whole_stdout() as stdout:
        stdout.write(harmless(text) + "\n")


@contextmanager
def whole_stdout() -> Iterator[TextIO]:
    """stdout through a buffer of its own; what its encoding does not have is escaped. Raises `OSError`.

    With PYTHONUNBUFFERED, as container images set it, Python's own stdout loses what a pipe does not take in one
    piece: a report of more than 64 KiB arrived cut.
    """
    sys.stdout.flush()
    with open(
        sys.stdout.fileno(), "w", encoding=sys.stdout.encoding, errors="backslashreplace", closefd=False
    ) as buffered:
        yield buffered


def open_standard_streams() -> None:
    """Where stdin, stdout or stderr is closed, put a stream there that takes everything and gives nothing: the first
    file or socket to be opened would be taken for it."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it is given the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - as long as the process


def settle_standard_streams() -> None:
    """Write what is left. What can't be written is dropped: Python would end with a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
