"""CloudWatch Logs: which events name a request, and paging and refusals by moto's server, which speaks AWS's "
"protocol."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from tenantcheck.errors import TargetError
from tenantcheck.model import Observation, Sighting
from tenantcheck.run.targets.aws import AwsOptions, AwsSession
from tenantcheck.run.targets.logs import CloudWatchLogs, LogSource
from tests.notation import plan_for, waves

GROUP = "/aws/lambda/unmodified"
STREAM = "2026/11/29/[$LATEST]" + "0123456789abcdef" * 2
ID = "8e1b7a4e-0d8b-4f6e-9a55-0f4a3f5a0f10"
NOW_MS = int(time.time() * 1000)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(moto: str, aws: None) -> Any:
    made = boto3.client("logs", endpoint_url=moto, region_name="eu-west-1")
    made.create_log_group(logGroupName=GROUP)
    made.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    yield made
    made.delete_log_group(logGroupName=GROUP)


def put(client: Any, *messages: str, stream: str = STREAM) -> None:
    events = [{"timestamp": NOW_MS + n, "message": message} for n, message in enumerate(messages)]
    client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def start(request_id: str = ID, **more: Any) -> str:
    record = {"requestId": request_id, "version": "$LATEST"} | more
    return json.dumps({"time": "2026-11-29T12:00:00.000Z", "type": "platform.start", "record": record})


def observed(request_id: str = ID) -> list[Observation]:
    first = waves("o a1 b2", plan_for())[0][0]
    return [replace(first, headers={"x-amzn-requestid": request_id})]


def looked(client: Any, kind: Any = "invoke", observations: list[Observation] | None = None) -> list[Sighting]:
    logs = CloudWatchLogs(client, GROUP, replace(plan_for(), kind=kind))
    return list(asyncio.run(logs.look(observations or observed(), NOW_MS, widely=True)))


def test_a_start_in_json_names_stream_and_tenant(client: Any) -> None:
    put(client, '{"message": "mine"}', start(tenantId="acme"))
    (told,) = looked(client)
    assert (told.seq, told.log_stream_name, told.tenant, told.request_id, told.by) == (0, STREAM, "acme", ID, "json")
    assert told.time_ms == NOW_MS + 1


def test_a_start_in_text_names_the_stream_alone(client: Any) -> None:
    put(client, f"START RequestId: {ID} Version: $LATEST", f"END RequestId: {ID}")
    (told,) = looked(client)
    assert (told.log_stream_name, told.tenant, told.by) == (STREAM, None, "text")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        '{"type": "platform.start", "record": {"requestId": 5}}',
        '{"type": "platform.start", "record": [1]}',
        '{"type": "platform.start"}',
        '{"type": "platform.start", "record": {"requestId": "' + ID + '", "tenantId": {"a": 1}}}',
        "[" * 100_000 + '"platform.start"',
        json.dumps({"message": start()}),
        f"my START RequestId: {ID} Version: $LATEST",
        f"START RequestId: {ID}0 Version: $LATEST",
        json.dumps({"type": "platform.report", "record": {"requestId": ID}}),
    ],
)
def test_other_lines_name_nothing(client: Any, line: str) -> None:
    put(client, line or " ")
    assert looked(client) == []


def test_a_line_of_the_function_is_found_by_its_nonce(client: Any) -> None:
    """Its tenant is the one of the start with the line's request id, in the same stream."""
    observations = observed()
    nonce = observations[0].request.nonce
    for line, tenant in (
        (json.dumps({"requestId": ID, "message": f"event {nonce}"}), "acme"),
        (f"[INFO]\t2026-11-29T12:00:00.000Z\t{ID}\theaders {nonce}", "acme"),
        (f"an event: {nonce}", None),
    ):
        put(client, line, start(tenantId="acme"))
        told = looked(client, "probe", observations)[-1]
        assert (told.seq, told.log_stream_name, told.tenant) == (0, STREAM, tenant)


def test_every_page_is_read(client: Any) -> None:
    for n in range(3):
        put(client, *(f"line {k}" for k in range(9_000)), stream=STREAM)
        put(client, start(f"{n:08x}-0d8b-4f6e-9a55-0f4a3f5a0f10"))
    observations = [
        replace(each, headers={"x-amzn-requestid": f"{n:08x}-0d8b-4f6e-9a55-0f4a3f5a0f10"})
        for n, each in enumerate(waves("h a1 a2 a3", plan_for())[0])
    ]
    assert {each.seq for each in looked(client, observations=observations)} == {0, 1, 2}


def test_a_group_that_is_not_there_yet_is_waited_for(client: Any) -> None:
    logs = CloudWatchLogs(client, "/aws/lambda/never-ran", replace(plan_for(), kind="invoke"))
    logs.try_it()
    assert asyncio.run(logs.look(observed(), NOW_MS, widely=False)) == []
    with pytest.raises(TargetError, match="there is no log group /aws/lambda/never-ran"):
        asyncio.run(logs.look(observed(), NOW_MS, widely=True))


class Refusing:
    """A client that is refused everything."""

    def __init__(self, code: str) -> None:
        self.code = code

    def filter_log_events(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "secret-of-the-test"}}, "FilterLogEvents")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", "not allowed to logs:FilterLogEvents on /aws/lambda/unmodified"),
        ("ThrottlingException", "the logs of /aws/lambda/unmodified can't be read: ThrottlingException"),
        ("\x1b[31m", "the logs of /aws/lambda/unmodified can't be read: an error"),
    ],
)
def test_a_refusal_is_said_before_anything_is_sent(code: str, told: str) -> None:
    logs = CloudWatchLogs(Refusing(code), GROUP, plan_for())
    with pytest.raises(TargetError, match=f"^{told}$"):
        logs.try_it()


def test_the_group_is_the_one_named_else_the_configured_else_the_usual_one(moto: str, aws: None) -> None:
    from tenantcheck.run.targets.events import RAW, parse_event
    from tenantcheck.run.targets.function import FunctionTarget

    session = AwsSession(AwsOptions("eu-west-1", None, moto))
    plan = replace(plan_for(), kind="invoke")
    for function in (
        "mine",
        "mine:live",
        "123456789012:function:mine",
        "arn:aws:lambda:eu-west-1:123456789012:function:mine:7",
    ):
        target = FunctionTarget(session, function, qualifier=None, event=parse_event(RAW, b"{}", None))
        assert target.function_name == "mine"
        assert asyncio.run(LogSource(session).open(plan, target)).group == "/aws/lambda/mine"
        assert asyncio.run(LogSource(session, "/other", "/twin").open(plan, target)).group == "/other"
        assert asyncio.run(LogSource(session, "/other", "/twin").open(plan, target, control=True)).group == "/twin"
