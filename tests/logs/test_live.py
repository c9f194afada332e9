"""A live log group: pages and cursors by moto's server, what its configuration says, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tenantcheck import audit
from tenantcheck.aws import ReadingOptions
from tenantcheck.errors import TargetError, UsageError
from tenantcheck.logs.cursor import read_cursor
from tenantcheck.logs.sources.live import LiveGroup, Window
from tests.logs.corpus import stream
from tests.logs.lines import invocation

GROUP = "/aws/lambda/orders"
NOW_MS = int(time.time() * 1000)
WINDOW = Window(NOW_MS - 3_600_000, NOW_MS + 60_000)


@pytest.fixture
def logs(moto: str, aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the group. What moto does not have is not asked of it, again and again."""
    for name in ("_account_policies", "_transformer"):
        monkeypatch.setattr(LiveGroup, name, lambda _: None)
    monkeypatch.setattr(LiveGroup, "_logging", lambda _, __: {})
    monkeypatch.setattr(LiveGroup, "invocations", lambda *_: (None, ""))
    client = boto3.client("logs", endpoint_url=moto, region_name="eu-west-1")
    client.create_log_group(logGroupName=GROUP)
    yield client
    client.delete_log_group(logGroupName=GROUP)


def put(client: Any, number: int, tenants: str, ago_ms: int = 60_000) -> None:
    """Invocations in one stream, a start every three milliseconds."""
    name = stream(number)
    if not client.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=name)["logStreams"]:
        client.create_log_stream(logGroupName=GROUP, logStreamName=name)
    first = (NOW_MS - ago_ms) // 3 * 3
    lines = [line for n, tenant in enumerate(tenants) for line in invocation(n + first, tenant, at_ms=first + 3 * n)]
    events = [{"timestamp": first + n, "message": line} for n, line in enumerate(lines)]
    for at in range(0, len(events), 5_000):
        client.put_log_events(logGroupName=GROUP, logStreamName=name, logEvents=events[at : at + 5_000])


def test_every_page_of_a_group_is_read(logs: Any, moto: str) -> None:
    put(logs, 1, "a" * 4_000)
    put(logs, 2, "b" * 3_000 + "a")
    verdict = audit(GROUP, endpoint_url=moto)
    assert verdict.outcome == "fail"
    assert verdict.evidence.invocations == 7_001  # type: ignore[union-attr]
    (found,) = verdict.findings
    assert (found.tenants, found.environment) == (("a", "b"), stream(2))
    assert verdict.subject.target == GROUP


def test_a_cursor_goes_on_where_reading_stopped(
    logs: Any, moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a group of several pages, and reading that is throttled behind the first one
    When it is run again with the same cursor
    Then the first page is not read again, and nothing is missing.
    """
    put(logs, 1, "a" * 4_000)
    put(logs, 2, "b" * 4_000 + "a")
    cursor = tmp_path / "c"
    whole = LiveGroup._filtered
    asked: list[dict[str, Any]] = []

    def throttled(self: LiveGroup, told: dict[str, Any], goes_on: bool) -> dict[str, Any]:
        asked.append(dict(told))
        if len(asked) == 2:
            raise TargetError("the log group can't be read: ThrottlingException", "Wait.")
        return whole(self, told, goes_on)

    monkeypatch.setattr(LiveGroup, "_filtered", throttled)
    with pytest.raises(TargetError, match="Throttling"):
        audit(GROUP, endpoint_url=moto, cursor=cursor)
    stopped = read_cursor(cursor, GROUP, f"eu-west-1 {moto}")
    assert stopped is not None
    assert stopped[0].token == asked[1]["nextToken"]
    list(stopped[1])
    verdict = audit(GROUP, endpoint_url=moto, cursor=cursor)
    assert asked[2]["nextToken"] == asked[1]["nextToken"]
    assert verdict.outcome == "fail"
    assert verdict.evidence.invocations == 8_001  # type: ignore[union-attr]


def test_a_token_that_is_too_old_reads_the_window_anew(
    logs: Any, moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(logs, 1, "a" * 4_000)
    put(logs, 2, "b" * 4_000)
    cursor = tmp_path / "c"
    expired = [True]
    whole = LiveGroup._filtered

    def filtered(self: LiveGroup, told: dict[str, Any], goes_on: bool) -> dict[str, Any]:
        if goes_on and expired:
            expired.clear()
            from tenantcheck.logs.sources.live import ExpiredTokenError

            raise ExpiredTokenError
        told = {name: value for name, value in told.items() if goes_on or name != "nextToken"}
        return whole(self, told, goes_on)

    monkeypatch.setattr(LiveGroup, "_filtered", filtered)
    verdict = audit(GROUP, endpoint_url=moto, cursor=cursor)
    assert verdict.outcome == "pass", verdict.reasons
    assert verdict.evidence.environments == 2  # type: ignore[union-attr]


def test_a_scheduled_job_finds_what_lies_between_two_of_its_runs(logs: Any, moto: str, tmp_path: Path) -> None:
    """The environment served one tenant before the first run, and another one behind it."""
    cursor = tmp_path / "c"
    put(logs, 1, "aaa", ago_ms=3_000_000)
    put(logs, 2, "bb", ago_ms=3_000_000)
    until = datetime.fromtimestamp((NOW_MS - 1_800_000) / 1000, UTC)
    first = audit(GROUP, endpoint_url=moto, cursor=cursor, until=until)
    assert first.outcome == "pass"
    put(logs, 1, "b", ago_ms=30_000)
    with pytest.raises(UsageError, match="it was read to its end"):
        audit(GROUP, endpoint_url=moto, cursor=cursor)
    second = audit(GROUP, endpoint_url=moto, cursor=cursor, watch=True)
    assert second.outcome == "fail"
    assert second.findings[0].tenants == ("a", "b")
    counted = [second.evidence.invocations]  # type: ignore[union-attr]
    for _ in range(3):  # nothing new: what is read again counts no second time
        again = audit(GROUP, endpoint_url=moto, cursor=cursor, watch=True)
        counted.append(again.evidence.invocations)  # type: ignore[union-attr]
    assert counted == [6] * 4
    with pytest.raises(UsageError, match="says where reading goes on"):
        audit(GROUP, endpoint_url=moto, cursor=cursor, watch=True, since=until)
    for other, told in ((("/aws/lambda/other",), {}), ((GROUP,), {"region": "us-east-1"})):
        with pytest.raises(UsageError, match="it is one of"):
            audit(*other, endpoint_url=moto, cursor=cursor, **told)  # type: ignore[arg-type]
    lines = cursor.read_bytes().splitlines(keepends=True)
    for cut in (lines[:-1], [*lines[:1], *lines[2:]]):
        cursor.write_bytes(b"".join(cut))
        with pytest.raises(UsageError, match="is cut"):
            audit(GROUP, endpoint_url=moto, cursor=cursor, watch=True)


def test_environments_that_are_gone_stay_counted(
    logs: Any, moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cursor forgets their rows, and the metric still counts what ran in them."""
    monkeypatch.setattr(LiveGroup, "invocations", lambda *_: (9, ""))
    monkeypatch.setattr("tenantcheck.logs.audit._FORGOTTEN_MS", 0)
    cursor = tmp_path / "c"
    put(logs, 1, "aaa", ago_ms=7_200_000)
    put(logs, 2, "bbb", ago_ms=60_000)
    until = datetime.fromtimestamp((NOW_MS - 3_600_000) / 1000, UTC)
    audit(GROUP, endpoint_url=moto, cursor=cursor, until=until)
    audit(GROUP, endpoint_url=moto, cursor=cursor, watch=True)
    put(logs, 3, "aaa", ago_ms=1_000)
    last = audit(GROUP, endpoint_url=moto, cursor=cursor, watch=True)
    assert last.outcome == "pass", last.reasons
    assert last.evidence.environments == 2  # type: ignore[union-attr]


def test_an_arn_says_where_to_ask(logs: Any, moto: str) -> None:
    put(logs, 1, "aa")
    put(logs, 2, "bb")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert audit(group["arn"], endpoint_url=moto, region=None).outcome == "pass"
    account = group["arn"].split(":")[4]
    with pytest.raises(TargetError, match="this is not the account 999999999999"):
        audit(group["arn"].replace(account, "999999999999"), endpoint_url=moto)
    with pytest.raises(UsageError, match="this ARN is one of eu-west-1"):
        audit(group["arn"], endpoint_url=moto, region="us-east-1")


def test_a_group_that_is_not_there(logs: Any, moto: str) -> None:
    with pytest.raises(TargetError, match="there is no log group /aws/lambda/none"):
        audit("/aws/lambda/none", endpoint_url=moto)


def test_nothing_is_not_clean(logs: Any, moto: str) -> None:
    verdict = audit(GROUP, endpoint_url=moto)
    assert verdict.outcome == "inconclusive"
    assert "not one invocation was found: nothing was audited" in verdict.reasons


# ---------------------------------------------------------------------- what moto does not know


class Answers:
    """Clients that answer what a test says, by service."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stubs: dict[str, Stubber] = {}
        monkeypatch.setattr("tenantcheck.logs.sources.live.reading_client", lambda service, _: self.client(service))

    def stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            client = boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]
            self.stubs[service] = Stubber(client)
            self.stubs[service].activate()
        return self.stubs[service]

    def client(self, service: str) -> Any:
        return self.stub(service).client


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, aws: None) -> Answers:
    return Answers(monkeypatch)


def live(**options: Any) -> LiveGroup:
    return LiveGroup(GROUP, ReadingOptions(), **options)


def describe(answers: Answers, group: dict[str, Any], policies: list[Any] | None = None, logging: Any = None) -> None:
    stub = answers.stub("logs")
    stub.add_response("describe_log_groups", {"logGroups": [{"logGroupName": GROUP, **group}]})
    stub.add_client_error("get_transformer", "ResourceNotFoundException")
    stub.add_response("describe_account_policies", {"accountPolicies": policies or []})
    told = {"LoggingConfig": logging} if logging is not None else {}
    answers.stub("lambda").add_response("get_function_configuration", told)


def test_a_healthy_group_raises_no_doubt(answers: Answers) -> None:
    describe(answers, {"logGroupClass": "STANDARD"}, logging={"LogFormat": "JSON", "SystemLogLevel": "INFO"})
    told = live().described()
    assert (told.doubts, told.function, told.group_class) == ((), "orders", "STANDARD")


@pytest.mark.parametrize(
    ("group", "logging", "doubt"),
    [
        ({"dataProtectionStatus": "ACTIVATED"}, None, "a data protection policy may mask"),
        ({"inheritedProperties": ["ACCOUNT_DATA_PROTECTION"]}, None, "a data protection policy may mask"),
        ({}, {"LogFormat": "Text"}, "text format"),
        ({}, {"LogFormat": "JSON", "SystemLogLevel": "WARN"}, "drops platform.start"),
    ],
)
def test_what_the_configuration_says_is_a_doubt(
    answers: Answers, group: dict[str, Any], logging: Any, doubt: str
) -> None:
    describe(answers, group, logging=logging)
    (told,) = live().described().doubts
    assert doubt in told


def test_unmasked_there_is_no_doubt_about_masks(answers: Answers) -> None:
    describe(answers, {"dataProtectionStatus": "ACTIVATED"}, policies=[{"policyName": "p"}])
    assert live(unmask=True).described().doubts == ()


def test_what_may_not_be_asked_is_said_and_ends_nothing(answers: Answers) -> None:
    stub = answers.stub("logs")
    for name in ("describe_log_groups", "get_transformer", "describe_account_policies"):
        stub.add_client_error(name, "AccessDeniedException", "secret-of-the-test")
    answers.stub("lambda").add_client_error("get_function_configuration", "AccessDeniedException")
    told = live().described()
    assert [remark.partition(" ")[0] for remark in told.remarks] == [
        "logs:DescribeLogGroups",
        "logs:GetTransformer",
        "logs:DescribeAccountPolicies",
        "lambda:GetFunctionConfiguration",
    ]
    assert "secret" not in str(told)


def test_a_refusal_names_the_action(answers: Answers) -> None:
    answers.stub("logs").add_client_error("filter_log_events", "AccessDeniedException")
    from tenantcheck.logs.sources.files import Wanted

    with pytest.raises(TargetError, match="not allowed to logs:FilterLogEvents or logs:Unmask on"):
        list(live(unmask=True).pages(WINDOW, Wanted({})))


def test_the_metric_is_summed(answers: Answers) -> None:
    points = [{"Timestamp": datetime.now(UTC), "Sum": 40.0}, {"Timestamp": datetime.now(UTC), "Sum": 2.0}]
    answers.stub("cloudwatch").add_response("get_metric_statistics", {"Label": "Invocations", "Datapoints": points})
    assert live().invocations("orders", WINDOW) == (42, "")
    answers.stub("cloudwatch").add_client_error("get_metric_statistics", "AccessDenied")
    assert live().invocations("orders", WINDOW)[0] is None


def insight(answers: Answers, rows: list[dict[str, str]], query: str = "q") -> None:
    stub = answers.stub("logs")
    stub.add_response("start_query", {"queryId": query})
    results = [[{"field": name, "value": value} for name, value in row.items()] for row in rows]
    stub.add_response("get_query_results", {"status": "Complete", "results": results})


def grouped(number: int, low: str, high: str) -> dict[str, str]:
    return {"@logStream": stream(number), "low": low, "high": high, "starts": "5", "named": "5"}


def test_insights_groups_by_itself(answers: Answers) -> None:
    insight(answers, [grouped(1, "a", "a"), grouped(2, "a", "b")])
    rows = list(live().insights(WINDOW, lambda _: None))
    assert [(row.stream, row.shared, row.starts) for row in rows] == [(stream(1), False, 5), (stream(2), True, 5)]


def test_a_result_at_the_limit_is_asked_in_halves(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is in both halves, one tenant in each: merging finds it."""
    monkeypatch.setattr("tenantcheck.logs.sources.live.MOST_ROWS", 2)
    insight(answers, [grouped(1, "a", "a"), grouped(2, "c", "c")])
    insight(answers, [grouped(1, "a", "a")])
    insight(answers, [grouped(1, "b", "b")])
    shares: list[float] = []
    rows = list(live().insights(WINDOW, shares.append))
    from tenantcheck.logs.store import RowStore

    with RowStore() as store:
        store.add(rows)
        assert [row.shared for row in store.merged()] == [True]
    assert shares[-1] == pytest.approx(1, abs=0.01)


def test_the_other_query_is_asked_where_functions_are_not_known(answers: Answers) -> None:
    answers.stub("logs").add_client_error("start_query", "MalformedQueryException")
    insight(
        answers, [{"@logStream": stream(1), "record.tenantId": name, "starts": "1", "named": "1"} for name in "ab"]
    )
    assert len(list(live().insights(WINDOW, lambda _: None))) == 2


def test_a_class_without_queries_is_refused(answers: Answers) -> None:
    describe(answers, {"logGroupClass": "DELIVERY"})
    with pytest.raises(UsageError, match="has no Logs Insights"):
        audit(GROUP, engine="insights")


def test_fewer_invocations_than_the_metric_counts_are_a_doubt(answers: Answers) -> None:
    describe(answers, {})
    insight(answers, [grouped(1, "a", "a"), grouped(2, "b", "b")])
    points = [{"Timestamp": datetime.now(UTC), "Sum": 20.0}]
    answers.stub("cloudwatch").add_response("get_metric_statistics", {"Label": "Invocations", "Datapoints": points})
    verdict = audit(GROUP, engine="insights")
    assert verdict.outcome == "inconclusive"
    assert "10 invocations are in the logs, the metric Invocations counts 20: 10 are missing" in verdict.reasons
    assert verdict.evidence.coverage == 0.5  # type: ignore[union-attr]
    assert any("not verified on AWS" in remark for remark in verdict.remarks)


def test_a_transformer_speaks_against_what_insights_sees(answers: Answers) -> None:
    stub = answers.stub("logs")
    stub.add_response("describe_log_groups", {"logGroups": [{"logGroupName": GROUP}]})
    stub.add_response("get_transformer", {"transformerConfig": [{"parseJSON": {}}]})
    stub.add_response("describe_account_policies", {"accountPolicies": []})
    answers.stub("lambda").add_response("get_function_configuration", {})
    insight(answers, [grouped(1, "a", "a"), grouped(2, "b", "b")])
    answers.stub("cloudwatch").add_response("get_metric_statistics", {"Label": "Invocations", "Datapoints": []})
    assert any("transformer" in reason for reason in audit(GROUP, engine="insights").reasons)


def test_rows_keep_what_speaks_against_them(answers: Answers, tmp_path: Path) -> None:
    """The metric counts more than the logs hold: whoever merges the rows has to know."""
    describe(answers, {})
    insight(answers, [grouped(1, "a", "a"), grouped(2, "b", "b")])
    points = [{"Timestamp": datetime.now(UTC), "Sum": 20.0}]
    answers.stub("cloudwatch").add_response("get_metric_statistics", {"Label": "Invocations", "Datapoints": points})
    audit(GROUP, engine="insights", rows=tmp_path / "rows")
    again = audit(tmp_path / "rows", rows=tmp_path / "more")
    assert again.outcome == audit(tmp_path / "more").outcome == "inconclusive"
    assert any("10 are missing" in reason for reason in again.reasons)


def test_a_page_that_never_comes_ends_reading(answers: Answers) -> None:
    stub = answers.stub("logs")
    describe(answers, {})
    for _ in range(3):
        stub.add_response("filter_log_events", {"events": [], "nextToken": "x"})
        stub.add_client_error("filter_log_events", "InvalidParameterException")
    with pytest.raises(TargetError, match="gives no further page"):
        audit(GROUP)


def test_other_errors_are_named_by_their_code_alone(answers: Answers) -> None:
    answers.stub("logs").add_client_error("filter_log_events", "\x1b[31m", "secret-of-the-test")
    from tenantcheck.logs.sources.files import Wanted

    with pytest.raises(TargetError, match=r"can't be read: an error$"):
        list(live().pages(WINDOW, Wanted({})))
