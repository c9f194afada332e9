"""Files that the command line names: read within bounds, and written beside before they take their place."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tenantcheck.cli.interrupts import interrupts
from tenantcheck.errors import UsageError


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading, or a pipe that this process was given (`/dev/stdin`, `<(…)` of a shell).
    Raises `UsageError` for anything else, which might never answer, and `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind) and not (stat.S_ISFIFO(kind) and _was_given(path)):
        os.close(descriptor)
        raise UsageError(f"{path} is no regular file", "Name a file, or /dev/stdin.")
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


def read_file(path: Path, limit: int) -> bytes:
    """At most `limit` bytes and one more of a file. Raises `UsageError` and `OSError`, as `open_file`."""
    with open_file(path) as file:
        return file.read(limit + 1)


def _was_given(path: Path) -> bool:
    return path.is_relative_to("/dev") or path.is_relative_to("/proc")


def write_file(path: Path, text: str) -> None:
    """Write a file that only its owner can read: whole, or not at all. What is no regular file (`/dev/stdout`) is
    written as it is. Raises `OSError`."""
    if _was_given(path) or (path.exists() and not path.is_file()):
        # Without a reader a pipe would be waited for.
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return
    whole = path.resolve()  # a link stays one
    beside = whole.with_name(f".{whole.name[:200]}.{os.getpid()}.part")
    with interrupts.deferred():
        try:
            with open(beside, "x", encoding="utf-8", opener=_private) as file:
                file.write(text)
            beside.replace(whole)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
