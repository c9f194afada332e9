"""A log group as it is: what its own configuration says, its events, and the metric that counts what ran.

Events come by FilterLogEvents, page by page; where reading stops it goes on from a cursor.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from msgspec import structs

from tenantcheck.aws import ReadingOptions, code_of, reading_client, translated
from tenantcheck.errors import TargetError
from tenantcheck.logs.rows import Row
from tenantcheck.logs.sources.files import Scans, Wanted, one_line
from tenantcheck.logs.sources.tables import INSIGHTS_BY_STREAM, INSIGHTS_BY_TENANT, MOST_ROWS, row_of
from tenantcheck.model.text import printable

GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
#: Events of an invocation arrive so late at the most, as a rule.
LATE_MS = 10 * 60_000
_MINUTE_MS = 60_000
#: Points of one answer of CloudWatch.
_MOST_POINTS = 1_440
_INSIGHTS_PAUSE_S = 0.5
_INSIGHTS_LIMIT_S = 900


class Described(NamedTuple):
    """What is known of a group before it is read."""

    doubts: tuple[str, ...]
    """Why a clean audit would not be enough."""
    remarks: tuple[str, ...]
    transformed: bool = False
    """A transformer changes events for Logs Insights; FilterLogEvents gives them as they were written."""
    group_class: str = "STANDARD"
    function: str = ""


class Window(NamedTuple):
    """From when to when, milliseconds since the epoch."""

    since_ms: int
    until_ms: int


class Page(NamedTuple):
    """Where reading stands after one page."""

    rows: list[Row]
    token: str
    """What asks for the next one; empty behind the last."""
    share: float
    """Of the window that was read, by the times of its events."""
    events: int
    late: int = 0
    """Invocations of a time that was read before."""
    tail: int = 0
    """Invocations of the end of the window, where more may come late."""


class LiveGroup:
    """One log group. Raises `TargetError` where it can't be read."""

    def __init__(self, group: str, options: ReadingOptions, *, unmask: bool = False, account: str = "") -> None:
        """`account` is the one that the group's ARN names, where it was given by that."""
        self.group = group
        self._account = account
        self._options = options
        self._unmask = unmask
        self._logs = reading_client("logs", options)

    @property
    def where(self) -> str:
        """Region and endpoint that are asked."""
        meta = self._logs.meta
        return f"{meta.region_name} {meta.endpoint_url}"

    # ------------------------------------------------------------------ what the configuration says

    def described(self) -> Described:
        """What the group, its policies and its function say of themselves; what may not be asked is a remark."""
        doubts: list[str] = []
        remarks: list[str] = []
        found = self._asked(remarks, "logs:DescribeLogGroups", self._find)
        if found is None:
            found = {}
        elif self._account and f":{self._account}:" not in str(found.get("arn", "")):
            raise TargetError(
                f"this is not the account {self._account} of the log group's ARN", "Name its --profile."
            )
        elif not found:
            raise TargetError(f"there is no log group {self.group}", "Look at its name, --region and --profile.")
        group_class = str(found.get("logGroupClass") or "STANDARD")
        if found.get("dataProtectionStatus") == "ACTIVATED" or found.get("inheritedProperties"):
            doubts += self._masked()
        if "retentionInDays" in found:
            remarks.append(f"the group keeps events for {found['retentionInDays']} days: what is older is gone")
        transformed = bool(self._asked(remarks, "logs:GetTransformer", self._transformer))
        if self._asked(remarks, "logs:DescribeAccountPolicies", self._account_policies):
            doubts += self._masked()
        function = self.group.removeprefix("/aws/lambda/") if self.group.startswith("/aws/lambda/") else ""
        if function:
            logging = self._asked(remarks, "lambda:GetFunctionConfiguration", lambda: self._logging(function)) or {}
            if logging.get("LogFormat") == "Text":
                doubts.append("the function logs in text format, which names no tenant (LogFormat JSON does)")
            if logging.get("SystemLogLevel") == "WARN":
                doubts.append("the function's system log level is WARN, which drops platform.start (INFO keeps it)")
        return Described(tuple(dict.fromkeys(doubts)), tuple(remarks), transformed, group_class, function)

    def _masked(self) -> list[str]:
        return (
            []
            if self._unmask
            else ["a data protection policy may mask tenant ids in this group (--unmask reads them)"]
        )

    def _asked(self, remarks: list[str], action: str, ask: Callable[[], Any]) -> Any:
        from botocore.exceptions import ClientError

        try:
            with translated():
                return ask()
        except ClientError as error:
            code = code_of(error)
            if code == "ResourceNotFoundException":
                return None
            remarks.append(f"{action} was refused ({code}): what it would say is not known")
            return None

    def _find(self) -> dict[str, Any]:
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.group)
        for page in pages:
            for each in page.get("logGroups", ()):
                if each.get("logGroupName") == self.group:
                    return dict(each)
        return {}

    def _transformer(self) -> Any:
        return self._logs.get_transformer(logGroupIdentifier=self.group).get("transformerConfig")

    def _account_policies(self) -> Any:
        return self._logs.describe_account_policies(policyType="DATA_PROTECTION_POLICY").get("accountPolicies")

    def _logging(self, function: str) -> dict[str, Any]:
        client = reading_client("lambda", self._options)
        return dict(client.get_function_configuration(FunctionName=function).get("LoggingConfig") or {})

    # ------------------------------------------------------------------ events

    def pages(self, window: Window, wanted: Wanted, token: str = "", *, counted_from_ms: int = 0) -> Iterator[Page]:
        """The events of a window, page by page, as rows; `token` goes on from an earlier page. Events before
        `counted_from_ms` were read before: whoever ran then is looked at, and counts no second time. Raises
        `TargetError`; `ExpiredTokenError` where the page that the token asks for is too old."""
        asked: dict[str, Any] = {"logGroupName": self.group, "startTime": window.since_ms, "endTime": window.until_ms}
        if self._unmask:
            asked["unmask"] = True
        span = max(1, window.until_ms - window.since_ms)
        reached = window.since_ms
        late, new, tail = (Scans(self.group, wanted, file="") for _ in range(3))
        while True:
            if token:
                asked["nextToken"] = token
            page = self._filtered(asked, bool(token))
            closed: list[Row] = []
            events = page.get("events", ())
            for event in events:
                at_ms = int(event.get("timestamp", 0))
                reached = max(reached, at_ms)
                scans = late if at_ms < counted_from_ms else new if at_ms < window.until_ms - LATE_MS else tail
                message = one_line(str(event.get("message") or ""))
                closed += scans.feed(str(event.get("logStreamName") or ""), message, group=self.group)
            token = str(page.get("nextToken") or "")
            lately, last = [*late.rows()], [*tail.rows()]
            rows = [*closed, *new.rows(), *last, *(structs.replace(row, spans=()) for row in lately)]
            share = min(1.0, (reached - window.since_ms) / span) if token else 1.0
            counts = (sum(row.starts for row in each) for each in (lately, last))
            yield Page(rows, token, share, len(events), *counts)
            if not token:
                return

    def _filtered(self, asked: dict[str, Any], goes_on: bool) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        try:
            with translated():
                return dict(self._logs.filter_log_events(**asked))
        except ClientError as error:
            code = code_of(error)
            if goes_on and code == "InvalidParameterException":
                raise ExpiredTokenError from error
            raise TargetError(_refused(code, self.group, unmask=self._unmask), _HINTS.get(code, _LOOK)) from error

    # ------------------------------------------------------------------ Insights

    def insights(self, window: Window, on_query: Callable[[float], object]) -> Iterator[Row]:
        """Rows that Logs Insights groups by itself. A window whose result is cut is asked in halves; `on_query` is
        told the share of the window that is read. Raises `TargetError`."""
        waiting = [window]
        span = max(1, window.until_ms - window.since_ms)
        done = 0
        while waiting:
            part = waiting.pop()
            told = self._query(part)
            if len(told) >= MOST_ROWS and part.until_ms - part.since_ms > _MINUTE_MS:
                middle = (part.since_ms + part.until_ms) // 2
                waiting += [Window(middle, part.until_ms), Window(part.since_ms, middle)]
                continue
            if len(told) >= MOST_ROWS:
                yield Row(stream=self.group, gaps={"cut-result": 1})
            for each in told:
                row = row_of(each, self.group)
                row.group = self.group
                yield row
            done += part.until_ms - part.since_ms
            on_query(done / span)

    def _query(self, window: Window) -> list[dict[str, str | None]]:
        from botocore.exceptions import ClientError

        try:
            with translated():
                try:
                    return self._result(INSIGHTS_BY_STREAM, window)
                except ClientError as error:
                    if code_of(error) != "MalformedQueryException":
                        raise
                    return self._result(INSIGHTS_BY_TENANT, window)
        except ClientError as error:
            code = code_of(error)
            raise TargetError(f"Logs Insights could not be asked on {self.group}: {code}", _LOOK) from error

    def _result(self, query: str, window: Window) -> list[dict[str, str | None]]:
        started = self._logs.start_query(
            logGroupName=self.group,
            startTime=window.since_ms // 1000,
            endTime=-(-window.until_ms // 1000),
            queryString=query,
            limit=MOST_ROWS,
        )
        begun = time.monotonic()
        while True:
            told = self._logs.get_query_results(queryId=started["queryId"])
            status = told.get("status")
            if status == "Complete":
                return [{each["field"]: each.get("value") for each in row} for row in told.get("results", ())]
            if status not in ("Scheduled", "Running") or time.monotonic() - begun > _INSIGHTS_LIMIT_S:
                raise TargetError(
                    f"a query of Logs Insights ended as {printable(str(status))}", "Ask for a shorter time."
                )
            time.sleep(_INSIGHTS_PAUSE_S)

    # ------------------------------------------------------------------ the metric

    def invocations(self, function: str, window: Window) -> tuple[int | None, str]:
        """How many invocations the metric counts; or None, and why."""
        from botocore.exceptions import ClientError

        minutes = max(1, -(-(window.until_ms - window.since_ms) // _MINUTE_MS // _MOST_POINTS))
        try:
            with translated():
                told = reading_client("cloudwatch", self._options).get_metric_statistics(
                    Namespace="AWS/Lambda",
                    MetricName="Invocations",
                    Dimensions=[{"Name": "FunctionName", "Value": function}],
                    StartTime=window.since_ms / 1000,
                    EndTime=window.until_ms / 1000,
                    Period=60 * minutes,
                    Statistics=["Sum"],
                )
        except ClientError as error:
            return None, f"cloudwatch:GetMetricStatistics was refused ({code_of(error)}): coverage is not known"
        points = told.get("Datapoints", ())
        return (
            (round(sum(point["Sum"] for point in points)), "")
            if points
            else (None, "the metric Invocations has no data")
        )


class ExpiredTokenError(Exception):
    """The token of an earlier page is no longer known: the window has to be read anew."""


_LOOK = "Look at the group's name, --region and --profile."
_HINTS = {
    "ThrottlingException": "Wait, and run it again: with --cursor it goes on where it stopped.",
    "AccessDeniedException": "Allow logs:FilterLogEvents (and logs:Unmask with --unmask), or name another --profile.",
}


def _refused(code: str, group: str, *, unmask: bool) -> str:
    if code == "AccessDeniedException":
        return f"not allowed to logs:FilterLogEvents{' or logs:Unmask' if unmask else ''} on {group}"
    if code == "ResourceNotFoundException":
        return f"there is no log group {group}"
    return f"the log group {group} can't be read: {code}"
