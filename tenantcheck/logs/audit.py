"""An audit from its sources to its verdict."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import structs

from tenantcheck.aws import ReadingOptions
from tenantcheck.errors import TargetError, UsageError
from tenantcheck.logs.cursor import Cursor, read_cursor, write_cursor
from tenantcheck.logs.facts import Facts
from tenantcheck.logs.judge import About, judged, uncovered
from tenantcheck.logs.rows import DOUBTS, Row, encoded, footer, header
from tenantcheck.logs.sources.files import FORMATS, Wanted, files_in, is_rows_file, line_at, rows_of_file
from tenantcheck.logs.sources.histories import is_history, sent_in
from tenantcheck.logs.store import RowStore
from tenantcheck.model import Verdict

if TYPE_CHECKING:
    from tenantcheck.logs.sources.live import LiveGroup, Window

Engine = Literal["scan", "insights", "spark"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
#: A cursor is written so often, in seconds.
_CHECKPOINT_S = 20.0
#: Environments of which nothing was heard for so long before a window are gone; a cursor forgets them.
_FORGOTTEN_MS = 3 * 86_400_000
_DAY_MS = 86_400_000
#: A window is read anew so often.
_MOST_ANEW = 2

OnProgress = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """What is read, and how."""

    sources: tuple[str, ...]
    """Files, folders, S3 URIs, histories, and at most one log group."""
    form: str | None = None
    """Name of the files' format; None: recognised by content."""
    since_ms: int | None = None
    """Of a live group, milliseconds since the epoch; None: a day before `until`."""
    until_ms: int | None = None
    """None: now."""
    expect: frozenset[str] | None = None
    """Tenants that should be there."""
    engine: Engine = "scan"
    unmask: bool = False
    """Read what a data protection policy masks."""
    cursor: Path | None = None
    """Where reading a live group goes on."""
    watch: bool = False
    """Go on from where a complete cursor ended."""
    rows: Path | None = None
    """Also write the merged rows to this file."""
    processes: int | None = None
    spark_master: str | None = None
    strict: bool = False
    aws: ReadingOptions = field(default_factory=ReadingOptions)

    def __post_init__(self) -> None:
        """Raises `UsageError` for what does not go together."""
        if not self.sources:
            raise UsageError("there is nothing to audit", "Name a log group, files, a folder or an S3 URI.")
        names = [each.name for each in FORMATS]
        if self.form is not None and self.form not in names:
            raise UsageError(f"there is no format '{self.form}'", f"There are {', '.join(names)}.")
        if self.engine not in ENGINES:
            raise UsageError(f"there is no engine '{self.engine}'", f"There are {', '.join(ENGINES)}.")
        if self.watch and self.cursor is None:
            raise UsageError("--watch needs a cursor to go on from", "Name one: --cursor FILE")
        if self.since_ms is not None and self.until_ms is not None and self.since_ms >= self.until_ms:
            raise UsageError("--since is not before --until")


def audit(settings: AuditSettings, on_progress: OnProgress = lambda _: None) -> Verdict:
    """Read, merge and judge. `on_progress` is told where reading stands, in words. Raises `UsageError` and
    `TenantcheckError`."""
    groups, histories, paths = _parted(settings)
    _only_for_groups(settings, groups)
    if groups and paths:
        raise UsageError(
            f"{groups[0]} is a log group, {paths[0]} is not", "Audit one, then the other: --rows joins them."
        )
    sent: dict[str, str] = {}
    for history in histories:
        sent |= sent_in(history)
    wanted = Wanted(sent, settings.form)
    with RowStore() as store:
        if groups:
            reading = _read_group(settings, groups[0], wanted, store, on_progress)
        else:
            reading = _read_files(settings, paths, wanted, store, on_progress)
        if histories:
            of = "1 history" if len(histories) == 1 else f"{len(histories)} histories"
            told = f"{len(sent)} requests of {of} were joined by their ids, where the platform names no tenant"
            about = replace(reading.about, remarks=(*reading.about.remarks, told))
            reading = replace(reading, about=about, sent=len(sent))
        return _judged(settings, reading, store)


def _only_for_groups(settings: AuditSettings, groups: Sequence[str]) -> None:
    """Raises `UsageError` for options that would be ignored."""
    if not groups:
        given = {"--since": settings.since_ms, "--until": settings.until_ms, "--cursor": settings.cursor}
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"{name} is for log groups", "Files are read whole: leave it out.")
        if settings.unmask:
            raise UsageError("--unmask is for log groups", "What is masked in a file stays masked.")
    elif settings.form is not None:
        raise UsageError("--source-format is for files", "A log group has one format: leave it out.")


@dataclass(frozen=True)
class _Read:
    about: About
    invocations: int | None = None
    function: str = ""
    sent: int = 0
    """Requests of histories beside the logs."""


def _parted(settings: AuditSettings) -> tuple[list[str], list[str], list[str]]:
    """Log groups, histories, and everything else."""
    groups: list[str] = []
    histories: list[str] = []
    paths: list[str] = []
    for source in settings.sources:
        if "://" in source or Path(source).exists():
            (histories if is_history(source) else paths).append(source)
        elif _may_be_group(_without_arn(source)):
            groups.append(source)
        else:
            paths.append(source)  # which says that it is not there
    if len(groups) > 1:
        raise UsageError(
            "one log group at a time", "Audit each with --rows FILE, then: tenantcheck audit merge FILE…"
        )
    if histories and not (groups or paths):
        raise UsageError("a history alone holds no logs", "Name the logs of the function as well.")
    return groups, histories, paths


_GROUP_ARN = re.compile(
    r"arn:aws[a-z-]*:logs:(?P<region>[a-z0-9-]*):(?P<account>\d*):log-group:(?P<name>[^:]+)(:\*)?"
)


def _without_arn(source: str) -> str:
    """The name of a log group that may be given by its ARN."""
    named = _GROUP_ARN.fullmatch(source)
    return named["name"] if named is not None else source


def _may_be_group(source: str) -> bool:
    from tenantcheck.logs.sources.live import GROUP

    looks_like_file = source.startswith((".", "~")) or source.endswith(
        (".gz", ".json", ".jsonl", ".csv", ".log", "/")
    )
    return GROUP.fullmatch(source) is not None and not looks_like_file


# ---------------------------------------------------------------------- files


def _read_files(
    settings: AuditSettings, paths: list[str], wanted: Wanted, store: RowStore, on_progress: OnProgress
) -> _Read:
    if settings.engine == "insights":
        raise UsageError("--engine insights asks a log group", "Name one, such as /aws/lambda/my-function.")
    if any(path.startswith("s3://") for path in paths):
        from tenantcheck.logs.sources.s3 import ask_as

        ask_as(settings.aws)
    remarks: tuple[str, ...] = ()
    if settings.engine == "spark":
        from tenantcheck.logs.engines.spark import scanned as on_spark

        store.add(on_spark(paths, wanted, master=settings.spark_master))
        on_progress("read by Spark")
    else:
        from tenantcheck.logs.engines.pool import scanned

        kept = [path for path in paths if settings.form in (None, "rows") and is_rows_file(path)]
        for path in kept:  # there may be millions in one
            store.add(rows_of_file(path, wanted))
            on_progress(f"{store.added:,} rows")
        paths = [path for path in paths if path not in kept]
        formats: Counter[str] = Counter({"rows": len(kept)} if kept else {})
        files = 0
        for batch in scanned(files_in(paths), wanted, processes=settings.processes):
            formats.update(batch.formats)
            files += batch.files
            store.add(batch.rows)
            on_progress(f"{files:,} files, {store.added:,} rows")
        about = {each.name: each.about for each in FORMATS}
        told = [f"{count:,} x {name} ({about.get(name, 'not opened')})" for name, count in sorted(formats.items())]
        remarks = (f"files by format: {', '.join(told) or 'none'}",)
        if formats["table"]:
            remarks = (*remarks, "a database grouped lines by stream; its query was not verified on AWS")
    return _Read(
        About(target=_named(settings.sources), sources=settings.sources[:20], remarks=remarks, strict=settings.strict)
    )


def _named(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


# ---------------------------------------------------------------------- a log group


def _read_group(
    settings: AuditSettings, source: str, wanted: Wanted, store: RowStore, on_progress: OnProgress
) -> _Read:
    from tenantcheck.logs.sources.live import LiveGroup, Window

    group, options, account = _asked(source, settings.aws)

    if settings.engine == "spark":
        raise UsageError("--engine spark reads files", "Export the group to S3, and name the export.")
    live = LiveGroup(group, options, unmask=settings.unmask, account=account)
    if not group.startswith("/"):
        on_progress(f"there is no file {group}, so it is taken for a log group")
    known = read_cursor(settings.cursor, group, live.where) if settings.cursor is not None else None
    described = live.described()
    until = settings.until_ms or int(time.time() * 1000)
    cursor = structs.replace(_begun(settings, group, known[0] if known else None, until), where=live.where)
    if known is not None:
        store.add(known[1])
    window = Window(cursor.from_ms, cursor.until_ms)
    remarks = list(described.remarks)
    doubts = list(described.doubts)
    if described.transformed and settings.engine == "insights":
        doubts.append("a transformer changes what Logs Insights sees of this group (leave --engine out)")
    if settings.engine == "insights":
        remarks.append("rows were grouped by Logs Insights; these queries were not verified on AWS")
        _insights(live, described.group_class, window, store, on_progress)
        cursor = _checkpoint(settings, structs.replace(cursor, token="", complete=True), store)
    else:
        cursor = _pages(settings, live, cursor, wanted, store, on_progress)
    counted, why = (None, "")
    if described.function:
        counted, why = live.invocations(described.function, Window(cursor.since_ms, cursor.until_ms))
    about = About(
        target=group,
        sources=(group,),
        since=_text(cursor.since_ms),
        until=_text(cursor.until_ms),
        doubts=tuple(doubts),
        remarks=tuple(filter(None, (*remarks, why))),
        strict=settings.strict,
    )
    if counted is not None:
        counted = max(0, counted - cursor.forgotten)
    return _Read(about, counted, described.function)


def _asked(source: str, options: ReadingOptions) -> tuple[str, ReadingOptions, str]:
    """The name of a group, where it is asked, and the account that it should be of. Raises `UsageError`."""
    named = _GROUP_ARN.fullmatch(source)
    if named is None:
        return source, options, ""
    region = named["region"] or options.region
    if options.region not in (None, region):
        raise UsageError(f"--region {options.region}: this ARN is one of {region}", "Leave --region out.")
    return named["name"], options._replace(region=region), named["account"]


def _begun(settings: AuditSettings, group: str, known: Cursor | None, until_ms: int) -> Cursor:
    """Where reading begins: anew, where it was broken off, or behind what was read. Raises `UsageError`."""
    from tenantcheck.logs.sources.live import LATE_MS

    if known is None:
        since = settings.since_ms if settings.since_ms is not None else until_ms - _DAY_MS
        if since >= until_ms:
            raise UsageError("--since is not before --until")
        return Cursor(group=group, since_ms=since, from_ms=since, until_ms=until_ms)
    if settings.since_ms is not None:
        raise UsageError(f"--since: the cursor {settings.cursor} says where reading goes on", "Leave it out.")
    if not known.complete:
        return known
    if not settings.watch:
        raise UsageError(
            f"--cursor {settings.cursor}: it was read to its end, {_text(known.until_ms)}",
            "Add --watch to go on from there, or name another file.",
        )
    begin = max(known.since_ms, known.until_ms - LATE_MS)  # events may come late
    return structs.replace(known, from_ms=begin, until_ms=max(until_ms, begin + 1), complete=False, token="")


def _pages(
    settings: AuditSettings,
    live: LiveGroup,
    cursor: Cursor,
    wanted: Wanted,
    store: RowStore,
    on_progress: OnProgress,
) -> Cursor:
    """Read every page; what was read is kept wherever it stops. Returns where reading stands then."""
    from tenantcheck.logs.sources.live import LATE_MS, ExpiredTokenError, Window

    begun = saved = time.monotonic()
    events = anew = 0
    # What a scheduled job reads again, since events may come late, counted before.
    counted_from_ms = cursor.from_ms + LATE_MS if cursor.from_ms > cursor.since_ms else 0
    window = Window(cursor.from_ms, cursor.until_ms)
    while True:
        try:
            for page in live.pages(window, wanted, cursor.token, counted_from_ms=counted_from_ms):
                store.add(page.rows)
                events += page.events
                late, tail = cursor.late_now + page.late, cursor.tail_now + page.tail
                cursor = structs.replace(cursor, token=page.token, late_now=late, tail_now=tail)
                on_progress(_estimate(events, page.share, time.monotonic() - begun))
                if page.token and time.monotonic() - saved > _CHECKPOINT_S:
                    _checkpoint(settings, cursor, store)
                    saved = time.monotonic()
            break
        except ExpiredTokenError as error:  # after a day: what is read twice changes no verdict
            cursor, anew = structs.replace(cursor, token="", late_now=0, tail_now=0), anew + 1
            if anew > _MOST_ANEW:
                told = f"CloudWatch Logs gives no further page of {live.group}"
                raise TargetError(told, "Try again later.") from error
        except TargetError:
            _checkpoint(settings, cursor, store)
            raise
    came_late = max(0, cursor.late_now - cursor.tail)
    return _checkpoint(
        settings,
        structs.replace(
            cursor,
            token="",
            complete=True,
            forgotten=cursor.forgotten + came_late,
            tail=cursor.tail_now,
            late_now=0,
            tail_now=0,
        ),
        store,
    )


def _estimate(events: int, share: float, seconds: float) -> str:
    left = f", about {seconds / share - seconds:.0f} s left" if 0.01 < share < 1 else ""
    return f"{events:,} events, {share:.0%} of the time{left}"


def _checkpoint(settings: AuditSettings, cursor: Cursor, store: RowStore) -> Cursor:
    """Keep where reading stands; returns it as it counts now: what is forgotten in the file is still in the store."""
    if settings.cursor is None:
        return cursor
    if not cursor.complete:
        write_cursor(settings.cursor, cursor, store.merged())
        return cursor
    oldest = _text(max(0, cursor.from_ms - _FORGOTTEN_MS))
    gone = sum(row.starts for row in store.merged() if not _still_told(row, oldest))
    told = (row for row in store.merged() if _still_told(row, oldest))
    write_cursor(settings.cursor, structs.replace(cursor, forgotten=cursor.forgotten + gone), told)
    return cursor


def _still_told(row: Row, oldest: str) -> bool:
    """Whether an environment may still serve, or something is to be said of it."""
    return not row.last or row.last >= oldest or row.shared or bool(row.missing or row.unnamed)


def _insights(live: LiveGroup, group_class: str, window: Window, store: RowStore, on_progress: OnProgress) -> None:
    if group_class == "DELIVERY":
        raise UsageError(f"{live.group} is of the class DELIVERY, which has no Logs Insights", "Leave --engine out.")
    store.add(live.insights(window, lambda share: on_progress(f"{share:.0%} of the time, by Logs Insights")))


def _text(ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ---------------------------------------------------------------------- the verdict


def _judged(settings: AuditSettings, reading: _Read, store: RowStore) -> Verdict:
    facts = Facts(
        expected=settings.expect, invocations=reading.invocations, function=reading.function, sent=reading.sent
    )
    digest = hashlib.sha256()
    with _RowFile(settings.rows) as file:
        facts.add(file.kept(_digested(store.merged(), digest.update)))
        file.end({*uncovered(facts), *reading.about.doubts, *facts.doubts})
    facts.locate(line_at)
    about = replace(reading.about, sha256=digest.hexdigest() if facts.streams else "", path=str(settings.rows or ""))
    return judged(facts, about)


def _digested(rows: Iterable[Row], update: Callable[[bytes], object]) -> Iterator[Row]:
    for row in rows:
        update(encoded(row) + b"\n")
        yield row


class _RowFile:
    """Writes rows as they pass, where a file is named. Raises `UsageError`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = None
        self._rows = 0
        if path is None:
            return
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise UsageError(f"--rows {path}: it exists already", "Name another file.") from error
        except OSError as error:
            raise UsageError(f"--rows {path}: {error.strerror}", "Name another file.") from error
        self._file = os.fdopen(descriptor, "wb")
        self._file.write(header() + b"\n")

    def kept(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, written on their way."""
        for row in rows:
            self._write(row)
            yield row

    def _write(self, row: Row) -> None:
        if self._file is not None:
            self._rows += 1
            self._file.write(encoded(row) + b"\n")

    def end(self, doubts: Iterable[str]) -> None:
        """What is held against these rows besides what they say, and the last line."""
        if doubts := tuple(sorted(doubts)):
            self._write(Row(stream=DOUBTS, doubts=doubts))
        if self._file is not None:
            self._file.write(footer(self._rows) + b"\n")

    def __enter__(self) -> _RowFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
