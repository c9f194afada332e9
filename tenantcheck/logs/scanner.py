"""The one scanner: lines of a log stream go in, its row comes out. Everything else is a way to run it.

Only what the platform writes is the truth: `platform.start`, `platform.runtimeDone` and `platform.report` name the
tenant. Lines are looked at many at a time: a healthy stream repeats one ending of its starts and one tenant, so that
comparing bytes tells that nothing else stands there. A line that differs is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec import structs

from tenantcheck.logs.rows import MOST_OPEN, At, GapKind, Row, Span, Stream, stream_in

#: One event of CloudWatch is no larger: of longer lines nothing is looked at.
MAX_LINE = 1 << 20
#: Lambda's pattern of a tenant id.
TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")

_PLATFORM = b'"platform.'
_START = b'"platform.start"'
_REPORT = b'"platform.report"'
_INIT_START = b'"platform.initStart"'
_DROPPED = b'"platform.logsDropped"'
#: What follows in a record of the platform.
_RECORD = b',"record":{"requestId":"'
_TENANT_KEY = b'"tenantId":'
#: An export writes the time in front of a line, and nothing else does.
_FRONT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z ")
_TEXT_INIT = b"INIT_START Runtime Version: "
_TEXT_REPORT = b"REPORT RequestId: "
#: Request ids of one scan that are told apart: what is delivered twice is no more than once, where so little is
# there.
_MOST_TOLD_APART = 64
_IN_TEXT = b"T RequestId: "
_TEXT_START = b"START RequestId: "
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID = 36
#: A stream says at its beginning which one it is, and what its function's lines are like.
_OPENING = 1 << 16
#: Of what stands in the place of a request id so much is kept.
_LONGEST_ID = 64
#: Streams write more open starts than this only where reports are missing.
_MOST_STARTS = 1_000


class _Record(msgspec.Struct):
    requestId: str | None = None  # noqa: N815 - Lambda's names
    tenantId: str | msgspec.UnsetType | None = msgspec.UNSET  # noqa: N815
    functionArn: str | None = None  # noqa: N815
    version: str | None = None
    instanceId: str | None = None  # noqa: N815


class _Line(msgspec.Struct):
    """A line in JSON: a platform record, or one of the function."""

    type: str | None = None
    time: str | None = None
    timestamp: str | int | float | None = None
    record: _Record | None = None
    tenantId: str | None = None  # noqa: N815
    requestId: str | None = None  # noqa: N815


_decode = msgspec.json.Decoder(_Line).decode
_ARN = re.compile(r"arn:aws[a-z-]*:lambda:([a-z0-9-]+):(\d{12}):function:([A-Za-z0-9_-]+)")


class Scan:
    """Takes in the lines of one log stream, block by block; `row()` is what is kept of them.

    `sent` says for whom requests were sent, by their id, where a run recorded it: text format names no tenant.
    """

    def __init__(
        self,
        stream: Stream | None,
        *,
        file: str = "",
        account: str = "",
        region: str = "",
        group: str = "",
        sent: Mapping[str, str] | None = None,
    ) -> None:
        self._row = Row(
            stream=stream.name if stream is not None else file,
            account=account,
            region=region,
            group=group,
            function=stream.function if stream is not None else "",
            version=stream.version if stream is not None else "",
        )
        self._row.unplaced = stream is None
        self._count = self._reports = self._joined = 0
        self._ids: set[bytes] | None = set()
        """Starts so far; None where they are many."""
        self._fronted: bool | None = None
        """The time stands in front of each line, as in an export; None before the first line."""
        self._first = self._last = ""
        self._file = file
        self._sent = sent or {}
        self._ending = b""
        """How a start ends, from its request id on, that was decoded: the others are compared with it."""
        self._tenant = b""
        """The tenant of that start, as a line has it."""
        self._starts: set[bytes] = set()
        self._orphans: set[bytes] = set()
        self._json_starts = False
        """The stream is in JSON format: lines that look like starts in text are the function's own."""
        self._begin = self._end = 0
        """Where the lines stand, in their block, that are looked at."""
        self._read = 0
        """Bytes that were taken in, whole lines."""
        self._carried = b""
        self._skipping = False
        """In the middle of a line that is too long."""

    # ------------------------------------------------------------------ taking in

    def feed(self, block: bytes) -> None:
        """Take in some bytes; a line may go on in the next block. Large blocks are not copied: what begins before one
        is looked at apart."""
        begin = 0
        if self._skipping or self._carried:
            begin = block.find(b"\n") + 1
            if self._skipping:
                self._skipping = not begin
            elif begin:
                line, self._carried = self._carried + block[:begin], b""
                self._lines(line, 0, len(line))
            else:
                self._carry(self._carried + block)
                return
            if self._skipping:
                return
        end = block.rfind(b"\n") + 1
        if end > begin:
            self._lines(block, begin, end)
        self._carry(block[max(begin, end) :])

    def _carry(self, rest: bytes) -> None:
        """Keep the beginning of a line whose end is still to come."""
        if len(rest) > MAX_LINE:
            self.gap("long-line")
            self._skipping, rest = True, b""
        self._carried = rest

    def gap(self, kind: GapKind, count: int = 1) -> None:
        """Something is missing."""
        if count:
            self._row.gaps[kind] = self._row.gaps.get(kind, 0) + count

    @property
    def empty(self) -> bool:
        """Whether nothing of the platform was seen so far."""
        return not self._row.spoke

    def row(self) -> Row:
        """What is kept of all that was taken in."""
        if self._carried:
            rest, self._carried = self._carried, b""
            self._lines(rest + b"\n", 0, len(rest) + 1)
        span = Span(self._first, self._last, self._count, self._reports, self._joined)
        return structs.replace(
            self._row,
            spans=(span,) if self._count or self._reports else (),
            gaps=dict(self._row.gaps),
            in_json=self._json_starts,
            open_starts=_texts(self._starts),
            open_reports=_texts(self._orphans - self._starts),
        )

    # ------------------------------------------------------------------ many lines at once

    def _lines(self, block: bytes, begin: int, end: int) -> None:
        """Whole lines, from one byte to another."""
        self._begin, self._end = begin, end
        if self._fronted is None:
            self._fronted = _FRONT.match(block, begin) is not None
        starts = block.count(_START, begin, end)
        if starts:
            self._started(block, starts)
        reports = block.count(_REPORT, begin, end)
        self._reports += reports
        self._row.spoke = self._row.spoke or bool(starts or reports)
        if not self._row.reports_name:
            self._reported(block)
        self._tenants(block)
        if block.find(_IN_TEXT, begin, end) >= 0:
            self._in_text(block, _TEXT_START)
            self._in_text(block, _TEXT_REPORT)
        if block.find(_DROPPED, begin, end) >= 0:
            self._each(block, _DROPPED, self._odd)
        if self._read < _OPENING and block.find(_INIT_START, begin, min(end, begin + _OPENING)) >= 0:
            self._each(block, _INIT_START, self._odd)
        if self._read < _OPENING and block.find(_TEXT_INIT, begin, min(end, begin + _OPENING)) >= 0:
            self._row.spoke = True
        self._read += end - begin

    def _started(self, block: bytes, starts: int) -> None:
        """Starts that end as one that was decoded name the same tenant; others are decoded.

        Only a function that prints that very ending could hide a start, and only one that names no tenant, which an
        isolated function does not have: a start that names another tenant is found by that name (`_tenants`).
        """
        learnt = 0
        if not self._ending:
            self._one(block, block.find(_START, self._begin, self._end))
            learnt = 1
        if not self._ending or block.count(self._ending, self._begin, self._end) != starts:
            self._each(block, _START, self._one, left_out=learnt)
            return
        if self._ids is None:
            self._count += starts - learnt
        else:
            self._told_apart(piece[:_ID] for piece in block[self._begin : self._end].split(_START + _RECORD)[1:])
        self._times(block)

    def _told_apart(self, ids: Iterable[bytes]) -> None:
        """Count starts, each request once, as long as they are few."""
        for id_ in ids:
            if self._ids is None:
                self._count += 1
            elif id_ not in self._ids:
                self._count += 1
                self._ids.add(id_)
                if len(self._ids) > _MOST_TOLD_APART:
                    self._ids = None

    def _reported(self, block: bytes) -> None:
        """Reports that name no tenant need a start that does. The platform writes those of one stream alike: where
        one names the tenant, all do, and nothing is looked for any more."""
        if self._a_report_names(block):
            self._row.reports_name = True
            return
        lines = block[self._begin : self._end]
        self._starts.update([piece[:_ID] for piece in lines.split(_START + _RECORD)[1:]])
        pieces = lines.split(_REPORT)[1:]
        if all(piece.startswith(_RECORD) for piece in pieces):
            begin = len(_RECORD)
            self._matched([piece[begin : begin + _ID] for piece in pieces])
        else:
            self._each(block, _REPORT, self._odd)

    def _a_report_names(self, block: bytes) -> bool:
        """Whether some report names its tenant."""
        at = block.find(_REPORT, self._begin, self._end)
        while at >= 0:
            end = block.find(b"\n", at)
            if block.find(_TENANT_KEY, at, end) >= 0:
                line = self._decoded(block, at)
                told = line.record if line is not None and line.type == "platform.report" else None
                if told is not None and isinstance(told.tenantId, str):
                    return True
            at = block.find(_REPORT, end, self._end)
        return False

    def _matched(self, reported: list[bytes]) -> None:
        for id_ in set(reported).difference(self._starts):
            self._orphan(id_)
        self._starts.difference_update(reported)
        if len(self._starts) > _MOST_STARTS:
            self._starts = set(sorted(self._starts)[-MOST_OPEN:])

    def _orphan(self, id_: bytes) -> None:
        if len(self._orphans) < MOST_OPEN:
            self._orphans.add(id_)
        else:
            self.gap("no-tenant-in-report")

    def _tenants(self, block: bytes) -> None:
        """Every line that names a tenant: as a rule all name the same one."""
        begin, end = self._begin, self._end
        named = block.count(_TENANT_KEY, begin, end)
        if self._read < _OPENING:
            self._row.says = self._row.says or named > block.count(_PLATFORM, begin, end)
        if named and (not self._tenant or named != block.count(self._tenant, begin, end)):
            self._each(block, _TENANT_KEY, self._named_in)

    def _each(self, block: bytes, words: bytes, look: Callable[[bytes, int], None], left_out: int = 0) -> None:
        """Look at each line with these words, once, but for the first ones."""
        at = block.find(words, self._begin, self._end)
        while at >= 0:
            if left_out <= 0:
                look(block, at)
            left_out -= 1
            at = block.find(words, block.find(b"\n", at), self._end)

    def _times(self, block: bytes) -> None:
        """When the first and the last start of a block were, by where they stand."""
        for at in (block.find(_START, self._begin, self._end), block.rfind(_START, self._begin, self._end)):
            line = self._decoded(block, at)
            if line is not None:
                self._at_time(line.time)

    def _at_time(self, time: str | None) -> None:
        if not time or len(time) > 40:
            return
        self._first = min(self._first, time) if self._first else time
        self._last = max(self._last, time)

    def _in_text(self, block: bytes, words: bytes) -> None:
        """Lines of the platform in text format: starts, and reports, which name the request as well."""
        at = block.find(words, self._begin, self._end)
        while at >= 0:
            id_ = block[at + len(words) : at + len(words) + _ID]
            text = id_.decode("ascii", "replace")
            if _UUID.fullmatch(text) and self._at_the_beginning(block, at):
                self._row.spoke = True
                tenant = self._sent.get(text)
                if words == _TEXT_REPORT:
                    self._reports += 1
                else:
                    self._text_start(id_, known=tenant is not None)
                if tenant is not None:
                    self._truth(tenant, text, "", block, at)
            at = block.find(words, at + 1, self._end)

    def _text_start(self, id_: bytes, *, known: bool) -> None:
        before = self._count
        self._told_apart([id_])
        if known:
            self._joined += self._count - before
        else:
            self._row.text += 1

    def _at_the_beginning(self, block: bytes, at: int) -> bool:
        """Whether something stands where a line begins, behind the time where lines have one: what stands further
        behind is the function's own text."""
        begin = block.rfind(b"\n", 0, at) + 1
        begin = max(begin, self._begin)
        if begin == at:
            return not self._fronted
        front = _FRONT.match(block, begin)
        return front is not None and front.end() == at

    # ------------------------------------------------------------------ one line

    def _decoded(self, block: bytes, at: int) -> _Line | None:
        """The line around a place, decoded; None where it is not JSON, or stands behind something else."""
        line = self._document(block, at)
        if line is None:
            return None
        try:
            return _decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None

    def _document(self, block: bytes, at: int) -> bytes | None:
        """The document that is the line around a place; None where it is none."""
        line = _line_around(block, at)
        if line.startswith(b"{"):
            return None if self._fronted else line
        front = _FRONT.match(line)
        return line[front.end() :] if front is not None and line[front.end() : front.end() + 1] == b"{" else None

    def _one(self, block: bytes, at: int) -> None:
        """A start that does not end like those before it, or a line that only looks like one."""
        line = self._decoded(block, at)
        if line is None:
            # A function's own text may hold such words; a start that was cut may not be overlooked.
            if self._document(block, at) is not None:
                self.gap("unreadable-line")
        elif line.type == "platform.start":
            self._start(line, _line_around(block, at), block, at)

    def _odd(self, block: bytes, at: int) -> None:
        """Another record of the platform."""
        line = self._decoded(block, at)
        if line is None:
            return
        if line.type == "platform.initStart":
            self._init_start(line)
        elif line.type == "platform.logsDropped":
            self.gap("logs-dropped")
        elif line.type == "platform.report" and line.record is not None and line.record.requestId:
            id_ = line.record.requestId[:_LONGEST_ID].encode("utf-8", "replace")
            if id_ in self._starts:
                self._starts.discard(id_)
            elif not isinstance(line.record.tenantId, str):
                self._orphan(id_)

    def _start(self, line: _Line, text: bytes, block: bytes, at: int) -> None:
        record = line.record
        self._json_starts = True
        self._at_time(line.time)
        if record is None or not record.requestId:
            self._count += 1
            self.gap("unreadable-line")
            return
        self._told_apart([record.requestId[:_LONGEST_ID].encode("utf-8", "replace")])
        if len(self._starts) <= _MOST_STARTS:
            self._starts.add(record.requestId[:_LONGEST_ID].encode("utf-8", "replace"))
        if text.count(_TENANT_KEY) > 1 or text.count(b'"record"') > 1:
            self.gap("duplicate-key")
        self._function(record)
        tenant = record.tenantId
        if not isinstance(tenant, str):
            known = self._sent.get(record.requestId)
            if known is None:
                self._row.unnamed += 1
                place = self._place("", record.requestId, line.time or "", block, at)
                self._row.unnamed_at = min(filter(None, (self._row.unnamed_at, place)), default=place)
                return
            tenant = known
        self._truth(tenant, record.requestId, line.time or "", block, at)
        self._learn(text, record.requestId, tenant)

    def _learn(self, text: bytes, request_id: str, tenant: str) -> None:
        """Remember how this start ends: those that end alike name the same tenant."""
        _, found, ending = text.partition(_START + _RECORD + request_id.encode("utf-8", "replace"))
        name = b'"tenantId":"' + tenant.encode() + b'"'
        if found and len(request_id) == _ID and ending.count(name) == text.count(_TENANT_KEY) == 1:
            self._ending = ending + b"\n"
            self._tenant = name

    def _function(self, record: _Record) -> None:
        row = self._row
        arn = _ARN.match(record.functionArn or "")
        if arn is not None:
            row.region, row.account, row.function = (
                row.region or arn[1],
                row.account or arn[2],
                row.function or arn[3],
            )
        if record.version and len(record.version) <= 64:
            row.version = row.version or record.version

    def _init_start(self, line: _Line) -> None:
        """The platform names the stream itself: it has to be the one that the lines came from."""
        self._row.spoke = True
        own = stream_in((line.record.instanceId or "")[:600]) if line.record is not None else None
        if own is not None and not self._row.unplaced and own.name[-32:] != self._row.stream[-32:]:
            self.gap("other-stream")

    def _named_in(self, block: bytes, at: int) -> None:
        """A line that names a tenant."""
        line = self._decoded(block, at)
        if line is None:
            return
        platform = line.type in ("platform.start", "platform.runtimeDone", "platform.report")
        if not platform:
            if line.tenantId and line.type is None:
                self._function_says(line, block, at)
            return
        record = line.record
        if record is None or not isinstance(record.tenantId, str):
            return
        if line.type != "platform.start" or TENANT.fullmatch(record.tenantId):  # else it was counted with the starts
            self._truth(record.tenantId, record.requestId or "", line.time or "", block, at)

    def _function_says(self, line: _Line, block: bytes, at: int) -> None:
        row, tenant = self._row, line.tenantId or ""
        if not TENANT.fullmatch(tenant) or tenant in (row.low and row.low.tenant, row.high and row.high.tenant):
            return
        time = line.timestamp if isinstance(line.timestamp, str) else ""
        place = self._place(tenant, line.requestId or "", time, block, at)
        row.said = min(filter(None, (row.said, place)), default=place)
        if row.said_high is None or tenant > row.said_high.tenant:
            row.said_high = place

    def _truth(self, tenant: str, request_id: str, time: str, block: bytes, at: int) -> None:
        """The platform ran somebody's request here."""
        if not TENANT.fullmatch(tenant):
            self.gap("masked-tenant" if set(tenant) == {"*"} else "invalid-tenant")
            return
        row = self._row
        known = (row.low is not None and row.low.tenant == tenant) or (
            row.high is not None and row.high.tenant == tenant
        )
        if not known:
            place = self._place(tenant, request_id, time, block, at)
            if row.low is None or tenant < row.low.tenant:
                row.low = place
            if row.high is None or tenant > row.high.tenant:
                row.high = place
        if row.said is not None and row.said.tenant == tenant:
            row.said = row.said_high if row.said_high is not None and row.said_high.tenant != tenant else None
        if row.said_high is not None and row.said_high.tenant == tenant:
            row.said_high = row.said

    def _place(self, tenant: str, request_id: str, time: str, block: bytes, at: int) -> At:
        """Where it stands. Lines are counted in the first block only, and when somebody asks: counting all of them
        would take a tenth of the time."""
        before = at - self._begin
        line = block.count(b"\n", self._begin, at) + 1 if not self._read else -(self._read + before)
        return At(tenant, request_id[:64], time[:40], self._file, line)


def _line_around(block: bytes, at: int) -> bytes:
    begin = block.rfind(b"\n", 0, at) + 1
    end = block.find(b"\n", at)
    return block[begin : end if end >= 0 else len(block)]


def _texts(ids: set[bytes]) -> tuple[str, ...]:
    return tuple(each.decode("utf-8", "replace") for each in sorted(ids)[:MOST_OPEN])
