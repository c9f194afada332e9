"""How far a log group was read, and the rows until there: reading goes on from it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from tenantcheck.errors import UsageError
from tenantcheck.logs.rows import Row, decoded, encoded, footer, rows_in_footer

_MAX_LINE = 4 << 20


class Cursor(Struct, frozen=True, kw_only=True):
    """Where reading stands."""

    format: Literal["tenantcheck-cursor"] = "tenantcheck-cursor"
    version: Literal[1] = 1
    group: str
    since_ms: int
    """Begin of everything that was read."""
    from_ms: int
    """Begin of the window that is being read, or was read last."""
    until_ms: int
    token: str = ""
    """Asks for the next page of that window; empty where it was read to its end, or not at all."""
    complete: bool = False
    where: str = ""
    """Region and endpoint that were asked."""
    forgotten: int = 0
    """Invocations that no row tells of: of environments that are gone, and such that came late."""
    tail: int = 0
    """Invocations of the end of the window that was read last, where more may come late."""
    late_now: int = 0
    tail_now: int = 0
    """What was read so far of the end of the window before, and of the end of this one."""


_decode = msgspec.json.Decoder(Cursor).decode


def write_cursor(path: Path, cursor: Cursor, rows: Iterable[Row]) -> None:
    """Replace the file in one step: whoever is killed meanwhile has the old one. Raises `UsageError`."""
    beside = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(cursor) + b"\n")
            count = 0
            for row in rows:
                count += 1
                file.write(encoded(row) + b"\n")
            file.write(footer(count) + b"\n")
        beside.replace(path)
    except OSError as error:
        raise UsageError(
            f"--cursor {path}: {error.strerror}", "Name a file in a folder that can be written."
        ) from error


def read_cursor(path: Path, group: str, where: str) -> tuple[Cursor, Iterator[Row]] | None:
    """The cursor of a group and its rows; None where there is no file yet. Raises `UsageError`."""
    try:
        with path.open("rb") as file:
            line = file.readline(_MAX_LINE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"--cursor {path}: {error.strerror}", "Name a readable file.") from error
    try:
        cursor = _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"--cursor {path}: not a cursor of tenantcheck", "Name another file.") from error
    if (cursor.group, cursor.where) != (group, where):
        raise UsageError(
            f"--cursor {path}: it is one of {cursor.group} in {cursor.where}",
            f"Name another file for {group} in {where}.",
        )
    return cursor, _rows(path)


def _rows(path: Path) -> Iterator[Row]:
    """What stands behind the first line. Raises `UsageError`, also where the file is cut."""
    with path.open("rb") as file:
        file.readline(_MAX_LINE)
        number = 1
        told: int | None = None
        while line := file.readline(_MAX_LINE):
            number += 1
            if told is None and (told := rows_in_footer(line)) is not None:
                continue
            try:
                if told is not None:
                    raise msgspec.DecodeError
                yield decoded(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                raise UsageError(f"--cursor {path}, line {number}: not a row", "Name another file.") from error
        if told != number - 2:
            raise UsageError(f"--cursor {path}: the file is cut", "Name another file, and read anew.")
