"""Rows of all parts, merged by stream: in memory, and in an external sort by DuckDB where they are too many."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from tenantcheck.errors import TenantcheckError
from tenantcheck.logs.rows import Row, decoded, encoded, merge_sorted, merged

#: Rows in memory, at most; about a kilobyte each.
MOST_IN_MEMORY = 200_000
_SORT_MEMORY = "400MB"
_SPILLED = "rows"
_BY_KEY = (
    "SELECT key, row FROM read_csv($spilled, delim='\t', header=false, quote='', escape='', auto_detect=false, "
    "max_line_size=2097152, columns={'key': 'VARCHAR', 'row': 'VARCHAR'}) ORDER BY key"
)


class RowStore:
    """Takes in rows in any order; hands each stream out once, by its key."""

    def __init__(self, most_in_memory: int = MOST_IN_MEMORY) -> None:
        self._most = most_in_memory
        self._rows: dict[str, Row] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.added = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take in rows. Raises `TenantcheckError` where there are too many, and nothing that sorts them."""
        for row in rows:
            self.added += 1
            key = row.key
            known = self._rows.get(key)
            self._rows[key] = row if known is None else merged(known, row)
            if len(self._rows) > self._most:
                self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            _duckdb()  # said before more is read than can be merged
            self._folder = tempfile.TemporaryDirectory(prefix="tenantcheck-rows-")
        with (Path(self._folder.name) / _SPILLED).open("ab") as file:
            for name, row in self._rows.items():
                # The key in hexadecimal: nothing in it parts fields, and its order is that of the bytes. A row is
                # JSON in one line, without a tab.
                file.write(name.encode("utf-8", "replace").hex().encode() + b"\t" + encoded(row) + b"\n")
        self._rows.clear()

    def merged(self) -> Iterator[Row]:
        """Every stream once, by its key."""
        if self._folder is None:
            for _, row in sorted(self._rows.items()):
                yield row
            return
        self._spill()
        yield from merge_sorted(self._sorted(self._folder.name))

    def _sorted(self, folder: str) -> Iterator[Row]:
        """Every row, by its key: sorted into a file, since a result would be held in memory."""
        spilled, by_key = Path(folder) / _SPILLED, Path(folder) / f"{_SPILLED}-by-key"
        settings = {"memory_limit": _SORT_MEMORY, "threads": 2, "temp_directory": folder}
        connection = _duckdb().connect(config=settings | {"preserve_insertion_order": False})
        try:
            rows = connection.sql(_BY_KEY, params={"spilled": str(spilled)})
            rows.write_csv(str(by_key), sep="	", header=False, quotechar="", escapechar="")
        finally:
            connection.close()
        with by_key.open("rb") as file:
            for line in file:
                yield decoded(line.partition(b"\t")[2])

    def __enter__(self) -> RowStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def _duckdb() -> Any:
    """The module."""
    try:
        import duckdb
    except ImportError as error:
        raise TenantcheckError(
            f"more than {MOST_IN_MEMORY:,} streams: merging them takes a database",
            "pip install 'tenantcheck[scale]'. Or audit fewer at once, with --rows FILE, and join the files: "
            "tenantcheck audit merge FILE…",
        ) from error
    return duckdb
