"""The lab's Invoke API with unmodified boto3, and what happens inside environments."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tenantcheck.lab import Lab

HANDLERS = Path(__file__).parent / "handlers"
TROUBLE = str(HANDLERS / "trouble.handler")
Labs = Callable[..., Lab]


def client(lab: Lab) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=lab.endpoint_url,
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def call(lab: Lab, event: Any = None, tenant: str | None = "a", **arguments: Any) -> Any:
    """Invoke; the answer with its payload read."""
    if tenant is not None:
        arguments["TenantId"] = tenant
    arguments = {"FunctionName": lab.function_name, "Payload": json.dumps(event or {})} | arguments
    answer = client(lab).invoke(**arguments)
    payload = answer["Payload"].read()
    answer["Payload"] = json.loads(payload) if payload else None
    return answer


def refusal(lab: Lab, **arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as raised:
        call(lab, **arguments)
    response = raised.value.response
    return (
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Code"],
        response["Error"]["Message"],
    )


def test_an_answer_names_its_environment_and_the_tenant(labs: Labs) -> None:
    lab = labs()
    first, second, other = (call(lab, {"tenantcheckNonce": "n"}, tenant)["Payload"] for tenant in "aab")
    assert first["executionEnvironmentId"] == second["executionEnvironmentId"]
    assert (first["invocationCount"], second["invocationCount"]) == (1, 2)
    assert second["residue"] == {"memory": ["n"], "scratch": ["n"]}
    assert other["executionEnvironmentId"] != first["executionEnvironmentId"]
    assert (first["tenantId"], other["tenantId"]) == ("a", "b")


def test_the_audit_is_the_ground_truth(labs: Labs) -> None:
    lab = labs(hold_s=0.001)
    ids = [call(lab, tenant=tenant)["ResponseMetadata"]["RequestId"] for tenant in "aba"]
    entries = [entry for entry in lab.audit if entry["request_id"] in ids]
    assert [(entry["tenant"], entry["cold"]) for entry in entries] == [("a", True), ("b", True), ("a", False)]
    assert entries[0]["environment"] == entries[2]["environment"] != entries[1]["environment"]


@pytest.mark.parametrize(
    ("isolation", "tenant", "code", "text"),
    [
        ("per-tenant", None, "InvalidParameterValueException", "is enabled with tenancy configuration. Add a"),
        ("broken", None, "InvalidParameterValueException", "is enabled with tenancy configuration. Add a"),
        ("none", "a", "InvalidParameterValueException", "is not enabled with tenancy configuration. Remove"),
        ("per-tenant", "a!b", "ValidationException", "failed to satisfy constraint"),
    ],
)
def test_tenant_ids_are_demanded_refused_and_validated(
    labs: Labs, isolation: str, tenant: str | None, code: str, text: str
) -> None:
    status, given, message = refusal(labs(isolation=isolation), tenant=tenant)
    assert (status, given) == (400, code)
    assert text in message


def test_without_isolation_tenants_meet(labs: Labs) -> None:
    assert call(labs(isolation="none"), {"tenantcheckNonce": "n"}, None)["Payload"]["tenantId"] is None
    lab = labs(isolation="broken")
    one, other = (call(lab, {"tenantcheckNonce": "n"}, tenant)["Payload"] for tenant in "ab")
    assert one["executionEnvironmentId"] == other["executionEnvironmentId"]


@pytest.mark.parametrize("name", ["nope", "tenantcheck-lab:7"])
def test_unknown_functions_and_versions(labs: Labs, name: str) -> None:
    status, code, message = refusal(labs(), FunctionName=name)
    assert (status, code) == (404, "ResourceNotFoundException")
    assert message.startswith("Function not found: arn:aws:lambda:eu-west-1:")


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:lambda:eu-west-1:000000000000:function:tenantcheck-lab",
        "000000000000:function:tenantcheck-lab:$LATEST",
        "tenantcheck-lab:$LATEST",
    ],
)
def test_names_arns_and_partial_arns(labs: Labs, name: str) -> None:
    assert call(labs(), FunctionName=name)["StatusCode"] == 200


def test_the_kinds_of_invocation(labs: Labs) -> None:
    lab = labs(hold_s=0.001)
    assert call(lab, InvocationType="DryRun", tenant="kinds")["StatusCode"] == 204
    assert not [entry for entry in lab.audit if entry["tenant"] == "kinds"]
    assert call(lab, InvocationType="Event", tenant="kinds")["StatusCode"] == 202
    answer = call(lab, tenant="kinds", LogType="Tail", Qualifier="$LATEST")
    assert answer["ExecutedVersion"] == "$LATEST"
    assert '"platform.report"' in base64.b64decode(answer["LogResult"]).decode()
    assert refusal(lab, InvocationType="Nonsense")[0] == 400


def test_payloads_that_are_not_json(labs: Labs) -> None:
    assert refusal(labs(), Payload=b"{nope")[:2] == (400, "InvalidRequestContentException")


def test_payloads_that_are_too_large(labs: Labs) -> None:
    body = b'"' + b"x" * (6 << 20) + b'"'
    assert refusal(labs(), Payload=body)[:2] == (413, "RequestTooLargeException")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Authorization": "Bearer x"}, 403),
        (
            {
                "Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/lambda/aws4_request, "
                f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
                "X-Amz-Date": "20260101T000000Z",
                "X-Amz-Tenant-Id": "a",
            },
            403,
        ),
        (
            {
                "Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/lambda/aws4_request, "
                f"SignedHeaders=host;x-amz-date;x-amz-tenant-id, Signature={'0' * 64}",
                "X-Amz-Date": "20260101T000000Z",
                "X-Amz-Tenant-Id": "a",
            },
            200,
        ),
    ],
    ids=["none", "bearer", "tenant not signed", "complete"],
)
def test_the_form_of_the_signature_is_checked(labs: Labs, headers: dict[str, str], status: int) -> None:
    url = f"{labs().endpoint_url}/2015-03-31/functions/tenantcheck-lab/invocations"
    assert httpx.post(url, headers=headers, content=b"{}", trust_env=False).status_code == status


def test_too_many_environments(labs: Labs) -> None:
    """At the cap the environment that is idle longest ends; where none is idle, nobody is served."""
    lab = labs(max_environments=1, hold_s=0.5)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(call, lab, {"tenantcheckNonce": "n"}, "a")
        while not lab._running().function._sandboxes:
            pass
        assert refusal(lab, tenant="b") == (429, "TooManyRequestsException", "Rate exceeded")
        assert busy.result()["StatusCode"] == 200
    streams = [call(lab, {"tenantcheckNonce": "n"}, tenant)["Payload"]["logStreamName"] for tenant in "bab"]
    assert len(set(streams)) == 3


def test_a_busy_environment_makes_a_new_one(labs: Labs) -> None:
    lab = labs(hold_s=0.3)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: call(lab, {"tenantcheckNonce": "n"})["Payload"], range(3)))
    assert len({answer["executionEnvironmentId"] for answer in answers}) == 3


def test_context_and_client_context(labs: Labs) -> None:
    context = base64.b64encode(b'{"custom": {"k": "v"}}').decode()
    answer = call(labs(handler=TROUBLE), {"do": "context"}, ClientContext=context)["Payload"]
    assert answer == {
        "client": "{'k': 'v'}",
        "arn": "arn:aws:lambda:eu-west-1:000000000000:function:tenantcheck-lab",
    }


def test_the_environment_has_no_credentials_of_the_caller(labs: Labs, aws: None) -> None:
    environ = call(labs(handler=TROUBLE, timeout_s=2.9), {"do": "environ"})["Payload"]
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == "tenantcheck-lab"
    assert "secret-of-the-test" not in environ.values()


@pytest.mark.parametrize(
    ("event", "kind", "text"),
    [
        ({"do": "raise"}, "ValueError", "as told"),
        ({"do": "exit"}, "Runtime.ExitError", "exit status 3"),
        ({"do": "kill"}, "Runtime.ExitError", "signal: killed"),
        ({"do": "sleep", "seconds": 30}, "Sandbox.Timedout", "Task timed out after 0.50 seconds"),
        ({"do": "large"}, "Function.ResponseSizeTooLarge", "exceeded maximum"),
    ],
)
def test_failures_are_reported_as_lambda_reports_them(
    labs: Labs, event: dict[str, Any], kind: str, text: str
) -> None:
    answer = call(labs(handler=TROUBLE, timeout_s=0.5), event)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["Payload"]["errorType"] == kind
    assert text in answer["Payload"]["errorMessage"]


@pytest.mark.parametrize("event", [{"do": "exit"}, {"do": "kill"}, {"do": "sleep", "seconds": 30}, {"do": "large"}])
def test_a_crash_replaces_the_process_and_keeps_the_scratch_directory(labs: Labs, event: dict[str, Any]) -> None:
    """
    Given an environment with a note in its scratch directory
    When its process crashes or is killed for taking too long
    Then the next request meets the same environment with another process, and the note is there.
    """
    lab = labs(handler=TROUBLE, timeout_s=0.5)
    tenant = f"crash-{event['do']}"
    before = call(lab, {"do": "write"}, tenant)["Payload"]
    call(lab, event, tenant)
    after = call(lab, {}, tenant)["Payload"]
    assert after["pid"] != before["pid"]
    assert (after["note"], after["stream"]) == (True, before["stream"])


def test_init_errors(labs: Labs) -> None:
    answer = call(labs(handler=str(HANDLERS / "broken.handler")))
    assert answer["FunctionError"] == "Unhandled"
    assert "no init today" in answer["Payload"]["errorMessage"]
    assert answer["Payload"]["requestId"] == answer["ResponseMetadata"]["RequestId"]


def test_never_reused_environments_are_removed(labs: Labs) -> None:
    lab = labs(handler=TROUBLE, reuse="never")
    pids = {call(lab)["Payload"]["pid"] for _ in range(2)}
    assert len(pids) == 2
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_platform_logs_and_what_the_handler_prints(labs: Labs, tmp_path: Path) -> None:
    with Lab(handler=TROUBLE, logs=tmp_path, audit=tmp_path / "audit.jsonl") as lab:
        stream = call(lab, {"do": "print"})["Payload"]["stream"]
    log = (tmp_path / "aws/lambda/tenantcheck-lab" / f"{stream}.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in log if line.startswith("{")]
    kinds = [record["type"] for record in records if "type" in record]
    assert kinds == [
        "platform.initStart",
        "platform.initReport",
        "platform.start",
        "platform.runtimeDone",
        "platform.report",
    ]
    assert records[2]["record"]["tenantId"] == "a"
    assert "said by the handler" in log
    assert json.loads((tmp_path / "audit.jsonl").read_text())["tenant"] == "a"


def test_an_error_with_a_long_message_and_a_deep_stack_is_that_error(labs: Labs) -> None:
    lab = labs(handler=TROUBLE, timeout_s=2.0)
    pids = set()
    for event in ({"do": "raise long"}, {"do": "raise deep"}):
        answer = call(lab, event, "long")["Payload"]
        assert answer["errorType"] in ("ValueError", "RecursionError")
        pids.add(call(lab, {}, "long")["Payload"]["pid"])
    assert len(pids) == 1


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/2015-03-31/functions/tenantcheck-lab", "the lab knows no operation but Invoke"),
        ("DELETE", "/2015-03-31/functions/tenantcheck-lab", "the lab knows no operation but Invoke"),
        ("GET", "/2015-03-31/functions/", "the lab knows no operation but Invoke"),
        ("POST", "/2021-11-15/functions/f/response-streaming-invocations", "InvokeWithResponseStream is not offered"),
        ("POST", "/2014-11-13/functions/f/invoke-async/", "InvokeAsync is not offered"),
    ],
)
def test_operations_that_are_not_offered_run_nothing(labs: Labs, method: str, path: str, named: str) -> None:
    lab = labs(isolation="none", hold_s=0.001)
    answer = httpx.request(method, lab.endpoint_url + path, trust_env=False)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert named in answer.json()["message"]
    assert list(lab.audit) == []


@pytest.mark.parametrize(("kind", "size"), [("Event", (1 << 20) + 9), ("RequestResponse", 9 << 20)])
def test_the_limit_of_a_payload_is_that_of_its_kind(labs: Labs, kind: str, size: int) -> None:
    body = b'"' + b"x" * size + b'"'
    assert refusal(labs(), Payload=body, InvocationType=kind)[:2] == (413, "RequestTooLargeException")


def test_the_function_has_lambdas_variables_and_its_own(labs: Labs) -> None:
    environ = call(labs(handler=TROUBLE, variables={"MINE": "5", "_HANDLER": "no"}), {"do": "environ"})["Payload"]
    assert environ["MINE"] == "5"
    assert environ["_HANDLER"] == "trouble.handler"
    assert environ["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
    assert environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert re.fullmatch("Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", environ["_X_AMZN_TRACE_ID"])
