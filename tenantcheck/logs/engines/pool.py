"""The scanner in a pool of processes on this machine; a few small files need none."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tenantcheck.errors import TenantcheckError
from tenantcheck.logs.rows import Row, decoded, encoded, merged
from tenantcheck.logs.sources.files import Wanted, rows_of

#: Files of one batch, and bytes of them: what one process reads before it tells.
_MOST_FILES = 256
_MOST_BYTES = 4 << 20
#: Less than this is read sooner than other processes are there.
_NOT_WORTH_IT = 6 << 20
#: Batches that wait for each process.
_AHEAD = 3


class Batch(NamedTuple):
    """What came out of some files."""

    formats: Counter[str]
    files: int
    rows: Sequence[Row]


class _Told(NamedTuple):
    """The same, as it comes from another process: encoded rows are fewer objects."""

    formats: Counter[str]
    files: int
    rows: list[bytes]


_wanted: Wanted | None = None


def _initialise(wanted: Wanted, variables: dict[str, str]) -> None:
    """Tell a new process what is wanted, and the settings of the moment: a fork server knows those of its start."""
    global _wanted
    _wanted = wanted
    os.environ.update(variables)


def _work(paths: list[str]) -> _Told:
    if _wanted is None:
        raise RuntimeError("a process of the pool was told nothing")
    batch = scan_files(paths, _wanted)
    return _Told(batch.formats, batch.files, [encoded(row) for row in batch.rows])


def scan_files(paths: Iterable[str], wanted: Wanted) -> Batch:
    """The rows of some files, each stream once."""
    formats: Counter[str] = Counter()
    rows: dict[str, Row] = {}
    files = 0
    for path in paths:
        name, some = rows_of(path, wanted)
        formats[name] += 1
        files += 1
        for row in some:
            key = row.key
            known = rows.get(key)
            rows[key] = row if known is None else merged(known, row)
    return Batch(formats, files, list(rows.values()))


def scanned(paths: Iterable[str], wanted: Wanted, *, processes: int | None = None) -> Iterator[Batch]:
    """The rows of all files, as they come. `processes`: as many as there are cores, where nobody says."""
    workers = processes or _cores()
    batches = _batches(paths)
    few: list[_Paths] = []
    size = 0
    for batch in batches:
        few.append(batch)
        size += batch.size
        if size > _NOT_WORTH_IT:
            break
    if workers < 2 or size <= _NOT_WORTH_IT:
        for batch in (*few, *batches):
            yield scan_files(batch.paths, wanted)
        return
    yield from _in_pool(_both(few, batches), wanted, workers)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_pool(batches: Iterable[_Paths], wanted: Wanted, workers: int) -> Iterator[Batch]:
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    variables = {name: text for name, text in os.environ.items() if name.startswith(("AWS_", "TENANTCHECK_AUDIT_"))}
    waiting: deque[Future[_Told]] = deque()
    with ProcessPoolExecutor(workers, context, initializer=_initialise, initargs=(wanted, variables)) as pool:
        try:
            for batch in batches:
                with _without_main():
                    waiting.append(pool.submit(_work, batch.paths))
                if len(waiting) >= _AHEAD * workers:
                    yield _batch(waiting.popleft())
            while waiting:
                yield _batch(waiting.popleft())
        except BrokenProcessPool as error:
            raise TenantcheckError(
                "a process that scanned files was ended from outside", "Is there memory left? Try --processes 1."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _without_main() -> Iterator[None]:
    """Processes that start meanwhile do not run the program of whoever calls this again: the scanner needs none of
    it, and a script without `if __name__ == "__main__"` would start over in each."""
    main = sys.modules["__main__"]
    hidden = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    for name in hidden:
        delattr(main, name)
    main.__spec__ = None
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


def _batch(future: Future[_Told]) -> Batch:
    told = future.result()
    return Batch(told.formats, told.files, [decoded(row) for row in told.rows])


class _Paths(NamedTuple):
    paths: list[str]
    size: int


def _batches(paths: Iterable[str], size_of: Callable[[str], int] | None = None) -> Iterator[_Paths]:
    some: list[str] = []
    size = 0
    for path in paths:
        some.append(path)
        size += (size_of or _size)(path)
        if len(some) >= _MOST_FILES or size >= _MOST_BYTES:
            yield _Paths(some, size)
            some, size = [], 0
    if some:
        yield _Paths(some, size)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:  # an object of a store, or gone by now
        return _MOST_BYTES // _MOST_FILES


def _both(first: Iterable[_Paths], rest: Iterable[_Paths]) -> Iterator[_Paths]:
    yield from first
    yield from rest
