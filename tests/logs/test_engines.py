"""Every format and every engine finds what was planted, and nothing else; rows are the same whoever runs the "
"scanner."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from tenantcheck.logs.engines import pool, spark
from tenantcheck.logs.facts import Facts
from tenantcheck.logs.rows import Row
from tenantcheck.logs.sources.files import Wanted, files_in
from tenantcheck.logs.store import RowStore
from tests.logs.corpus import FORMS, PLANTED, export, firehose, streams

WANTED = Wanted({})


def merged(parts: Iterable[Iterable[Row]]) -> list[Row]:
    with RowStore() as store:
        for rows in parts:
            store.add(rows)
        return list(store.merged())


def here(folder: Path) -> list[Row]:
    return merged([pool.scan_files(files_in([str(folder)]), WANTED).rows])


@pytest.mark.parametrize("form", FORMS)
def test_every_format_tells_the_same(form: str, tmp_path: Path) -> None:
    rows = here(FORMS[form](tmp_path / "logs", streams()))
    assert {row.stream for row in rows if row.shared} == PLANTED.shared
    assert {kind for row in rows for kind in row.missing} | {"no-start"} == PLANTED.gaps
    facts = Facts().add(rows)
    assert facts.shared.total == len(PLANTED.shared)
    assert facts.gaps.keys() == PLANTED.gaps
    assert facts.unnamed_starts == 1
    assert facts.streams == len(streams())


def test_a_pool_of_processes_tells_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export(tmp_path / "logs", streams(60))
    monkeypatch.setattr(pool, "_NOT_WORTH_IT", 0)
    monkeypatch.setattr(pool, "_MOST_FILES", 7)
    batches = list(pool.scanned(files_in([str(folder)]), WANTED, processes=2))
    assert sum(batch.files for batch in batches) == len(streams(60))
    assert merged(batch.rows for batch in batches) == here(folder)


def test_an_interrupted_pool_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export(tmp_path / "logs", streams(60))
    monkeypatch.setattr(pool, "_NOT_WORTH_IT", 0)
    monkeypatch.setattr(pool, "_MOST_FILES", 2)
    running = pool.scanned(files_in([str(folder)]), WANTED, processes=2)
    next(running)
    processes = multiprocessing.active_children()
    assert processes
    running.close()  # type: ignore[attr-defined]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


@pytest.mark.spark
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs a Java runtime, which is not on this machine")
def test_spark_tells_the_same(tmp_path: Path) -> None:
    """Files that each executor opens, and such that Spark reads itself."""
    exported = export(tmp_path / "export", streams(30))
    objects = firehose(tmp_path / "firehose", streams(30))
    expected = merged([here(exported), here(objects)])
    uris = [str(exported), f"{objects.as_uri()}/*"]
    rows = merged([spark.scanned(uris, WANTED, master="local[2]")])
    with_places = [row.stream for row in rows]
    assert with_places == [row.stream for row in expected]
    assert [told(row) for row in rows] == [told(row) for row in expected]
    local = merged([spark.scanned([str(exported)], WANTED, master="local[2]")])
    assert local == here(exported)


def told(row: Row) -> Row:
    """A row but for the files that it names: Spark calls them by URI."""
    from msgspec.structs import replace

    places = {
        name: None if (at := getattr(row, name)) is None else replace(at, file="", line=0, request_id="", time="")
        for name in ("low", "high", "unnamed_at", "said")
    }
    return replace(row, **places)
