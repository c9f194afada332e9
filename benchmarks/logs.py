"""Scanning logs: lines per second beside other tools on the same files in the same run, memory, and planted
conflicts.

    python -m benchmarks.logs make FOLDER      writes the files, with planted conflicts and gaps
    python -m benchmarks.logs                  makes them, measures, prints tables (--write: into benchmarks/LOGS.md)
    python -m benchmarks.logs rows 10000000    merges so many rows, and prints time and memory

The limit is what unpacking costs: `xargs -P2 -n N gzip -dc | wc -l`. --scale 0.1 makes a tenth of the files.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

from benchmarks.measure import Samples, interleaved, peak_mb

PAGE = Path(__file__).with_name("LOGS.md")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
#: Lines of one invocation.
_LINES = 4
CONFLICTS, GAPS = 7, 5


class Size(NamedTuple):
    """How many files of a kind, and invocations in each."""

    files: int
    invocations: int

    @property
    def lines(self) -> int:
        return self.files * self.invocations * _LINES


SIZES = {"large": Size(2_000, 1_250), "small": Size(100_000, 5), "firehose": Size(400, 1_875)}


def _uuid(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def lines_of(rng: random.Random, tenants: list[str], *, text: bool = False) -> Iterator[str]:
    """The lines of one stream: an invocation for each of the tenants."""
    for number, tenant in enumerate(tenants):
        id_ = _uuid(rng)
        if text:
            yield f"START RequestId: {id_} Version: $LATEST"
            yield f"order {rng.randrange(10**9)} accepted"
            yield f"END RequestId: {id_}"
            yield f"REPORT RequestId: {id_}\tDuration: {rng.random() * 100:.2f} ms"
            continue
        clock = f"{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
        at = f"2026-11-25T{clock}.{rng.randrange(1000):03d}Z"
        spent, size = rng.random() * 100, rng.randrange(9000)
        yield _START % (at, id_, ARN, tenant)
        yield _SAID % (at, id_, tenant, rng.randrange(10**9), _uuid(rng), rng.randrange(100_000))
        yield _DONE % (at, id_, tenant, spent, size)
        yield _REPORT % (at, id_, spent, rng.randrange(100), rng.randrange(40, 90), tenant)


_START = (
    '{"time":"%s","type":"platform.start","record":{"requestId":"%s","functionArn":"%s","version":"$LATEST",'
    '"tenantId":"%s"}}'
)
_SAID = (
    '{"timestamp":"%s","level":"INFO","requestId":"%s","tenantId":"%s","logger":"app",'
    '"message":"order %d of customer %s accepted, %d cents"}'
)
_DONE = (
    '{"time":"%s","type":"platform.runtimeDone","record":{"requestId":"%s","status":"success","tenantId":"%s",'
    '"metrics":{"durationMs":%.3f,"producedBytes":%d}}}'
)
_REPORT = (
    '{"time":"%s","type":"platform.report","record":{"requestId":"%s","metrics":{"durationMs":%.3f,'
    '"billedDurationMs":%d,"memorySizeMB":128,"maxMemoryUsedMB":%d},"status":"success","tenantId":"%s"}}'
)


def _tenants(number: int, files: int, invocations: int) -> tuple[list[str], bool]:
    """Whom the invocations of a stream are for, and whether it is in text format: the first streams hold what is
    planted."""
    own = f"tenant-{number % 500:03d}"
    tenants = [own] * invocations
    if number < CONFLICTS and files > CONFLICTS + GAPS:
        tenants[(number * 7919) % invocations] = f"tenant-{(number + 1) % 500:03d}"
    return tenants, CONFLICTS <= number < CONFLICTS + GAPS


def _write(task: tuple[str, str, int, Size]) -> None:
    """One file."""
    kind, folder, number, size = task
    rng = random.Random(f"{kind}{number}")
    stream = f"2026-11-25-[$LATEST]{rng.getrandbits(128):032x}"
    tenants, text = _tenants(number, size.files, size.invocations)
    lines = list(lines_of(rng, tenants, text=text))
    if kind == "firehose":
        records = [
            json.dumps(
                {
                    "messageType": "DATA_MESSAGE",
                    "owner": "123456789012",
                    "logGroup": "/aws/lambda/orders",
                    "logStream": stream.replace("-", "/", 3),
                    "subscriptionFilters": ["all"],
                    "logEvents": [
                        {"id": f"{n:056d}", "timestamp": 1_764_000_000_000 + n, "message": line}
                        for n, line in enumerate(lines[at : at + 100])
                    ],
                }
            )
            for at in range(0, len(lines), 100)
        ]
        data = b"".join(
            gzip.compress("".join(records[at : at + 25]).encode(), 6, mtime=0) for at in range(0, len(records), 25)
        )
        Path(folder, f"orders-{number:06d}").write_bytes(data)
        return
    place = Path(folder, stream)
    place.mkdir()
    text_ = "".join(f"2026-11-25T00:00:00.000Z {line}\n" for line in lines)
    (place / "000000.gz").write_bytes(gzip.compress(text_.encode(), 6, mtime=0))


def make(folder: Path, scale: float = 1.0) -> dict[str, Size]:
    """Write all files; returns their sizes. What is there already is kept."""
    sizes = {kind: Size(max(20, round(size.files * scale)), size.invocations) for kind, size in SIZES.items()}
    for kind, size in sizes.items():
        place = folder / f"{kind}-{size.files}"
        if (folder / f"{place.name}.made").exists():
            continue
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        tasks = [(kind, str(place), number, size) for number in range(size.files)]
        with multiprocessing.Pool() as pool:
            pool.map(_write, tasks, chunksize=max(1, len(tasks) // 200))
        (folder / f"{place.name}.made").touch()
    return sizes


# ---------------------------------------------------------------------- contenders


class Scanned(NamedTuple):
    """One contender's reading of all files."""

    seconds: float
    peak_mb: float
    conflicts: int | None
    """Streams that two tenants ran in; None where it only reads."""


def _timed(command: list[str], environ: Mapping[str, str] | None = None) -> tuple[float, float, str]:
    """Seconds, the most memory of one process in MB, and what it printed."""
    with tempfile.NamedTemporaryFile("r") as peak:
        begun = time.perf_counter()
        ran = subprocess.run(
            ["/usr/bin/time", "-f", "%M", "-o", peak.name, *command],
            capture_output=True,
            text=True,
            env={**os.environ, **(environ or {})},
        )
        seconds = time.perf_counter() - begun
        if ran.returncode not in (0, 3, 10):
            raise RuntimeError(f"{command[:3]}: {ran.stderr[-600:]}")
        return seconds, int(peak.read().split()[-1]) / 1024, ran.stdout


def _shell(command: str) -> Scanned:
    seconds, peak, told = _timed(["bash", "-c", command])
    return Scanned(seconds, peak, int(told) if told.strip().isdecimal() else None)


def limit(folder: Path, each: int) -> Scanned:
    """What unpacking costs."""
    seconds, peak, _ = _timed(
        ["bash", "-c", f"find '{folder}' -type f -print0 | xargs -0 -P2 -n {each} gzip -dc | wc -l"]
    )
    return Scanned(seconds, peak, None)


def ours(folder: Path, *more: str, isal: bool = False) -> Scanned:
    """`tenantcheck audit`, from the shell."""
    with tempfile.TemporaryDirectory() as empty:
        stub = Path(empty, "isal")
        stub.mkdir()
        (stub / "__init__.py").write_text("raise ImportError('left out')\n")
        paths = [str(Path.cwd()), *([] if isal else [empty])]
        environ = {"PYTHONPATH": ":".join(reversed(paths))}
        command = [sys.executable, "-m", "tenantcheck", "-q", "audit", str(folder), "--format", "json", *more]
        seconds, peak, told = _timed(command, environ)
    checks = {check["id"]: check for check in json.loads(told)["checks"]}
    return Scanned(seconds, peak, checks["shared-environment"]["findings"])


def _program(text: str) -> Scanned:
    seconds, peak, told = _timed([sys.executable, "-c", text])
    return Scanned(seconds, peak, int(told.split()[-1]))


def duckdb(folder: Path) -> Scanned:
    """A query over the lines of all files."""
    return _program(f"""
import duckdb
c = duckdb.connect(config={{"threads": 2}})
print(c.execute('''SELECT count(*) FROM (SELECT filename, min(t) a, max(t) b FROM (
  SELECT filename, regexp_extract(line, '"tenantId":"([^"]*)"', 1) t FROM read_csv('{folder}/*/*.gz',
    columns={{'line': 'VARCHAR'}}, delim='\\x01', quote='', escape='', header=false, auto_detect=false, filename=true)
  WHERE contains(line, '"platform.start"')) GROUP BY filename) WHERE a <> b''').fetchone()[0])
""")


def polars(folder: Path) -> Scanned:
    """The same."""
    return _program(f"""
import os
os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl
q = (pl.scan_csv('{folder}/*/*.gz', has_header=False, separator='\\x01', quote_char=None, new_columns=['line'],
       include_file_paths='path').filter(pl.col('line').str.contains('"platform.start"', literal=True))
     .select('path', t=pl.col('line').str.extract('"tenantId":"([^"]*)"'))
     .group_by('path').agg(a=pl.col('t').min(), b=pl.col('t').max()).filter(pl.col('a') != pl.col('b')))
print(q.collect().height)
""")


def chdb(folder: Path) -> Scanned:
    """The same."""
    return _program(f"""
import chdb
q = '''SELECT count() FROM (SELECT _path, min(t) a, max(t) b FROM (SELECT _path,
  extract(line, '"tenantId":"([^"]*)"') t FROM file('{folder}/*/*.gz', LineAsString)
  WHERE line LIKE '%"platform.start"%')
  GROUP BY _path) WHERE a != b SETTINGS max_threads = 2'''
print(chdb.query(q))
""")


def ripgrep(folder: Path) -> Scanned:
    """Every pair of file and tenant, and the files that come twice."""
    return _shell(
        f"""rg -z -j2 -o -I --with-filename -r '$1' '"platform.start".*"tenantId":"([^"]*)"' '{folder}' """
        "| sort -u -S 200M | cut -d: -f1 | uniq -d | wc -l"
    )


def jq(folder: Path) -> Scanned:
    """The same by jq, which reads one document after the other."""
    program = (
        r'inputs | sub("^[^{]*";"") | (try fromjson catch {}) | select(.type=="platform.start") | .record.tenantId'
    )
    return _shell(
        f"find -L '{folder}' -name '*.gz' -print0 | xargs -0 -P2 -I@ sh -c "
        f"""'gzip -dc "@" | jq -nRr '"'"'{program}'"'"' | sort -u | wc -l' | awk '$1>1' | wc -l"""
    )


def contenders(folder: Path, kind: str) -> dict[str, Callable[[], Scanned]]:
    """Who reads these files."""
    each = 50 if kind == "large" else 500
    found: dict[str, Callable[[], Scanned]] = {
        f"limit: xargs -P2 -n {each} gzip -dc, wc -l": lambda: limit(folder, each),
        "tenantcheck audit": lambda: ours(folder),
    }
    if find_spec("isal"):
        found["tenantcheck audit, isal"] = lambda: ours(folder, isal=True)
    if kind == "firehose":
        return found
    if find_spec("pyspark") and shutil.which("java"):
        found["tenantcheck audit --engine spark"] = lambda: ours(
            folder, "--engine", "spark", "--spark-master", "local[2]"
        )
    for module, run in (("duckdb", duckdb), ("polars", polars), ("chdb", chdb)):
        if find_spec(module):
            found[run.__name__] = lambda run=run: run(folder)  # type: ignore[misc]
    if shutil.which("rg"):
        found["ripgrep"] = lambda: ripgrep(folder)
    return found


#: Slower than this by far: measured on a part of the files.
_JQ_FILES = 100


def measured(folder: Path, kind: str, size: Size, repeats: int) -> str:
    """The table of one kind of files."""
    found = interleaved(contenders(folder, kind), repeats)
    if kind == "large" and shutil.which("jq"):
        with tempfile.TemporaryDirectory() as some:
            names = sorted(folder.iterdir())[:_JQ_FILES]
            for each in names:
                Path(some, each.name).symlink_to(each)
            told = jq(Path(f"{some}/"))
            part = size.files / len(names)
            found["jq (a part, as if it were all)"] = Samples()
            found["jq (a part, as if it were all)"].values.append(told._replace(seconds=told.seconds * part))
    first = next(iter(found))
    slowest = found[first].median(lambda each: each.seconds)
    rows = []
    for name, samples in found.items():
        seconds = samples.median(lambda each: each.seconds)
        conflicts = {each.conflicts for each in samples.values}
        rows.append(
            (
                name,
                f"{seconds:.1f}",
                f"{size.lines / seconds / 1e6:.2f}",
                f"{slowest / seconds:.2f}",
                f"{samples.most(lambda each: each.peak_mb):.0f}",
                ", ".join("-" if each is None else str(each) for each in sorted(conflicts, key=str)),
            )
        )
    columns = (
        "reader",
        "seconds",
        "million lines/s",
        "of the limit",
        "MB of one process",
        f"conflicts of {CONFLICTS}",
    )
    return tabulate(rows, columns, tablefmt="github", disable_numparse=True)


def from_the_shell(folder: Path) -> float:
    """Seconds of one small file, from the shell to the verdict."""
    (file, *_) = sorted(folder.iterdir())
    times = sorted(ours(file).seconds for _ in range(9))
    return times[4]


def merge_rows(count: int) -> None:
    """Merge so many rows, each of a stream of its own."""
    from tenantcheck.logs.facts import Facts
    from tenantcheck.logs.rows import At, Row, Span
    from tenantcheck.logs.store import RowStore

    rng = random.Random(1)
    begun = time.perf_counter()

    def rows() -> Iterator[Row]:
        for number in range(count):
            at = At(f"tenant-{number % 500:03d}", _uuid(rng), "2026-11-25T00:00:00.000Z", "f", 1)
            yield Row(
                stream=f"2026/11/25/[$LATEST]{rng.getrandbits(128):032x}",
                low=at,
                high=at,
                spans=(Span(at.time, at.time, 5),),
            )

    with RowStore() as store:
        store.add(rows())
        added = time.perf_counter() - begun
        facts = Facts().add(store.merged())
    seconds = time.perf_counter() - begun
    print(f"{facts.streams:,} rows merged in {seconds:.0f} s, {added:.0f} s of them to make and add them")
    print(f"at most {peak_mb():.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logs")
    parser.add_argument("what", nargs="?", default="measure", choices=("measure", "make", "rows"))
    parser.add_argument("where", nargs="?", default=str(Path(tempfile.gettempdir()) / "tenantcheck-bench-logs"))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.what == "rows":
        merge_rows(int(given.where))
        return
    folder = Path(given.where)
    folder.mkdir(parents=True, exist_ok=True)
    sizes = make(folder, given.scale)
    if given.what == "make":
        return
    parts = []
    for kind, size in sizes.items():
        title = f"{kind}: {size.files:,} files, {size.lines:,} lines"
        parts.append(f"### {title}\n\n{measured(folder / f'{kind}-{size.files}', kind, size, given.repeats)}")
        print(f"{parts[-1]}\n", flush=True)
    small = folder / f"small-{sizes['small'].files}"
    parts.append(f"One small file, from the shell to the verdict: {from_the_shell(small):.2f} s.")
    print(parts[-1])
    if given.write:
        from benchmarks.page import put

        put(PAGE, "logs", "\n\n".join(parts))


if __name__ == "__main__":
    main()
