"""Rows: what is kept of one log stream, however many lines it has. A log stream is one execution environment.

Rows of the same stream merge by minimum, maximum and sum, in any order: parts of a stream may be read on several
machines or days, and twice, and the verdict is the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec
from msgspec import Struct

GapKind = Literal[
    "text-format",
    "mixed-format",
    "no-start-of-report",
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
FORMAT: Literal["tenantcheck-rows"] = "tenantcheck-rows"
VERSION: Literal[1] = 1


class At(Struct, frozen=True, array_like=True, order=True, gc=False):
    """Where an invocation stands in the logs."""

    tenant: str
    request_id: str = ""
    time: str = ""
    """ISO 8601 in UTC, as the platform wrote it."""
    file: str = ""
    line: int = 0
    """Counted from 1; a negative one is the byte at which it stands. 0: not known."""


class Span(Struct, frozen=True, array_like=True, order=True, gc=False):
    """Invocations that were started from one time to another."""

    first: str
    last: str
    """Time of the first and of the last one that were looked at; ISO 8601 in UTC. Empty where none is known."""
    starts: int
    reports: int = 0
    """Those that the platform says were over."""
    joined: int = 0
    """Starts in text format of which a run's history says whom they were for."""


class Row(Struct, kw_only=True, omit_defaults=True):
    """One log stream, or a part of it."""

    stream: str
    """Its name, else the file."""
    unplaced: bool = False
    """Nothing says which stream these lines belong to: they may be of several environments."""
    account: str = ""
    region: str = ""
    group: str = ""
    function: str = ""
    version: str = ""
    low: At | None = None
    """The smallest tenant id that the platform named, and where."""
    high: At | None = None
    """The largest one: another one than `low` where two tenants ran here."""
    spans: tuple[Span, ...] = ()
    """Invocations that the platform says were started, by when. What overlaps may have been read twice, and "
    "counts once."""
    unnamed: int = 0
    """Those of them, in JSON format, for which it names no tenant."""
    unnamed_at: At | None = None
    said: At | None = None
    said_high: At | None = None
    """The smallest and the largest tenant that lines of the function name, and the platform does not in the same
    part of the stream."""
    spoke: bool = False
    """Something of the platform is there."""
    says: bool = False
    """Lines of the function name tenants, too."""
    doubts: tuple[str, ...] = ()
    """Why a clean audit of these rows would not be enough, besides what they say."""
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
    def key(self) -> str:
        """What names the environment: the digits of the stream, however the rest of its name is written."""
        found = _DIGITS.search(self.stream)
        return self.stream if found is None or self.unplaced else found[1]

    @property
    def starts(self) -> int:
        """Invocations, at least."""
        return sum(span.starts for span in self.spans)

    @property
    def first(self) -> str:
        """Time of the first start."""
        return min((span.first for span in self.spans if span.first), default="")

    @property
    def last(self) -> str:
        """Time of the last start."""
        return max((span.last for span in self.spans), default="")

    @property
    def shared(self) -> bool:
        """Whether two tenants ran in this environment."""
        if self.unplaced:
            return False
        return self.low is not None and self.high is not None and self.low.tenant != self.high.tenant

    @property
    def missing(self) -> dict[str, int]:
        """How often something is missing, by its kind: what the parts say together."""
        missing = dict(self.gaps)
        if self.text:
            missing["mixed-format" if self.in_json else "text-format"] = self.text
        if self.unplaced:
            missing["no-stream"] = 1
        # One report of each part may belong to a start that came before it.
        unstarted = sum(max(0, span.reports - span.starts - 1) for span in self.spans)
        if unstarted:
            missing["no-start-of-report"] = unstarted
        if self.open_reports and not self.reports_name:
            missing["no-tenant-in-report"] = missing.get("no-tenant-in-report", 0) + len(self.open_reports)
        return missing


def merged(one: Row, other: Row) -> Row:
    """Two parts of one stream as one row."""
    gaps = dict(one.gaps)
    for kind, count in other.gaps.items():
        gaps[kind] = gaps.get(kind, 0) + count
    return Row(
        stream=max(one.stream, other.stream, key=lambda name: (len(name), name)),
        unplaced=one.unplaced or other.unplaced,
        account=_known(one.account, other.account),
        region=_known(one.region, other.region),
        group=_known(one.group, other.group),
        function=_known(one.function, other.function),
        version=_known(one.version, other.version),
        low=_least(one.low, other.low),
        high=_most(one.high, other.high),
        spans=joined(one.spans + other.spans),
        unnamed=one.unnamed + other.unnamed,
        unnamed_at=_least(one.unnamed_at, other.unnamed_at),
        said=_least(one.said, other.said),
        said_high=_most(one.said_high, other.said_high),
        spoke=one.spoke or other.spoke,
        says=one.says or other.says,
        doubts=tuple(sorted({*one.doubts, *other.doubts})),
        in_json=one.in_json or other.in_json,
        text=one.text + other.text,
        reports_name=one.reports_name or other.reports_name,
        gaps=gaps,
        open_starts=_some({*one.open_starts, *other.open_starts}),
        open_reports=_some({*one.open_reports, *other.open_reports}.difference(one.open_starts, other.open_starts)),
    )


#: Spans of one row, at most: an environment lives for hours.
_MOST_SPANS = 256


def joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in their order. Those that overlap may tell of the same invocations, so the largest count stands for
    them: what is read twice is no more than what is read once."""
    told: list[Span] = []
    for span in sorted(spans):
        before = told[-1] if told else None
        if before is not None and span.first <= before.last:
            told[-1] = Span(
                before.first,
                max(before.last, span.last),
                max(before.starts, span.starts),
                max(before.reports, span.reports),
                max(before.joined, span.joined),
            )
        else:
            told.append(span)
    while len(told) > _MOST_SPANS:  # neighbours become one
        pairs = [told[at : at + 2] for at in range(0, len(told), 2)]
        told = [
            Span(
                pair[0].first,
                pair[-1].last,
                sum(span.starts for span in pair),
                sum(span.reports for span in pair),
                sum(span.joined for span in pair),
            )
            for pair in pairs
        ]
    return tuple(told)


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


_DIGITS = re.compile(r"\]([0-9a-f]{32})$")
_STREAM = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[-/](?P<function>[^/\[\]]*)"
    r"\[(?P<version>[^\]/]{1,64})\](?P<hex>[0-9a-f]{32})"
)


#: Of a path so much is looked at: a name has at most 512 characters.
_LONGEST_NAME = 1_024


class Stream(Struct, frozen=True):
    """A log stream by its name."""

    name: str
    function: str = ""
    """Where the name holds it: in groups that several functions may share."""
    version: str = ""


def stream_in(text: str) -> Stream | None:
    """The stream whose name stands last in a text: a name, a path, a folder of an export (with dashes for "
    "slashes)."""
    found = [*_STREAM.finditer(text[-_LONGEST_NAME:])]
    if not found:
        return None
    year, month, day, function, version, digits = found[-1].groups()
    return Stream(f"{year}/{month}/{day}/{function}[{version}]{digits}", function, version)


_decode_row = msgspec.json.Decoder(Row).decode
_encode = msgspec.json.Encoder().encode


def encoded(row: Row) -> bytes:
    """A row as one line, without its end."""
    return _encode(row)


class Head(Struct, frozen=True, kw_only=True):
    """The first line of a file of rows."""

    format: Literal["tenantcheck-rows"] = FORMAT
    version: Literal[1] = VERSION


class Foot(Struct, frozen=True, kw_only=True):
    """The last line: without it the file is cut."""

    rows: int


#: The stream of a row that holds doubts alone.
DOUBTS = "(doubts)"
_decode_head = msgspec.json.Decoder(Head).decode
_decode_foot = msgspec.json.Decoder(Foot, strict=True).decode


def header() -> bytes:
    """The first line of a file of rows."""
    return _encode(Head())


def footer(rows: int) -> bytes:
    """Its last line."""
    return _encode(Foot(rows=rows))


def is_header(line: bytes) -> bool:
    """Whether a line is the first one of a file of rows that can be read here."""
    try:
        return b'"format"' in line and _decode_head(line) == Head()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def rows_in_footer(line: bytes) -> int | None:
    """How many rows the last line tells of; None for any other line."""
    if not line.startswith(b'{"rows":'):
        return None
    try:
        return _decode_foot(line).rows
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def decoded(line: bytes) -> Row:
    """The row of one line. Raises `msgspec.DecodeError`."""
    return _decode_row(line)
