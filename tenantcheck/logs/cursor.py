"""How far a log group was read, and the rows until there: reading goes on from it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from tenantcheck.errors import UsageError
from tenantcheck.logs.rows import Row, decoded, encoded

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


_decode = msgspec.json.Decoder(Cursor).decode


def write_cursor(path: Path, cursor: Cursor, rows: Iterable[Row]) -> None:
    """Replace the file in one step: whoever is killed meanwhile has the old one. Raises `UsageError`."""
    beside = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(cursor) + b"\n")
            for row in rows:
                file.write(encoded(row) + b"\n")
        beside.replace(path)
    except OSError as error:
        raise UsageError(
            f"--cursor {path}: {error.strerror}", "Name a file in a folder that can be written."
        ) from error


def read_cursor(path: Path, group: str) -> tuple[Cursor, Iterator[Row]] | None:
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
    if cursor.group != group:
        raise UsageError(f"--cursor {path}: it is one of {cursor.group}", f"Name another file for {group}.")
    return cursor, _rows(path)


def _rows(path: Path) -> Iterator[Row]:
    """What stands behind the first line. Raises `UsageError`."""
    with path.open("rb") as file:
        file.readline(_MAX_LINE)
        number = 1
        while line := file.readline(_MAX_LINE):
            number += 1
            try:
                yield decoded(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                raise UsageError(f"--cursor {path}, line {number}: not a row", "Name another file.") from error
