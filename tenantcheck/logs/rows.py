"""Rows: what is kept of one log stream, however many lines it has. A log stream is one execution environment.

Rows of the same stream merge by minimum, maximum and sum, in any order: parts of a stream may be read on several
machines or days, and twice, and the verdict is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import msgspec
from msgspec import Struct

GapKind = Literal[
    "text-format",
    "no-tenant-in-report",
    "masked-tenant",
    "invalid-tenant",
    "unreadable-line",
    "duplicate-key",
    "long-line",
    "logs-dropped",
    "other-stream",
    "no-stream",
    "no-start",
    "unread-file",
    "cut-file",
    "bomb",
    "cut-result",
    "not-logs",
]
#: What makes a log less than whole, in the order of reports.
GAPS: tuple[GapKind, ...] = get_args(GapKind)
#: Request ids that a row keeps open, at most: an environment serves one request at a time.
MOST_OPEN = 64
#: A row file's first line.
FORMAT = "tenantcheck-rows"
VERSION = 1


class At(Struct, frozen=True, array_like=True, order=True, gc=False):
    """Where an invocation stands in the logs."""

    tenant: str
    request_id: str = ""
    time: str = ""
    """ISO 8601 in UTC, as the platform wrote it."""
    file: str = ""
    line: int = 0
    """Counted from 1; a negative one is the byte at which it stands. 0: not known."""


class Row(Struct, kw_only=True, omit_defaults=True):
    """One log stream, or a part of it."""

    stream: str
    """The key: normalised, so that an export and a live group name it alike."""
    account: str = ""
    region: str = ""
    group: str = ""
    function: str = ""
    version: str = ""
    low: At | None = None
    """The smallest tenant id that the platform named, and where."""
    high: At | None = None
    """The largest one: another one than `low` where two tenants ran here."""
    starts: int = 0
    """Invocations that the platform says were started."""
    unnamed: int = 0
    """Those of them, in JSON format, for which it names no tenant."""
    unnamed_at: At | None = None
    said: At | None = None
    """A tenant that a line of the function names, and the platform does not name in the same part of the stream."""
    foreign: At | None = None
    """A tenant that nobody expects."""
    first: str = ""
    last: str = ""
    """Time of the first and of the last start that were looked at; ISO 8601 in UTC."""
    in_json: bool = False
    """Some start is in JSON format, so the stream is."""
    text: int = 0
    """Starts in text format, which name no tenant, and of which no run says whom they were for."""
    reports_name: bool = False
    """Some report names the tenant, so all do: the platform writes those of one stream alike."""
    gaps: dict[str, int] = {}
    """How often something is missing, by its kind."""
    open_starts: tuple[str, ...] = ()
    """Requests that were started and not reported, here."""
    open_reports: tuple[str, ...] = ()
    """Requests that were reported without a tenant, and not started here."""

    @property
    def shared(self) -> bool:
        """Whether two tenants ran in this environment."""
        return self.low is not None and self.high is not None and self.low.tenant != self.high.tenant

    @property
    def missing(self) -> dict[str, int]:
        """How often something is missing, by its kind: what the parts say together."""
        missing = dict(self.gaps)
        if self.text and not self.in_json:
            missing["text-format"] = self.text
        if self.open_reports and not self.reports_name:
            missing["no-tenant-in-report"] = missing.get("no-tenant-in-report", 0) + len(self.open_reports)
        return missing


def merged(one: Row, other: Row) -> Row:
    """Two parts of one stream as one row."""
    gaps = dict(one.gaps)
    for kind, count in other.gaps.items():
        gaps[kind] = gaps.get(kind, 0) + count
    return Row(
        stream=one.stream,
        account=_known(one.account, other.account),
        region=_known(one.region, other.region),
        group=_known(one.group, other.group),
        function=_known(one.function, other.function),
        version=_known(one.version, other.version),
        low=_least(one.low, other.low),
        high=_most(one.high, other.high),
        starts=one.starts + other.starts,
        unnamed=one.unnamed + other.unnamed,
        unnamed_at=_least(one.unnamed_at, other.unnamed_at),
        said=_least(one.said, other.said),
        foreign=_least(one.foreign, other.foreign),
        first=min(filter(None, (one.first, other.first)), default=""),
        last=max(one.last, other.last),
        in_json=one.in_json or other.in_json,
        text=one.text + other.text,
        reports_name=one.reports_name or other.reports_name,
        gaps=gaps,
        open_starts=_some({*one.open_starts, *other.open_starts}),
        open_reports=_some({*one.open_reports, *other.open_reports}.difference(one.open_starts, other.open_starts)),
    )


def _known(one: str, other: str) -> str:
    """What one of two parts knows; the smaller one where both do."""
    return min(filter(None, (one, other)), default="")


def _least(one: At | None, other: At | None) -> At | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


def _most(one: At | None, other: At | None) -> At | None:
    if one is None or other is None:
        return one or other
    # Of one tenant the first place, whichever part is the first one.
    return max(one, other, key=lambda at: at.tenant) if one.tenant != other.tenant else min(one, other)


def _some(ids: set[str]) -> tuple[str, ...]:
    """Of ids the first ones, in an order that does not depend on where they come from."""
    return tuple(sorted(ids)[:MOST_OPEN])


_STREAM = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[-/](?P<function>[^/\[\]]*)"
    r"\[(?P<version>[^\]/]{1,64})\](?P<hex>[0-9a-f]{32})"
)


class Stream(Struct, frozen=True):
    """A log stream by its name."""

    name: str
    function: str = ""
    """Where the name holds it: in groups that several functions may share."""
    version: str = ""


def stream_in(text: str) -> Stream | None:
    """The stream whose name stands last in a text: a name, a path, a folder of an export (with dashes for "
    "slashes)."""
    found = [*_STREAM.finditer(text)]
    if not found:
        return None
    year, month, day, function, version, digits = found[-1].groups()
    return Stream(f"{year}/{month}/{day}/{function}[{version}]{digits}", function, version)


_decode_row = msgspec.json.Decoder(Row).decode
_encode = msgspec.json.Encoder().encode


def encoded(row: Row) -> bytes:
    """A row as one line, without its end."""
    return _encode(row)


def header() -> bytes:
    """The first line of a file of rows."""
    return _encode({"format": FORMAT, "version": VERSION})


def decoded(line: bytes) -> Row:
    """The row of one line. Raises `msgspec.DecodeError`."""
    return _decode_row(line)


def merge_sorted(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows that come by stream, each stream once."""
    last: Row | None = None
    for row in rows:
        if last is not None and last.stream == row.stream:
            last = merged(last, row)
            continue
        if last is not None:
            yield last
        last = row
    if last is not None:
        yield last
