"""The scanner on Spark: the same function over each partition's files, and rows merged by stream."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tenantcheck.errors import TenantcheckError
from tenantcheck.logs.rows import Row, decoded, encoded, merged
from tenantcheck.logs.sources.files import Wanted, files_in, rows_in, rows_of

#: Files of one task, on this machine.
_FILES_OF_TASK = 512


def scanned(paths: Sequence[str], wanted: Wanted, *, master: str | None = None) -> Iterator[Row]:
    """Every stream once. Paths with a scheme (`s3a://bucket/prefix/*`) are read by Spark itself, others by each
    executor. `master` is for a session of our own; inside `spark-submit` the session that is there is used. Raises
    `TenantcheckError` where Spark can't be started."""
    session = _session(master)
    try:
        yield from _rows(session.sparkContext, paths, wanted)
    finally:
        if master is not None:
            session.stop()


def _rows(context: Any, paths: Sequence[str], wanted: Wanted) -> Iterator[Row]:
    remote = [path for path in paths if "://" in path]
    local = list(files_in(path for path in paths if "://" not in path))
    told = context.broadcast(wanted)
    parts = []
    if local:
        slices = max(context.defaultParallelism, len(local) // _FILES_OF_TASK)
        named = context.parallelize(local, min(slices, len(local)))
        parts.append(named.mapPartitions(lambda some: _scanned_files(some, told.value)))
    if remote:
        files = context.binaryFiles(",".join(remote))
        parts.append(files.mapPartitions(lambda some: _scanned_contents(some, told.value)))
    if not parts:
        return
    merging = context.union(parts).reduceByKey(lambda one, other: encoded(merged(decoded(one), decoded(other))))
    for _, row in merging.toLocalIterator():
        yield decoded(bytes(row))


def _scanned_files(paths: Iterable[str], wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    """What `mapPartitions` runs where executors see the files."""
    for path in paths:
        for row in rows_of(path, wanted)[1]:
            yield row.key, encoded(row)


def _scanned_contents(files: Iterable[tuple[str, bytes]], wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    """What `mapPartitions` runs where Spark reads the files."""
    for path, content in files:
        for row in rows_in(path, io.BytesIO(content), wanted)[1]:
            yield row.key, encoded(row)


def _session(master: str | None) -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise TenantcheckError(
            "Spark is not installed", "pip install 'tenantcheck[spark]', and a Java runtime"
        ) from error
    builder = SparkSession.builder.appName("tenantcheck audit").config("spark.ui.enabled", "false")
    if master is not None:
        builder = builder.master(master)
        # Executors of this machine run the same Python, with the same packages; those of a cluster have their own.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        return builder.getOrCreate()
    except Exception as error:  # py4j's own, whose message is a Java stack
        raise TenantcheckError(
            "Spark could not be started", "Is there a Java runtime (JAVA_HOME), and does --spark-master answer?"
        ) from error
