"""Reports that are written to a file: beside it first, then in its place."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tenantcheck.cli.interrupts import interrupts
from tenantcheck.files import was_given


def write_file(path: Path, text: str) -> None:
    """Write a file that only its owner can read: whole, or not at all. What is no regular file (`/dev/stdout`) is
    written as it is. Raises `OSError`."""
    if was_given(path) or (path.exists() and not path.is_file()):
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
