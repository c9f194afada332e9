"""A new user's way: the commands of the README, and every wrong turn with its exit code and its words."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
import trustme

from tenantcheck.lab import Lab
from tests.cli.command import run
from tests.servers import RawServer, always, response

pytestmark = [pytest.mark.usefixtures("in_tmp"), pytest.mark.no_cover]
AWS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_REGION": "eu-west-1"}


@pytest.mark.lab
def test_from_a_handler_to_a_verdict() -> None:
    """
    Given somebody with a handler of their own and an endpoint
    When they print the witness, put it around their handler, look at what comes, probe, and judge again
    Then every step ends well, and the last line of the first screen is a verdict.
    """
    printed = run("handler", "python")
    assert (printed.returncode, printed.stderr) == (0, "")
    Path("witness.py").write_text(printed.stdout)
    Path("app.py").write_text(
        "from witness import witnessed\n\n\n@witnessed\ndef handler(event, context):\n    return {}\n"
    )
    with Lab(handler=str(Path("app.handler").resolve()), variables={"TENANTCHECK_HOLD_MS": "20"}) as lab:
        looked = run("probe", lab.front_url, "--preflight")
        assert (looked.returncode, "executionEnvironmentId" in looked.stderr) == (0, True), looked.stderr
        assert not Path(".tenantcheck").exists()
        probed = run("probe", lab.front_url)
        assert (probed.returncode, probed.stdout.split()[0]) == (0, "PASS"), probed.stdout
        named = {"AWS_ENDPOINT_URL_LAMBDA": lab.endpoint_url}
        invoked = run("invoke", lab.function_name, "--plan", "quick", **AWS | named)
        assert (invoked.returncode, invoked.stdout.split()[0]) == (0, "PASS"), invoked.stdout
    again = run("check")
    assert (again.returncode, again.stdout.partition("\n")[0]) == (0, invoked.stdout.partition("\n")[0])


@pytest.mark.lab
def test_what_init_writes_runs() -> None:
    assert run("init", "mine").returncode == 0
    with Lab(handler=str(Path("mine/witness.handler").resolve()), variables={"TENANTCHECK_HOLD_MS": "20"}) as lab:
        probed = run("probe", lab.front_url, "--plan", "quick")
    assert probed.returncode == 0, probed.stdout
    refused = run("init", "mine")
    assert (refused.returncode, "already: nothing was written" in refused.stderr) == (2, True), refused.stderr


class Turn(NamedTuple):
    """A wrong turn: what answers, if anything, and what is said of it."""

    said: str
    """How the line of the error begins."""
    does: str
    """Some of what to do."""
    code: int
    arguments: tuple[str, ...] = ("probe", "{url}/prod/witness")
    answer: bytes = b""
    variables: Mapping[str, str] = MappingProxyType({})


def refusal(message: str, status: str, kind: str = "", headers: str = "") -> bytes:
    named = f"x-amzn-errortype: {kind}\r\n" if kind else ""
    return response(json.dumps({"message": message}).encode(), status=status, headers=named + headers)


INVOKE = ("invoke", "f", "--endpoint-url", "{url}")
PENDING = "The operation cannot be performed at this time. The function is currently in the following state: Pending"
THROTTLED = json.dumps({"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."})
TURNS = {
    "an expired token": Turn(
        "ExpiredTokenException: the security token has expired",
        "Log in again",
        1,
        INVOKE,
        refusal("The security token included in the request is expired", "403 F", "ExpiredTokenException"),
    ),
    "not allowed": Turn(
        "AccessDeniedException: not allowed to lambda:InvokeFunction",
        "--profile",
        1,
        INVOKE,
        refusal(
            "User: arn:aws:iam::1:user/me is not authorized to perform: lambda:InvokeFunction",
            "403 F",
            "AccessDeniedException",
        ),
    ),
    "a function that is being made": Turn(
        "the function is not ready: it is being made or changed",
        "aws lambda wait",
        1,
        INVOKE,
        refusal(PENDING, "409 Conflict", "ResourceConflictException"),
    ),
    "whose limit, and how long": Turn(
        "every request was turned away from the first one on: Rate exceeded "
        "(ReservedFunctionConcurrentInvocationLimitExceeded); it asks to be left alone for 1 s",
        "concurrency of the account",
        1,
        INVOKE,
        response(
            THROTTLED.encode(),
            status="429 T",
            headers="x-amzn-errortype: TooManyRequestsException\r\nretry-after: 1\r\n",
        ),
    ),
    "a wrong path or stage": Turn(
        "API Gateway has no such path, method or stage: HTTP 403 Missing Authentication Token",
        "stage, path and method",
        1,
        answer=refusal("Missing Authentication Token", "403 Forbidden"),
    ),
    "a sign-in page elsewhere": Turn(
        "every request was sent elsewhere (HTTP 302)",
        "https://login.test/…",
        1,
        answer=response(b"", status="302 Found", headers="location: https://login.test/?t=hunter2\r\n"),
    ),
    "nothing there": Turn(
        "there is nothing at this URL: HTTP 404 Not Found",
        "stage, path",
        1,
        answer=refusal("Not Found", "404 Not Found"),
    ),
    "nobody let in": Turn(
        "every tenant was refused: HTTP 401 Unauthorized",
        "Give credentials",
        1,
        answer=refusal("Unauthorized", "401 U"),
    ),
    "a proxy that wants a name": Turn(
        "the proxy wants to know who asks: HTTP 407", "HTTP_PROXY", 1, answer=response(b"", status="407 Proxy")
    ),
    "a closed port": Turn(
        "no request was answered: could not connect: Connection refused",
        "host and port of http://127.0.0.1:1/",
        1,
        ("probe", "http://127.0.0.1:1/"),
    ),
    "a closed port of the proxy": Turn(
        "no request was answered: could not connect: Connection refused",
        "through the proxy http://127.0.0.1:1",
        1,
        ("probe", "http://x.invalid/"),
        variables={"HTTP_PROXY": "http://me:hunter2@127.0.0.1:1", "NO_PROXY": ""},
    ),
    "no such host": Turn(
        "no request was answered: the host name was not found", "DNS", 1, ("probe", "http://no-such-host.invalid/")
    ),
    "a URL to invoke": Turn(
        "invoke takes a function's name or ARN, not a URL", "probe", 2, ("invoke", "https://x.test/")
    ),
    "another region than the ARN's": Turn(
        "--region us-east-1: this ARN is one of eu-west-1",
        "Leave --region out",
        2,
        ("invoke", "arn:aws:lambda:eu-west-1:123456789012:function:f", "--region", "us-east-1"),
    ),
    "no URL": Turn("this is not a URL to probe", "Write http://", 2, ("probe", "api.example.com/witness")),
    "a variable that is empty": Turn(
        "t.toml, tenant 1: credentials.bearer refers to ${TOKEN}, which is empty",
        "Give it a value",
        2,
        ("probe", "http://x.test", "--tenants", "@t.toml"),
        variables={"TOKEN": ""},
    ),
    "a variable that is not set": Turn(
        "t.toml, tenant 1: credentials.bearer refers to ${TOKEN}, which is not set",
        "export TOKEN=",
        2,
        ("probe", "http://x.test", "--tenants", "@t.toml"),
    ),
    "a file without @": Turn(
        "--tenants tenants.txt: that is a file, not an id",
        "--tenants @tenants.txt",
        2,
        ("probe", "http://x.test", "--tenants", "tenants.txt"),
    ),
    "a method with a slip": Turn(
        "-X GTE: not a method that services know", "Did you mean GET?", 2, ("probe", "http://x.test", "-X", "GTE")
    ),
    "an empty header name": Turn(
        "--tenant-header is empty", "where the service expects", 2, ("probe", "http://x.test", "--tenant-header", "")
    ),
    "a check that is none": Turn(
        "there is no check 'b'",
        "The checks are: shared-environment",
        2,
        ("probe", "http://x.test", "--only", "wrong-tenant,b"),
    ),
    "an event that is none": Turn(
        "--event: no such shape", "or @FILE", 2, ("invoke", "f", "--event", "rest"), variables=AWS
    ),
    "a file that is no history": Turn(
        "tenants.txt, line 1: not the header of a history", "Is this file a history", 1, ("check", "tenants.txt")
    ),
    "no history yet": Turn("there is no history in .tenantcheck/", "Name a file", 2, ("check",)),
    "a format that is none": Turn(
        "--report pdf=x: there is no such format",
        "There are plain,",
        2,
        ("probe", "http://x.test", "--report", "pdf=x"),
    ),
}


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of a server that always says this; no address where nothing answers."""
    if not answer:
        yield ""
        return
    with RawServer(always(answer)) as server:
        yield server.url


@pytest.mark.parametrize("name", TURNS)
def test_a_wrong_turn_is_answered_with_its_cause_and_what_to_do(name: str) -> None:
    turn = TURNS[name]
    Path("tenants.txt").write_text("a\nb\n")
    Path("t.toml").write_text('[[tenant]]\nid="a"\ncredentials={bearer="${TOKEN}"}\n[[tenant]]\nid="b"\n')
    with answering(turn.answer) as url:
        words = (word.format(url=url) if word.startswith("{url}") else word for word in turn.arguments)
        result = run("-q", *words, **(AWS if turn.arguments == INVOKE else {}), **turn.variables)
    told = result.stderr.splitlines()
    (error,) = [line for line in told if line.startswith("error: ")]
    assert error.removeprefix("error: ").startswith(turn.said), result.stderr
    assert turn.does in result.stderr
    assert result.returncode == turn.code
    assert not any(word in result.stdout + result.stderr for word in ("hunter2", "None", "Traceback"))


async def _http_2(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\0" * 18)
    await writer.drain()
    writer.close()


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("server", "scheme", "said", "does"),
    [
        (lambda: RawServer(always(b""), tls=_tls()), "https", "the certificate was not accepted", "--cacert FILE"),
        (
            lambda: RawServer(always(b""), tls=_tls()),
            "http",
            "the connection was closed",
            "https:// instead of http://",
        ),
        (lambda: RawServer(_http_2), "http", "is not HTTP", "HTTP/2 alone"),
    ],
    ids=["a certificate of nobody", "http spoken to https", "HTTP/2 alone"],
)
def test_another_protocol(server: Callable[[], RawServer], scheme: str, said: str, does: str) -> None:
    with server() as running:
        result = run("-q", "probe", f"{scheme}://localhost:{running.port}/")
    assert (result.returncode, said in result.stderr, does in result.stderr) == (1, True, True), result.stderr


def test_blanks_and_comments_are_no_ids() -> None:
    Path("tenants.txt").write_text("# mine\na # x\n\n  b\n")
    for tenants in ("a, b", "@tenants.txt"):
        planned = run("probe", "http://x.test", "--tenants", tenants, "--dry-run")
        assert planned.returncode == 0
        assert "tenants: a, b\n" in planned.stdout


def test_a_report_that_has_no_room_leaves_the_verdict() -> None:
    result = run("-q", "probe", "http://127.0.0.1:1", "--report", "json=/dev/full")
    assert result.returncode == 1
    assert result.stderr.startswith("error: --report /dev/full: No space left on device\n")
