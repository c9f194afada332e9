"""Which log stream names which request: CloudWatch Logs, by FilterLogEvents.

A filter only spares pages: every event that comes is looked at here, and where the filter finds nothing it is left
out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from tenantcheck.aws import code_of, translated
from tenantcheck.errors import TargetError
from tenantcheck.model import Observation, Plan, Sighting
from tenantcheck.model import nonce as nonces
from tenantcheck.run.targets.aws import AwsSession, in_thread
from tenantcheck.run.targets.function import FunctionTarget

#: Clocks differ: events are asked for from so long before the first call on, in milliseconds.
_MARGIN_MS = 60_000
#: The same where nothing was found: SigV4 lets clocks be so far apart.
_WIDE_MARGIN_MS = 15 * 60_000
#: Pages of one look. A page has up to 10,000 events, or 1 MB.
_MOST_PAGES = 2_000
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TEXT_START = re.compile(rf"START RequestId: ({_UUID})(?: |$)")
#: A line of a function's own, by Python's and Node's default loggers in text format.
_TEXT_LINE = re.compile(rf"[^\n]{{0,64}}\t({_UUID})\t")
#: Lambda's own limit of one event.
_MOST_MESSAGE = 1 << 20

#: Lambda's pattern of a tenant id.
_TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")
_STARTS = '?"platform.start" ?"START RequestId"'
_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")


class LogSource(NamedTuple):
    """Where the logs of a run are: `group` is the log group, where the user names it."""

    session: AwsSession
    group: str | None = None
    control_group: str | None = None
    """That of the control, where it is another one."""

    async def open(self, plan: Plan, target: object, *, control: bool = False) -> CloudWatchLogs:
        """Find the log group, and make sure that it may be read. Raises `TargetError`."""
        named = (self.control_group or self.group) if control else self.group
        function = target.function_name if isinstance(target, FunctionTarget) else ""
        return await in_thread(lambda: self._opened(plan, named, function))

    def _opened(self, plan: Plan, named: str | None, function: str) -> CloudWatchLogs:
        group = named or self._configured(function) or f"/aws/lambda/{function}"
        logs = CloudWatchLogs(self.session.client("logs"), group, plan)
        logs.try_it()
        return logs

    def _configured(self, function: str) -> str | None:
        """The log group that the function writes to, where its configuration may be read."""
        from botocore import exceptions

        try:
            with translated():
                configuration = self.session.client("lambda").get_function_configuration(FunctionName=function)
        except (exceptions.ClientError, TargetError):
            return None  # not allowed to lambda:GetFunctionConfiguration: the default name is most likely right
        group = configuration.get("LoggingConfig", {}).get("LogGroup")
        return group if isinstance(group, str) and _GROUP.fullmatch(group) else None


class _Event(NamedTuple):
    stream: str
    time_ms: int
    message: str


class CloudWatchLogs:
    """The log group of one run. `client` is boto3's."""

    def __init__(self, client: Any, group: str, plan: Plan) -> None:
        self.group = group
        self._client = client
        self._by_nonce = plan.kind == "probe"
        self._run_prefix = f"tck1-{plan.run}-"
        self._filter = f'?"{self._run_prefix}" {_STARTS}' if self._by_nonce else _STARTS

    def try_it(self) -> None:
        """Ask for one event, to see whether that is allowed. Raises `TargetError`. A log group may be made with the
        first invocation only."""
        from botocore import exceptions

        try:
            with translated():
                self._client.filter_log_events(logGroupName=self.group, startTime=_now_ms(), limit=1)
        except exceptions.ClientError as error:
            code = code_of(error)
            if code != "ResourceNotFoundException":
                raise _refused(code, self.group) from error

    async def look(self, wanted: Sequence[Observation], since_ms: int, *, widely: bool) -> Sequence[Sighting]:
        """What the logs tell by now of these requests. Raises `TargetError`."""
        since_ms -= _WIDE_MARGIN_MS if widely else _MARGIN_MS
        return await in_thread(lambda: self._looked(wanted, max(since_ms, 0), filtered=not widely))

    def _looked(self, wanted: Sequence[Observation], since_ms: int, *, filtered: bool) -> list[Sighting]:
        events = self._events(since_ms, filtered=filtered)
        return _by_nonce(events, wanted) if self._by_nonce else _by_request_id(events, wanted)

    def _events(self, since_ms: int, *, filtered: bool) -> Iterator[_Event]:
        from botocore import exceptions

        asked: dict[str, Any] = {"logGroupName": self.group, "startTime": since_ms}
        if filtered:
            asked["filterPattern"] = self._filter
        for _ in range(_MOST_PAGES):
            try:
                with translated():
                    page = self._client.filter_log_events(**asked)
            except exceptions.ClientError as error:
                code = code_of(error)
                if code == "ResourceNotFoundException" and filtered:
                    return  # made with the first invocation
                raise _refused(code, self.group) from error
            for event in page.get("events", ()):
                message = event.get("message", "")
                if len(message) <= _MOST_MESSAGE:
                    yield _Event(str(event.get("logStreamName", ""))[:512], int(event.get("timestamp", 0)), message)
            if not page.get("nextToken"):
                return
            asked["nextToken"] = page["nextToken"]


def _refused(code: str, group: str) -> TargetError:
    if "AccessDenied" in code:
        return TargetError(f"not allowed to logs:FilterLogEvents on {group}", "Allow it, or name another --profile.")
    if code == "ResourceNotFoundException":
        return TargetError(f"there is no log group {group}", "Look at --log-group and --region.")
    return TargetError(f"the logs of {group} can't be read: {code}", "Look at --log-group, --region and --profile.")


def _now_ms() -> int:
    return int(time.time() * 1000)


class _Record(msgspec.Struct):
    requestId: str | None = None  # noqa: N815 - Lambda's name
    tenantId: str | None = None  # noqa: N815


class _Line(msgspec.Struct):
    """What is read of a line in JSON: a platform record, or a line of the function."""

    type: str | None = None
    record: _Record | None = None
    requestId: str | None = None  # noqa: N815


_decode = msgspec.json.Decoder(_Line).decode


def _line(message: str) -> _Line | None:
    """A line in JSON; None for any other."""
    if not message.startswith("{"):
        return None
    try:
        return _decode(message)
    except (msgspec.DecodeError, RecursionError):
        return None


def _start(event: _Event) -> Sighting | None:
    """What the platform says when an invocation starts; the number of the request is not known yet."""
    if '"platform.start"' in event.message:
        line = _line(event.message)
        if line is None or line.type != "platform.start" or line.record is None:
            return None
        id_ = line.record.requestId or ""
        if not re.fullmatch(_UUID, id_):
            return None
        tenant = line.record.tenantId
        if tenant is not None and not _TENANT.fullmatch(tenant):  # masked, or changed: whose it was is not known
            return _sighting(event, by="text", request_id=id_)
        return _sighting(event, by="json", request_id=id_, tenant=tenant)
    match = _TEXT_START.match(event.message)
    return None if match is None else _sighting(event, by="text", request_id=match[1])


def _sighting(event: _Event, **told: Any) -> Sighting:
    return Sighting(seq=0, log_stream_name=event.stream, time_ms=max(event.time_ms, 0), **told)


def _by_request_id(events: Iterator[_Event], wanted: Sequence[Observation]) -> list[Sighting]:
    seqs = {o.headers["x-amzn-requestid"]: o.request.seq for o in wanted if "x-amzn-requestid" in o.headers}
    found: list[Sighting] = []
    for event in events:
        start = _start(event) if event.stream else None
        if start is not None and start.request_id in seqs:
            found.append(msgspec.structs.replace(start, seq=seqs[start.request_id]))
    return found


def _by_nonce(events: Iterator[_Event], wanted: Sequence[Observation]) -> list[Sighting]:
    """Lines of the function that hold a nonce; the tenant is that of the start with the line's request id."""
    seqs = {o.request.nonce: o.request.seq for o in wanted}
    starts: dict[tuple[str, str], Sighting] = {}
    found: list[Sighting] = []
    for event in events:
        if not event.stream:
            continue
        start = _start(event)
        if start is not None and start.request_id is not None:
            starts[event.stream, start.request_id] = start
        for match in nonces.PATTERN.finditer(event.message.encode("utf-8", "replace")):
            seq = seqs.get(match.group().decode())
            if seq is not None:
                request_id = _request_id_of(event.message)
                found.append(msgspec.structs.replace(_sighting(event, by="function", request_id=request_id), seq=seq))
    return [_with_tenant(each, starts) for each in found]


def _with_tenant(sighting: Sighting, starts: dict[tuple[str, str], Sighting]) -> Sighting:
    start = starts.get((sighting.log_stream_name, sighting.request_id or ""))
    if start is None or start.by != "json":
        return sighting
    return msgspec.structs.replace(sighting, by="json", tenant=start.tenant)


def _request_id_of(message: str) -> str | None:
    """The request id that a line of the function carries, as Lambda's loggers write it."""
    line = _line(message)
    if line is not None:
        return line.requestId if line.requestId is not None and re.fullmatch(_UUID, line.requestId) else None
    match = _TEXT_LINE.match(message)
    return match[1] if match is not None else None
