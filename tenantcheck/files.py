"""Files that somebody names, read within bounds."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from tenantcheck.errors import UsageError


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading, or a pipe that this process was given (`/dev/stdin`, `<(…)` of a shell).
    Raises `UsageError` for anything else, which might never answer, and `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind) and not (stat.S_ISFIFO(kind) and was_given(path)):
        os.close(descriptor)
        raise UsageError(f"{path} is no regular file", "Name a file, or /dev/stdin.")
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


#: What comes through a pipe is kept in memory up to so many bytes, and in a temporary file beyond.
_KEPT_BYTES = 32 << 20


@contextmanager
def seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file itself, or a copy of what comes through a pipe, that can be read a second time."""
    if file.seekable():
        yield file
        return
    with tempfile.SpooledTemporaryFile(_KEPT_BYTES) as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield cast(BinaryIO, copy)


def read_file(path: Path, limit: int) -> bytes:
    """At most `limit` bytes and one more of a file. Raises `UsageError` and `OSError`, as `open_file`."""
    with open_file(path) as file:
        return file.read(limit + 1)


def was_given(path: Path) -> bool:
    """Whether a path names something that this process was given, such as `/dev/stdin`."""
    return path.is_relative_to("/dev") or path.is_relative_to("/proc")
