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
_FETCHED = 10_000


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
                # Hexadecimal: nothing to quote, and the order of the bytes.
                key = name.encode("utf-8", "replace").hex()
                file.write(f"{key}\t{encoded(row).hex()}\n".encode())
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
        connection = _duckdb().connect(
            config={"memory_limit": _SORT_MEMORY, "threads": 2, "temp_directory": folder},
        )
        try:
            connection.execute(
                "SELECT row FROM read_csv(?, delim='\t', header=false, quote='', escape='', auto_detect=false, "
                "max_line_size=2097152, columns={'stream': 'VARCHAR', 'row': 'VARCHAR'}) ORDER BY stream",
                [str(Path(folder) / _SPILLED)],
            )
            while some := connection.fetchmany(_FETCHED):
                for (text,) in some:
                    yield decoded(bytes.fromhex(text))
        finally:
            connection.close()

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
