"""Function targets: the request boto3 itself would send, and the classes of Invoke's replies."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
from typing import Any

import boto3
import pytest
from botocore import auth
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from msgspec import structs

from tenantcheck.errors import TargetError, UsageError
from tenantcheck.judge.checks.repeating import repeat_of
from tenantcheck.model import Call, PlatformRecord, Reply, Request
from tenantcheck.reports.shell import command_line
from tenantcheck.run.plan import Credentials, TenantRow
from tenantcheck.run.targets.aws import ApiSigner, AwsOptions, AwsSession, region_of_url
from tenantcheck.run.targets.events import parse_event
from tenantcheck.run.targets.function import FunctionTarget
from tests.notation import plan_for

NONCE = "tck1-n"
REQUEST = Request(seq=0, wave=0, kind="opening", slot=0, tenant=0, nonce=NONCE)


def _command(made: FunctionTarget) -> str:
    """How the first request of a run is sent again."""
    plan = plan_for(repeat=made.repeat())
    repeat = repeat_of(plan, structs.replace(REQUEST, nonce=NONCE))
    assert repeat is not None
    return command_line(repeat)


def target(
    function: str = "orders",
    *,
    payload: bytes = b"{}",
    event: Any = "raw",
    row: TenantRow | None = None,
    **options: Any,
) -> FunctionTarget:
    qualifier, key = options.pop("qualifier", None), options.pop("witness_key", None)
    made = FunctionTarget(
        AwsSession(AwsOptions(**options)),
        function,
        qualifier=qualifier,
        event=parse_event(event, payload, key),
        witness_key=key,
    )
    made = made.with_rows([row or TenantRow(id="ac/me 1", expect="acme")])
    asyncio.run(made.refresh())
    return made


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore signs at one instant."""
    now = datetime.datetime(2026, 11, 22, 12, 0, 0, tzinfo=datetime.UTC)
    monkeypatch.setattr(auth, "get_current_datetime", lambda *_, **__: now.replace(tzinfo=None), raising=True)


def from_boto3(function: str, **options: Any) -> AWSPreparedRequest:
    """What boto3 sends for the same Invoke."""
    captured: list[AWSPreparedRequest] = []

    class Empty:
        def stream(self) -> Any:
            yield b""

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        captured.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), Empty())

    qualifier = options.pop("qualifier", None)
    client = boto3.client("lambda", region_name="eu-west-1", **options)
    client.meta.events.register("before-send.lambda.Invoke", answer)
    arguments: dict[str, Any] = {"Qualifier": qualifier} if qualifier else {}
    payload = json.dumps({"tenantcheckNonce": NONCE})
    client.invoke(FunctionName=function, TenantId="ac/me 1", LogType="Tail", Payload=payload, **arguments)
    return captured[0]


@pytest.mark.parametrize(
    ("function", "options"),
    [
        ("orders", {}),
        ("orders", {"qualifier": "live"}),
        ("arn:aws:lambda:eu-west-1:123456789012:function:orders", {}),
        ("123456789012:function:orders", {"endpoint_url": "http://127.0.0.1:9000"}),
    ],
)
@pytest.mark.usefixtures("aws", "still_clock")
def test_the_signed_request_is_boto3s(function: str, options: dict[str, Any]) -> None:
    """
    Given the same function, tenant, payload and instant
    When boto3 and this target sign their requests
    Then URL, body, signed headers and signature are the same.
    """
    theirs = from_boto3(function, **options)
    ours = target(function, **options).prepare(REQUEST)
    assert (ours.method, ours.url, ours.body) == (theirs.method, theirs.url, theirs.body)
    their_headers = {
        name.lower(): value if isinstance(value, str) else bytes(value).decode()
        for name, value in theirs.headers.items()
    }
    our_headers = {name.lower(): value for name, value in ours.headers}
    extra = {"user-agent", "content-length", "amz-sdk-invocation-id", "amz-sdk-request"}
    assert our_headers == {name: value for name, value in their_headers.items() if name not in extra}


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({}, "lambda.eu-west-1.amazonaws.com"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "lambda-fips.eu-west-1.amazonaws.com"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "lambda.eu-west-1.api.aws"),
        ({"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:1"}, "127.0.0.1:1"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_the_endpoint_is_boto3s(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], host: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert target().url.split("/")[2] == host


@pytest.mark.usefixtures("aws")
class TestRequests:
    def test_the_nonce_is_merged_into_an_object(self) -> None:
        call = target(payload=b'{"a": 1}').prepare(REQUEST)
        assert json.loads(call.body) == {"a": 1, "tenantcheckNonce": NONCE}

    def test_other_payloads_are_sent_as_they_are(self) -> None:
        made = target(payload=b"[1]")
        assert (made.prepare(REQUEST).body, made.carries_nonce) == (b"[1]", False)

    def test_a_rest_proxy_event(self) -> None:
        event = json.loads(target(payload=b'{"a": 1}', event="api-gateway").prepare(REQUEST).body)
        assert json.loads(event["body"]) == {"a": 1}
        assert event["headers"]["x-tenantcheck-nonce"] == NONCE
        assert event["requestContext"]["stage"] == "prod"

    def test_a_request_for_nobody_has_no_tenant(self) -> None:
        request = Request(seq=0, wave=0, kind="single", slot=0, tenant=None, nonce=NONCE)
        assert "x-amz-tenant-id" not in {name.lower() for name, _ in target().prepare(request).headers}

    def test_tenants_may_have_aws_credentials_of_their_own(self) -> None:
        keys = {"aws_access_key_id": "AKIDOTHER", "aws_secret_access_key": "x"}
        row = TenantRow(id="a", expect="a", credentials=Credentials(aws=keys))
        call = target(row=row).prepare(REQUEST)
        assert "Credential=AKIDOTHER/" in dict(call.headers)["Authorization"]

    def test_credentials_that_invoke_can_not_carry(self) -> None:
        with pytest.raises(UsageError, match="'a' has headers, query or tokens"):
            target(row=TenantRow(id="a", expect="a", credentials=Credentials(headers=(("Authorization", "x"),))))

    def test_a_refused_signature_does_not_quote_the_session_token(self) -> None:
        text = "The request signature we calculated does not match. The Canonical String was\nx-amz-token:hunter2"
        reply = Reply(status=403, body=json.dumps({"message": text}).encode())
        outcome = target().outcome(reply, witnessed=False, proxy_status=None)
        assert outcome.error_text == "the signature does not match"

    def test_payloads_that_are_not_json(self) -> None:
        with pytest.raises(UsageError, match="--payload is not JSON"):
            target(payload=b"{nope")

    def test_no_name_is_no_function(self) -> None:
        with pytest.raises(UsageError, match="FunctionName"):
            target("")

    def test_the_repeat_command(self) -> None:
        assert _command(target(qualifier="live")) == (
            "aws lambda invoke --function-name orders --qualifier live --region eu-west-1 --tenant-id a "
            "--cli-binary-format raw-in-base64-out "
            f'--payload \'{{"tenantcheckNonce": "{NONCE}"}}\' /dev/stdout'
        )
        assert '--payload "${PAYLOAD}"' in _command(target(payload=b'{"key": "hunter2"}'))

    def test_the_name_in_reports(self) -> None:
        assert target(qualifier="live").display == "orders:live (eu-west-1)"


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(TargetError, match="no AWS region is set"):
        target()


def test_no_credentials() -> None:
    with pytest.raises(TargetError, match="no AWS credentials were found"):
        target(region="eu-west-1")


def test_no_such_profile() -> None:
    with pytest.raises(UsageError, match="nope"):
        target(profile="nope")


@pytest.mark.usefixtures("aws")
def test_a_broken_endpoint() -> None:
    with pytest.raises(UsageError, match="--endpoint-url is no URL"):
        target(endpoint_url="not a url")


def test_made_up_credentials_need_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    made = target(region="eu-west-1", made_up=True)
    assert "Credential=lab/" in dict(made.prepare(REQUEST).headers)["Authorization"]


@pytest.mark.usefixtures("aws")
def test_an_http_api_is_signed_for_execute_api() -> None:
    call = Call(method="GET", url="https://x.execute-api.eu-west-1.amazonaws.com/p", headers=(("x-tenant-id", "a"),))
    signer = ApiSigner(AwsSession(AwsOptions()), call.url, None)
    asyncio.run(signer.refresh())
    signed = dict(signer.sign(call, {}).headers)
    assert "/eu-west-1/execute-api/aws4_request" in signed["Authorization"]
    assert "x-tenant-id" in signed["Authorization"]
    assert (region_of_url(call.url), region_of_url("https://example.test/")) == ("eu-west-1", None)


TENANCY = "The invoked function is not enabled with tenancy configuration."


@pytest.mark.parametrize(
    ("reply", "witnessed", "proxy_status", "expected"),
    [
        (Reply(status=200), True, None, ("served", None, None)),
        (Reply(status=200), False, None, ("no-witness", None, None)),
        (Reply(status=200), False, 403, ("refused", "proxy-403", None)),
        (Reply(status=200), False, 429, ("throttled", "proxy-429", None)),
        (Reply(status=200), False, 500, ("function-error", "proxy-500", None)),
        (
            Reply(
                status=200,
                headers=(("X-Amz-Function-Error", "Unhandled"),),
                body=b'{"errorType": "KeyError", "errorMessage": "hunter2"}',
            ),
            False,
            None,
            ("function-error", "Unhandled", "KeyError"),
        ),
        (
            Reply(
                status=400,
                headers=(("x-amzn-ErrorType", "ValidationException:http://internal"),),
                body=json.dumps({"message": TENANCY}).encode(),
            ),
            False,
            None,
            ("refused", "tenancy-not-enabled", TENANCY.rstrip(".")),
        ),
        *(
            (
                Reply(status=403, headers=(("x-amzn-ErrorType", name),)),
                False,
                None,
                ("denied", name, f"{name} (HTTP 403)"),
            )
            for name in ("AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException")
        ),
        (
            Reply(status=404, headers=(("x-amzn-ErrorType", "ResourceNotFoundException"),)),
            False,
            None,
            ("absent", "ResourceNotFoundException", "ResourceNotFoundException (HTTP 404)"),
        ),
        (
            Reply(status=429, headers=(("x-amzn-ErrorType", "TooManyRequestsException"),)),
            False,
            None,
            ("throttled", "TooManyRequestsException", "TooManyRequestsException (HTTP 429)"),
        ),
        (Reply(status=500, body=b"[" * 9999), False, None, ("service-error", "HTTP 500", "HTTP 500")),
        (Reply(error_kind="timeout", error_text="late"), False, None, ("lost", "timeout", "late")),
    ],
)
@pytest.mark.usefixtures("aws")
def test_outcomes(reply: Reply, witnessed: bool, proxy_status: int | None, expected: tuple[Any, ...]) -> None:
    assert tuple(target().outcome(reply, witnessed=witnessed, proxy_status=proxy_status)) == expected


def with_tail(text: str) -> Reply:
    return Reply(status=200, headers=(("X-Amz-Log-Result", base64.b64encode(text.encode()).decode()),))


UUID = "00000000-0000-0000-0000-000000000001"
STARTED = PlatformRecord(request_id=UUID, tenant_id="acme", init_ms=80.0)
NO_TIMES = PlatformRecord(request_id=UUID, tenant_id="acme")
TIMES = PlatformRecord(init_ms=80.0, duration_ms=12.5)
JSON_TAIL = "\n".join(
    json.dumps({"time": "t", "type": kind, "record": record})
    for kind, record in [
        ("platform.initReport", {"metrics": {"durationMs": 9}}),
        ("platform.start", {"requestId": UUID, "tenantId": "acme"}),
        ("platform.report", {"requestId": UUID, "metrics": {"durationMs": 12.5, "initDurationMs": 80}}),
    ]
)
TEXT_TAIL = (
    "START RequestId: 00000000-0000-0000-0000-000000000001 Version: $LATEST\nhunter2\n"
    "REPORT RequestId: 00000000-0000-0000-0000-000000000001\tDuration: 12.50 ms\tBilled Duration: 13 ms\t"
    "Init Duration: 80.00 ms\t\n"
)


@pytest.mark.parametrize(
    ("reply", "record"),
    [
        (
            with_tail(JSON_TAIL),
            PlatformRecord(request_id=UUID, tenant_id="acme", init_ms=80.0, duration_ms=12.5),
        ),
        (
            with_tail(TEXT_TAIL),
            PlatformRecord(request_id="00000000-0000-0000-0000-000000000001", init_ms=80.0, duration_ms=12.5),
        ),
        (with_tail('{"type": "platform.start", "record": 5}\n{"type": "platform.'), None),
        (with_tail('"platform.' + "[" * 9000), None),
        (Reply(status=200, headers=(("X-Amz-Log-Result", "%%%"),)), None),
        (with_tail(TEXT_TAIL.replace("12.50", "1.2.3")), PlatformRecord(request_id=UUID, init_ms=80.0)),
        (with_tail(TEXT_TAIL.replace("80.00", "9" * 400)), PlatformRecord(request_id=UUID, duration_ms=12.5)),
        (
            with_tail(JSON_TAIL.replace("12.5", "9" * 400)),
            STARTED,
        ),
        (with_tail(JSON_TAIL.replace("12.5", "-1").replace("80", "1e999")), NO_TIMES),
        (with_tail(JSON_TAIL.replace(UUID, "secret-of-the-test").replace("acme", "AKIDEXAMPLE")), TIMES),
        (Reply(status=200), None),
    ],
)
@pytest.mark.usefixtures("aws")
def test_the_tail_of_the_log(reply: Reply, record: PlatformRecord | None) -> None:
    asked = target()
    asyncio.run(asked.refresh())
    assert asked.platform(reply) == record


@pytest.mark.usefixtures("aws")
def test_a_witness_key_travels_where_the_handler_looks_for_it() -> None:
    raw, proxied = (target(event=event, witness_key="hunter2") for event in ("raw", "api-gateway"))
    assert json.loads(raw.prepare(REQUEST).body) == {"tenantcheckNonce": NONCE, "tenantcheckKey": "hunter2"}
    assert json.loads(proxied.prepare(REQUEST).body)["headers"]["x-tenantcheck-key"] == "hunter2"
    assert all(made.secrets.found_in("hunter2") for made in (raw, proxied))
    assert _command(raw).endswith(
        '--payload \'{"tenantcheckNonce": "tck1-n", "tenantcheckKey": "\'"${TENANTCHECK_KEY}"\'"}\' /dev/stdout'
    )
