"""The few CloudWatch Logs calls that reading environments needs, answered out of the lab's own log streams.

Events come as AWS gives them: by time, in pages, and only so long after they were written as the lab is told to wait.
"""

from __future__ import annotations

import base64
import json
import shlex
import time
import uuid
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from tenantcheck.lab.function import Function
from tenantcheck.lab.tenancy import RefusedError

TARGET = "Logs_20140328."
_MOST_EVENTS = 10_000
_MOST_BYTES = 1 << 20
_MOST_STREAMS = 50


class Event(NamedTuple):
    """One line of a log stream."""

    time_ms: int
    stream: str
    position: int
    message: str


class LogsApi:
    """Answers for the log groups of some functions."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self._groups = {function.log_group: function for function in functions}
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "FilterLogEvents": self._filter_log_events,
            "DescribeLogGroups": self._describe_log_groups,
            "DescribeLogStreams": self._describe_log_streams,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call in AWS's JSON protocol."""
        name = request.headers.get("X-Amz-Target", "").removeprefix(TARGET)
        try:
            if "Authorization" not in request.headers:
                raise RefusedError(400, "MissingAuthenticationTokenException", "Missing Authentication Token")
            operation = self._operations.get(name)
            if operation is None:
                raise RefusedError(400, "UnknownOperationException", f"the lab knows no operation {name[:64]}")
            told = operation(_arguments(await request.read()))
        except RefusedError as refused:
            document = {"__type": refused.kind, "message": refused.message}
            return _document(document, status=400, **{"x-amzn-ErrorType": refused.kind})
        return _document(told)

    def _function(self, asked: dict[str, Any]) -> Function:
        name = asked.get("logGroupName") or str(asked.get("logGroupIdentifier", "")).rpartition("log-group:")[2]
        function = self._groups.get(name)
        if function is None or not function.logged():
            raise RefusedError(400, "ResourceNotFoundException", "The specified log group does not exist.")
        return function

    def _filter_log_events(self, asked: dict[str, Any]) -> dict[str, Any]:
        function = self._function(asked)
        visible_ms = int((time.time() - function.settings.log_delay_s) * 1000)
        until = min(asked.get("endTime", visible_ms), visible_ms)
        matches = _matcher(str(asked.get("filterPattern") or ""))
        named = set(asked.get("logStreamNames") or ())
        prefix = str(asked.get("logStreamNamePrefix") or "")
        since = asked.get("startTime", 0)
        begin = _position(asked.get("nextToken"))
        events = [
            event
            for stream in list(function.logged())
            if stream.startswith(prefix) and (not named or stream in named)
            for event in events_of(function, stream)
            if since <= event.time_ms <= until and event[:3] > begin and matches(event.message)
        ]
        events.sort()
        page: list[Event] = []
        size = 0
        for event in events[: min(int(asked.get("limit", _MOST_EVENTS)), _MOST_EVENTS)]:
            size += len(event.message) + 26
            if page and size > _MOST_BYTES:
                break
            page.append(event)
        answer: dict[str, Any] = {"events": [_shown(event) for event in page], "searchedLogStreams": []}
        if len(page) < len(events):
            answer["nextToken"] = base64.b64encode(json.dumps(page[-1][:3]).encode()).decode()
        return answer

    def _describe_log_groups(self, asked: dict[str, Any]) -> dict[str, Any]:
        prefix = str(asked.get("logGroupNamePrefix") or "")
        pattern = str(asked.get("logGroupNamePattern") or "")
        return {
            "logGroups": [
                {
                    "logGroupName": name,
                    "creationTime": function.created_ms,
                    "metricFilterCount": 0,
                    "arn": f"arn:aws:logs:us-east-1:000000000000:log-group:{name}:*",
                    "logGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{name}",
                    "logGroupClass": "STANDARD",
                    "storedBytes": sum(path.stat().st_size for path in function.logs_path.rglob("*.jsonl")),
                }
                for name, function in sorted(self._groups.items())
                if name.startswith(prefix) and pattern in name and function.logged()
            ]
        }

    def _describe_log_streams(self, asked: dict[str, Any]) -> dict[str, Any]:
        function = self._function(asked)
        prefix = str(asked.get("logStreamNamePrefix") or "")
        after = str(asked.get("nextToken") or "")
        names = sorted(name for name in function.logged() if name.startswith(prefix) and name > after)
        most = min(int(asked.get("limit", _MOST_STREAMS)), _MOST_STREAMS)
        answer: dict[str, Any] = {
            "logStreams": [
                {"logStreamName": name, "creationTime": function.created_ms, "storedBytes": 0}
                for name in names[:most]
            ]
        }
        if len(names) > most:
            answer["nextToken"] = names[most - 1]
        return answer


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "SerializationException", "the request is not JSON") from error
    if not isinstance(asked, dict):
        raise RefusedError(400, "SerializationException", "the request is no object")
    return asked


def _document(told: dict[str, Any], status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        body=json.dumps(told).encode(),
        status=status,
        content_type="application/x-amz-json-1.1",
        headers={"x-amzn-RequestId": str(uuid.uuid4()), **headers},
    )


def _position(token: Any) -> tuple[int, str, int]:
    if not token:
        return (-1, "", -1)
    try:
        time_ms, stream, position = json.loads(base64.b64decode(str(token), validate=True))
        return (int(time_ms), str(stream), int(position))
    except (ValueError, TypeError) as error:
        raise RefusedError(400, "InvalidParameterException", "The specified nextToken is invalid.") from error


def _shown(event: Event) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.time_ms,
        "message": event.message,
        "ingestionTime": event.time_ms,
        "eventId": f"{event.time_ms:020d}{zlib.crc32(event.stream.encode()):012d}{event.position:024d}",
    }


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Terms of a filter pattern: all of them have to be there, or one of those that begin with `?`."""
    if pattern.lstrip().startswith("{") or "%" in pattern:
        raise RefusedError(400, "InvalidParameterException", "the lab knows filter patterns of terms only")
    try:
        terms = shlex.split(pattern.replace('?"', '"?'))
    except ValueError as error:
        raise RefusedError(400, "InvalidParameterException", "Invalid filter pattern") from error
    any_of = [term[1:] for term in terms if term.startswith("?")]
    all_of = [term for term in terms if not term.startswith("?")]
    return lambda message: (
        (not any_of or any(term in message for term in any_of)) and all(term in message for term in all_of)
    )


def events_of(function: Function, stream: str) -> Iterator[Event]:
    """The lines of one stream. A line of the function has the time of what the lab wrote before it."""
    marks = function.logged()[stream]
    at = 0
    with (function.logs_path / f"{stream}.jsonl").open("rb") as file:
        for position, line in enumerate(file):
            if not line.endswith(b"\n"):
                return  # it is being written
            before = bisect_right(marks, at, key=lambda mark: mark[0])
            if line.strip() and before:
                yield Event(marks[before - 1][1], stream, position, line.decode("utf-8", "replace").rstrip("\n"))
            at += len(line)
