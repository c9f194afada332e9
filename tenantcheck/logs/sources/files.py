"""Files of logs: which there are, in which format each one is, and the rows of one.

A format is recognised by content, since names say little: S3 exports end in `.gz`, subscriptions in nothing.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from tenantcheck.errors import UsageError
from tenantcheck.logs.rows import FORMAT, GapKind, Row, Stream, decoded, is_header, rows_in_footer, stream_in
from tenantcheck.logs.scanner import Scan
from tenantcheck.logs.sources.gzipped import Blocks, blocks_of
from tenantcheck.logs.sources.histories import HISTORY
from tenantcheck.logs.sources.tables import is_table, table_rows
from tenantcheck.model import Header

#: Files of one folder are read in batches of so many.
BATCH = 256
#: What a format is recognised by.
_HEAD = 4_096
#: Streams of one file whose scans are open together.
_MOST_OPEN = 10_000
#: A record of a subscription is no larger.
_MOST_RECORD = 32 << 20


class Wanted(NamedTuple):
    """What every scan is told."""

    sent: Mapping[str, str]
    """For whom requests were sent, by their id, where a run recorded it."""
    form: str | None = None
    """Name of the format, where the user says it."""


class Format(NamedTuple):
    """One format of log files."""

    name: str
    about: str
    recognise: Callable[[bytes], bool]
    rows: Callable[[str, Blocks, Wanted], Iterator[Row]]


def files_in(paths: Iterable[str]) -> Iterator[str]:
    """The files that are named, and those in folders that are; hidden ones are left out. A folder that can't be read
    is handed out as it is, so that it is missed. Raises `UsageError`."""
    for path in paths:
        if path.startswith("s3://"):
            from tenantcheck.logs.sources.s3 import objects_in

            yield from objects_in(path)
            continue
        try:
            mode = Path(path).stat().st_mode
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", "Name a file, a folder or a log group.") from error
        if not stat.S_ISDIR(mode):
            yield path
            continue
        yield from _files_under(path)


def _files_under(path: str) -> Iterator[str]:
    unread: list[str] = []
    seen: set[str] = set()
    for folder, folders, names in os.walk(
        path, onerror=lambda error: unread.append(error.filename), followlinks=True
    ):
        real = os.path.realpath(folder)
        if real in seen:  # a link to a folder that was read already
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(folder, name) for name in sorted(names) if _is_log(name))  # noqa: PTH118 - speed
    yield from unread


def shown_path(path: str) -> str:
    """A path as text that can be written anywhere, whatever bytes it has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_log(name: str) -> bool:
    """CloudWatch writes `aws-logs-write-test` beside every export."""
    return not name.startswith(".") and name != "aws-logs-write-test"


def rows_of(path: str, wanted: Wanted) -> tuple[str, list[Row]]:
    """The format of a file, and its rows; one that can't be opened is a gap."""
    if path.startswith("s3://"):
        from tenantcheck.logs.sources.s3 import opened

        with opened(path) as body:
            return rows_in(path, body, wanted)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return "none", [Row(stream=shown_path(path), gaps={"unread-file": 1})]
            return rows_in(path, file, wanted)
    except OSError:
        return "none", [Row(stream=shown_path(path), gaps={"unread-file": 1})]


def rows_in(path: str, file: BinaryIO, wanted: Wanted) -> tuple[str, list[Row]]:
    """The format of what an open file holds, and its rows; `path` names it."""
    blocks = blocks_of(file)
    form = _format(blocks.head(_HEAD), wanted.form)
    return form.name, list(form.rows(shown_path(path), blocks, wanted))


def line_at(path: str, byte: int) -> int:
    """The line, counted from 1, in which a byte of a file of lines stands when it is unpacked; 0 where it can't be
    told."""
    try:
        if not Path(path).is_file():
            return 0
        with Path(path).open("rb", buffering=0) as file:
            blocks = blocks_of(file)
            if _format(blocks.head(_HEAD), None).name != "lines":
                return 0
            line = 1
            for block in blocks:
                if byte <= len(block):
                    return line + block.count(b"\n", 0, byte)
                line += block.count(b"\n")
                byte -= len(block)
    except OSError:
        pass
    return 0


def _format(head: bytes, name: str | None) -> Format:
    if name is not None:
        return next(each for each in FORMATS if each.name == name)
    return next(each for each in FORMATS if each.recognise(head))


# ---------------------------------------------------------------------- lines


def _lines(path: str, blocks: Blocks, wanted: Wanted) -> Iterator[Row]:
    """One stream, line by line: an S3 export, a stream of the lab, the output of `aws logs tail --format short`."""
    scan = Scan(stream_in(path), file=path, group=_group_of(path), sent=wanted.sent)
    for block in blocks:
        scan.feed(block)
    if blocks.problem is not None:
        scan.gap(blocks.problem)
    row = scan.row()
    if scan.empty:  # noted here: beside a good part of the stream nobody would miss it
        row.gaps["no-start"] = row.gaps.get("no-start", 0) + 1
    yield row


def _group_of(path: str) -> str:
    """The log group, where a path holds it, as those of the lab do."""
    _, found, rest = path.partition("aws/lambda/")
    return f"/aws/lambda/{rest.partition('/')[0]}" if found and "/" in rest else ""


# ---------------------------------------------------------------------- subscriptions


class _Event(msgspec.Struct):
    message: str = ""


class _Delivery(msgspec.Struct):
    """What CloudWatch Logs hands to a subscription."""

    messageType: str = ""  # noqa: N815
    owner: str = ""
    logGroup: str = ""  # noqa: N815
    logStream: str = ""  # noqa: N815
    logEvents: list[_Event] = []  # noqa: N815


_delivery = msgspec.json.Decoder(_Delivery).decode


_FIRST_OF_RECORD = re.compile(rb'\s*\{\s*"(?:messageType|owner|logGroup|logStream|subscriptionFilters|logEvents)"')


def _is_subscription(head: bytes) -> bool:
    return _FIRST_OF_RECORD.match(head) is not None and b'"messageType"' in head


def _subscription(path: str, blocks: Blocks, wanted: Wanted) -> Iterator[Row]:
    """Records of a subscription, with or without something between them, in any number of gzip members."""
    scans = Scans(path, wanted)
    for record in _deliveries(blocks):
        if record is None:
            scans.gap("unreadable-line")
        elif record.messageType == "DATA_MESSAGE":
            messages = "\n".join([one_line(event.message) for event in record.logEvents])
            yield from scans.feed(record.logStream, messages, group=record.logGroup, account=record.owner)
        elif record.messageType != "CONTROL_MESSAGE":
            scans.gap("not-logs")
    if blocks.problem is not None:
        scans.gap(blocks.problem)
    yield from scans.rows()


def one_line(message: str) -> str:
    """A message as one line: what stands behind a line break is the function's, whatever it looks like."""
    return message if "\n" not in message else message.rstrip("\n").replace("\n", " ")


_CUT = re.compile(rb'\}\s{0,8}(?=\{")')


def _deliveries(blocks: Iterable[bytes]) -> Iterator[_Delivery | None]:
    """Records that follow each other; None for what is none. What looks like the end of one may stand in a message:
    then what lies before it is no record yet."""
    rest = b""
    looked = tries = 0
    for block in blocks:
        rest = rest + block if rest else block
        begin = last = 0
        for cut in _CUT.finditer(rest, max(0, looked - _MOST_BETWEEN)):
            if cut.end() + len(_BEGIN) <= looked:  # it was tried, when what follows it was there already
                continue
            tries += 1
            if tries > _MOST_TRIES:  # a record has not so many places that look like its end
                yield None
                begin, tries = last, 0
            record = _delivered(rest[begin : cut.end()])
            if record is None and last > begin and (record := _delivered(rest[last : cut.end()])) is not None:
                yield None  # what lies before it is no part of it
            last = cut.end()
            if record is not None:
                yield record
                begin, tries = last, 0
        looked = len(rest) - begin
        rest = rest[begin:]
        if len(rest) > _MOST_RECORD:
            yield None
            rest, looked = b"", 0
    if rest.strip():
        yield from _at_the_end(rest)


#: How a record begins, and bytes between the end of one and the beginning of the next, at most.
_BEGIN = b'{"'
_MOST_BETWEEN = 12
#: Places inside one record, in its messages, that may look like the end of it.
_MOST_TRIES = 64


def _at_the_end(rest: bytes) -> Iterator[_Delivery | None]:
    """What is left behind the last cut: a record, or something that is none and perhaps a record behind it."""
    cuts = [0, *(cut.end() for cut in _CUT.finditer(rest))]
    record = _delivered(rest)
    if record is None and (record := _delivered(rest[cuts[-1] :])) is not None:
        yield None
    yield record


def _delivered(text: bytes) -> _Delivery | None:
    try:
        return _delivery(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


class Scans:
    """A scan for each stream of one file; those beyond a number are closed, and merge later."""

    def __init__(self, path: str, wanted: Wanted, *, file: str | None = None) -> None:
        """`file` is what findings name; as a rule the path."""
        self._path = path
        self._file = path if file is None else file
        self._wanted = wanted
        self._open: dict[tuple[str, str], Scan] = {}
        self._gaps: dict[GapKind, int] = {}

    def gap(self, kind: GapKind) -> None:
        """Something is missing that belongs to no stream."""
        self._gaps[kind] = self._gaps.get(kind, 0) + 1

    def feed(self, stream: str, text: str, *, group: str = "", account: str = "") -> Iterator[Row]:
        """Lines of one stream; yields rows of scans that had to be closed."""
        scan = self._open.get((group, stream))
        if scan is None:
            if len(self._open) >= _MOST_OPEN:
                yield from self._closed()
            scan = self._open[group, stream] = Scan(
                stream_in(stream) or (Stream(f"{group}:{stream}"[:1024]) if stream else None),
                file=self._file,
                account=account[:12],
                group=group[:512],
                sent=self._wanted.sent,
            )
        scan.feed(text.encode("utf-8", "replace") + b"\n")

    def _closed(self) -> Iterator[Row]:
        for scan in self._open.values():
            yield scan.row()
        self._open.clear()

    def rows(self) -> Iterator[Row]:
        """The rows of all streams so far; what belongs to none has a row by the name of the file."""
        yield from self._closed()
        if self._gaps:
            yield Row(stream=self._path, gaps={str(kind): count for kind, count in self._gaps.items()})
            self._gaps.clear()


# ---------------------------------------------------------------------- filter-log-events


_FIRST_OF_EVENTS = re.compile(rb'\s*\{\s*"(?:events|searchedLogStreams|next(?:Forward|Backward)?Token|NextToken)"')


def _is_events(head: bytes) -> bool:
    return _FIRST_OF_EVENTS.match(head) is not None


def _events(path: str, blocks: Blocks, wanted: Wanted) -> Iterator[Row]:
    """The JSON of `aws logs filter-log-events`, as one document of any size."""
    import ijson

    scans = Scans(path, wanted)
    more = False

    def watched() -> Iterator[bytes]:
        nonlocal more
        before, inside = b"", 0
        for block in blocks:
            more = more or _MORE.search(before + block) is not None
            before = (before + block)[-64:]
            inside = 0 if _QUOTE.search(block) else inside + len(block)
            if inside > _LONGEST_TEXT:
                raise ValueError("one text without an end")
            yield block

    found = 0
    try:
        for event in ijson.items(_Reader(watched()), "events.item", use_float=True):
            if not isinstance(event, dict) or not isinstance(event.get("message"), str):
                scans.gap("unreadable-line")
                continue
            found += 1
            yield from scans.feed(str(event.get("logStreamName") or ""), one_line(event["message"]))
    except (ijson.JSONError, UnicodeDecodeError, ValueError, RecursionError):
        scans.gap("cut-file")
    if not found:
        scans.gap("no-start")
    if more:
        scans.gap("cut-result")
    if blocks.problem is not None:
        scans.gap(blocks.problem)
    yield from scans.rows()


#: The end, or the beginning, of a text; and how long a text without any may be.
_QUOTE = re.compile(rb'(?<!\\)"')
_LONGEST_TEXT = 4 << 20
#: A key that says that there is more; in a message its quotes would have backslashes.
_MORE = re.compile(rb'(?<!\\)"[nN]extToken"\s*:')


class _Reader:
    """Blocks as a file that ijson reads."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Some bytes; none at the end."""
        if not self._rest:
            self._rest = next(self._blocks, b"")
        if size < 0:
            size = len(self._rest)
        told, self._rest = self._rest[:size], self._rest[size:]
        return told


# ---------------------------------------------------------------------- rows of earlier audits


def _is_rows(head: bytes) -> bool:
    return head.startswith(b'{"format":"' + FORMAT.encode())


def _rows(path: str, blocks: Blocks, wanted: Wanted) -> Iterator[Row]:  # noqa: ARG001 - as every format
    """Rows that an earlier audit wrote. Raises `UsageError` for a line that is none, and for a file that is cut."""
    told: int | None = None
    number = 0
    for line in lines_of(blocks):
        number += 1
        if number == 1 and is_header(line):
            continue
        if number > 1 and told is None and (told := rows_in_footer(line)) is not None:
            continue
        try:
            if number == 1 or told is not None:
                raise msgspec.DecodeError
            yield decoded(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}, line {number}: not a row of an audit", "Is this file unchanged?") from error
    if told != number - 2 or blocks.problem is not None:
        raise UsageError(f"{path}: the file of rows is cut", "Write it again: tenantcheck audit … --rows FILE")


def is_rows_file(path: str) -> bool:
    """Whether a file holds the rows of an earlier audit."""
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb", buffering=0) as file:
            return _is_rows(blocks_of(file).head(_HEAD))
    except OSError:
        return False


def rows_of_file(path: str, wanted: Wanted) -> Iterator[Row]:
    """The rows of an earlier audit, one by one: there may be millions. Raises `UsageError`."""
    try:
        with Path(path).open("rb", buffering=0) as file:
            yield from _rows(shown_path(path), blocks_of(file), wanted)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "Name a readable file.") from error


def lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of some blocks, without their ends; of one that is too long only its beginning."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        rest = rest[: 1 << 22]
    if rest:
        yield rest


def _table(path: str, blocks: Blocks, wanted: Wanted) -> Iterator[Row]:  # noqa: ARG001 - as every format
    """What Athena or Logs Insights grouped by themselves."""
    yield from table_rows(path, lines_of(blocks))
    if blocks.problem is not None:
        yield Row(stream=path, gaps={blocks.problem: 1})


def _is_history(head: bytes) -> bool:
    return head.startswith(HISTORY)


def _nothing(path: str, blocks: Blocks, wanted: Wanted) -> Iterator[Row]:  # noqa: ARG001 - as every format
    """A history of a run holds no logs; where it is named, it says for whom requests were sent. What only begins like
    one is no history."""
    try:
        msgspec.json.decode(next(lines_of(blocks), b""), type=Header)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        yield Row(stream=path, gaps={"not-logs": 1})


FORMATS: tuple[Format, ...] = (
    Format("rows", "rows of an earlier audit", _is_rows, _rows),
    Format("history", "a history of tenantcheck: whom requests were sent for, by their id", _is_history, _nothing),
    Format("subscription", "Firehose or subscription objects", _is_subscription, _subscription),
    Format("events", "the JSON of aws logs filter-log-events", _is_events, _events),
    Format("table", "the result of a query of Athena or Logs Insights, as CSV", is_table, _table),
    Format("lines", "lines of one stream: an S3 export, or the lab's logs", lambda _: True, _lines),
)
