"""The lab's CloudWatch Logs, with unmodified boto3."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tenantcheck.lab import Lab
from tenantcheck.model import nonce as nonces
from tests.lab.test_invoke import call

Labs = Callable[..., Lab]
NONCE = nonces.compose("0a1b2c3d", nonces.tag("a"), 0, f"{0:016x}")


def client(lab: Lab, service: str = "logs") -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=lab.endpoint_url,
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="x",
    )


def events(lab: Lab, **asked: Any) -> list[dict[str, Any]]:
    pages = client(lab).get_paginator("filter_log_events").paginate(logGroupName=group(lab), **asked)
    return [event for page in pages for event in page["events"]]


def group(lab: Lab) -> str:
    return f"/aws/lambda/{lab.function_name}"


def test_every_invocation_starts_in_the_stream_of_its_environment(labs: Labs) -> None:
    lab = labs()
    answers = [call(lab, {"tenantcheckNonce": NONCE}, tenant=tenant) for tenant in ("a", "b", "a")]
    ids = [answer["ResponseMetadata"]["RequestId"] for answer in answers]
    starts = {}
    for event in events(lab, filterPattern='"platform.start"'):
        record = json.loads(event["message"])["record"]
        starts[record["requestId"]] = (event["logStreamName"], record["tenantId"])
    assert [starts[each][1] for each in ids] == ["a", "b", "a"]
    assert starts[ids[0]][0] == starts[ids[2]][0] != starts[ids[1]][0]
    assert starts[ids[0]][0] == answers[0]["Payload"]["logStreamName"]


def test_pages_and_filters(labs: Labs) -> None:
    lab = labs()
    for _ in range(3):
        call(lab)
    every = events(lab)
    assert events(lab, PaginationConfig={"PageSize": 2}) == every
    assert [each["timestamp"] for each in every] == sorted(each["timestamp"] for each in every)
    some = events(lab, filterPattern='?"platform.start" ?"platform.report"')
    kinds = [json.loads(each["message"])["type"] for each in some]
    assert set(kinds) == {"platform.start", "platform.report"}
    stream = every[0]["logStreamName"]
    assert {each["logStreamName"] for each in events(lab, logStreamNames=[stream])} == {stream}
    assert events(lab, startTime=int(time.time() * 1000) + 60_000) == []


def test_text_format_names_no_tenant(labs: Labs) -> None:
    lab = labs(log_format="text")
    id_ = call(lab)["ResponseMetadata"]["RequestId"]
    messages = [each["message"] for each in events(lab)]
    assert f"START RequestId: {id_} Version: $LATEST" in messages
    assert any(each.startswith(f"REPORT RequestId: {id_}\tDuration: ") for each in messages)
    assert "tenant" not in "".join(messages)


def test_events_come_when_the_delay_is_over(labs: Labs) -> None:
    lab = labs(log_delay_s=300)
    call(lab)
    assert events(lab) == []


def test_groups_and_streams(labs: Labs) -> None:
    lab = labs()
    call(lab)
    described = client(lab).describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    assert [each["logGroupName"] for each in described] == [group(lab)]
    pages = (
        client(lab)
        .get_paginator("describe_log_streams")
        .paginate(logGroupName=group(lab), PaginationConfig={"PageSize": 1})
    )
    names = {each["logStreamName"] for page in pages for each in page["logStreams"]}
    assert names == {each["logStreamName"] for each in events(lab)}


def test_what_is_not_there_is_refused_as_on_aws(labs: Labs) -> None:
    lab = labs()
    for ask, code in (
        (partial(client(lab).filter_log_events, logGroupName="/no"), "ResourceNotFoundException"),
        (client(lab).describe_metric_filters, "UnknownOperationException"),
    ):
        with pytest.raises(ClientError) as raised:
            ask()
        assert raised.value.response["Error"]["Code"] == code


def test_the_configuration_tells_log_group_and_tenancy(labs: Labs) -> None:
    lab = labs()
    told = client(lab, "lambda").get_function_configuration(FunctionName=lab.function_name)
    assert told["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": group(lab)}
    assert told["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}
