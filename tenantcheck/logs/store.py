"""Rows of all parts, merged by stream: in memory, and by way of files where they are too many.

Beyond memory rows are parted by a digest of their key into so many files that each can be merged in memory. A sort in
a database was tried and needs more: DuckDB ran out of 400 MB with 10 million rows.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from tenantcheck.logs.rows import Row, decoded, encoded, merged

#: Rows in memory, at most; about a kilobyte each.
MOST_IN_MEMORY = 200_000
_PARTS = 256


class RowStore:
    """Takes in rows in any order; hands each stream out once, in an order that depends on the keys alone."""

    def __init__(self, most_in_memory: int = MOST_IN_MEMORY) -> None:
        self._most = most_in_memory
        self._rows: dict[str, Row] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.added = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take in rows."""
        for row in rows:
            self.added += 1
            _take(self._rows, row)
            if len(self._rows) > self._most:
                self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="tenantcheck-rows-")
        parts: dict[int, list[bytes]] = {}
        for key, row in self._rows.items():
            parts.setdefault(_digest(key) * _PARTS >> 32, []).append(encoded(row) + b"\n")
        for number, lines in parts.items():
            with (Path(self._folder.name) / str(number)).open("ab") as file:
                file.writelines(lines)
        self._rows.clear()

    def merged(self) -> Iterator[Row]:
        """Every stream once."""
        if self._folder is None:
            yield from _in_order(self._rows)
            return
        self._spill()
        for number in range(_PARTS):
            path = Path(self._folder.name) / str(number)
            if path.exists():
                rows: dict[str, Row] = {}
                with path.open("rb") as file:
                    for line in file:
                        _take(rows, decoded(line))
                yield from _in_order(rows)

    def __enter__(self) -> RowStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def _take(rows: dict[str, Row], row: Row) -> None:
    key = row.key
    known = rows.get(key)
    rows[key] = row if known is None else merged(known, row)


def _in_order(rows: dict[str, Row]) -> Iterator[Row]:
    for _, row in sorted(rows.items(), key=lambda each: (_digest(each[0]), each[0])):
        yield row


def _digest(key: str) -> int:
    """32 bits of a key: of the same ones on every machine."""
    return zlib.crc32(key.encode("utf-8", "replace"))
