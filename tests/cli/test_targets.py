"""Targets that give trouble."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import FAST, history, run, run_by
from tests.servers import RawServer, always, dropped, endless, response, silent
from tests.services import Reply, Request, service

Labs = Callable[..., Lab]
pytestmark = pytest.mark.usefixtures("in_tmp")


def test_a_run_ends_when_its_time_is_over() -> None:
    """Whatever the time limit of its requests."""
    with RawServer(silent) as server:
        result = run("-q", "probe", server.url, "--max-time", "1", "--timeout", "60")
    assert (result.returncode, "the time of the run was over" in result.stderr) == (1, True)


class TestTroubleWithTheTarget:
    """The tool could not do its work: 1. It could, and learnt nothing: 3. The history is kept in any case."""

    @pytest.mark.parametrize(
        ("answer", "code", "message"),
        [
            (always(response(b"<html>")), 3, "the body is an HTML page"),
            (always(response(b"x" * (50 << 20))), 3, "the body is longer than the 1 MiB that is read"),
            (endless, 3, "the body is longer than the 1 MiB that is read"),
            (always(response(b'{"nonce": "\xff"}')), 3, "the body is not JSON"),
            (always(response(b"[" * 200_000)), 3, "nested too deeply"),
            (always(response(b'{"executionEnvironmentId": 5}')), 3, "a number where text was expected"),
            (always(response(b"{}", status="404 Not Found")), 1, "there is nothing at this URL: HTTP 404"),
            (always(response(b"{}", status="401 Unauthorized")), 1, "every tenant was refused: HTTP 401"),
            (always(response(b"{}", status="429 Slow Down")), 1, "turned away from the first one on: HTTP 429"),
            (always(response(b"{}", status="405 No")), 3, "every tenant was refused (HTTP 405)"),
            (always(response(b"", status="302 Found", headers="location: /x\r\n")), 1, "sent elsewhere (HTTP 302)"),
            (dropped, 1, "no request was answered"),
            (silent, 1, "no complete answer within 1 s"),
        ],
        ids=[
            *(
                "html",
                "50 MB",
                "endless",
                "not UTF-8",
                "deep",
                "wrong type",
                "404",
                "401",
                "429",
                "405",
                "redirect",
                "dropped",
                "silent",
            ),
        ],
    )
    @pytest.mark.parametrize("sender", ["fast", "httpx"])
    def test_answers_nobody_can_use(self, answer: object, code: int, message: str, sender: str) -> None:
        with RawServer(answer) as server:  # type: ignore[arg-type]
            result = run_by(sender, "-q", "probe", server.url, "--timeout", "1")
        assert result.returncode == code, result.stdout + result.stderr
        assert message in result.stdout
        assert "Traceback" not in result.stderr
        openings = 2 if "turned away" in message else 1  # it may have been warming up
        assert len(history().read_text().splitlines()) == 2 + 4 * openings  # header, observations, end line

    def test_nobody_there(self) -> None:
        result = run("-q", "probe", "http://127.0.0.1:1/")
        assert result.returncode == 1
        assert "error: no request was answered" in result.stderr
        assert "Nothing listens there: look at host and port of http://127.0.0.1:1/." in result.stderr
        assert history().exists()

    def test_no_such_function(self, labs: Labs) -> None:
        lab = labs(**FAST)
        result = run(
            *("-q", "invoke", "nope", "--endpoint-url", lab.endpoint_url, "--region", "us-east-1"),
            AWS_ACCESS_KEY_ID="lab",
            AWS_SECRET_ACCESS_KEY="lab",
        )
        assert (result.returncode, "Function not found" in result.stderr) == (1, True)

    def test_expired_credentials(self) -> None:
        body = b'{"message": "The security token included in the request is expired"}'
        answer = response(body, status="403 Forbidden", headers="x-amzn-ErrorType: ExpiredTokenException\r\n")
        with RawServer(always(answer)) as server:
            result = run(
                *("-q", "invoke", "f", "--endpoint-url", server.url, "--region", "us-east-1"),
                AWS_ACCESS_KEY_ID="x",
                AWS_SECRET_ACCESS_KEY="hunter2",
            )
        assert result.returncode == 1
        assert "error: ExpiredTokenException: the security token has expired" in result.stderr
        assert "hunter2" not in history().read_text()

    @pytest.mark.parametrize(
        ("variables", "message"),
        [({}, "no AWS region is set"), ({"AWS_REGION": "us-east-1"}, "no AWS credentials were found")],
    )
    def test_nothing_to_sign_with(self, variables: dict[str, str], message: str) -> None:
        result = run("-q", "invoke", "f", **variables)
        assert (result.returncode, message in result.stderr) == (1, True)

    def test_a_bug_is_no_leak_and_shows_its_trace_only_when_asked(self) -> None:
        code = (
            "import tenantcheck.cli.check as c\n"
            "def boom(*_): raise ZeroDivisionError('boom')\n"
            "c.judge_file = boom\n"
            "from tenantcheck.cli import main; main()"
        )
        Path("h").touch()
        for flag, trace in (([], False), (["--debug"], True)):
            result = subprocess.run([sys.executable, "-c", code, *flag, "check", "h"], capture_output=True, text=True)
            assert result.returncode == 1
            assert ("Traceback" in result.stderr) is trace


def test_strict_servers_can_have_the_nonce_elsewhere(labs: Labs) -> None:
    """A run whose answers carry no witness fields but a counter never passes."""
    with RawServer(always(response(b'{"counter": 1, "tenant_id": "a"}'))) as server:
        result = run(
            "-q",
            "probe",
            server.url,
            "--nonce",
            "none",
            "--only",
            "shared-environment",
            "--tenants",
            "a,b",
            "--plan",
            "quick",
        )
    assert result.returncode == 3
    assert "a counter alone proves nothing" in result.stdout


def test_an_iam_authorised_api_is_signed_for() -> None:
    """The signature covers the tenant; without a region nothing is sent."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hunter2"}
    with RawServer(always(response(b"{}"))) as server:
        assert run("-q", "probe", server.url, "--aws-sigv4", **keys).returncode == 1
        assert not server.requests
        result = run("-q", "probe", server.url, "--aws-sigv4", "--region", "eu-west-1", **keys)
    assert result.returncode == 3
    head = server.requests[0].decode().lower()
    assert "/eu-west-1/execute-api/aws4_request" in head
    assert re.search(r"signedheaders=[a-z0-9;-]*x-tenant-id[;,]", head)
    assert "AKIDEXAMPLE" not in history().read_text()


class TestPreflight:
    def test_it_says_what_would_read_the_answers_and_that_reads_them(self) -> None:
        """
        Given a service that puts its witness where nobody would look for it
        When it is asked by --preflight, and then with the options that this names
        Then nothing is recorded, the options are right, and the exit code says whether answers name environments.
        """
        ids: dict[str, str] = {}

        def answer(request: Request) -> Reply:
            environment = ids.setdefault(request.tenant, str(uuid.uuid4()))
            meta = {"env": environment, "calls": 1, "echo": request.nonce}
            return Reply({"requestId": str(uuid.uuid4()), "meta": meta})

        with service(answer) as server:
            asked = run("-q", "probe", server.url, "--preflight")
            count = len(server.requests)
            options = shlex.split(asked.stderr.partition("these look like a witness: ")[2])
            again = run("-q", "probe", server.url, "--preflight", *options)
        assert (asked.returncode, again.returncode, asked.stdout, count) == (3, 0, "", 4)
        assert "HTTP 200" in asked.stderr
        assert "--witness" in options
        assert "read: executionEnvironmentId, invocationCount, nonce" in again.stderr
        assert not Path(".tenantcheck").exists()

    def test_a_run_that_learns_nothing_says_what_came(self) -> None:
        with RawServer(always(response(b"<!doctype html>"))) as server:
            result = run("-q", "probe", server.url)
        assert result.returncode == 3
        assert "an HTML page: no handler's answer" in result.stderr

    def test_nobody_there_is_a_failure_of_the_tool(self) -> None:
        result = run("-q", "probe", "http://127.0.0.1:1/", "--preflight")
        assert result.returncode == 1
        assert "could not connect" in result.stderr


async def closes_after_a_frame_of_http_2(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64")
    writer.close()


@pytest.mark.parametrize("client", ["fast", "httpx"])
def test_https_to_a_port_that_speaks_http(labs: Labs, client: str) -> None:
    result = run_by(client, "-q", "probe", labs(**FAST).front_url.replace("http://", "https://"))
    assert (result.returncode, "http:// instead of https://" in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize("client", ["fast", "httpx"])
def test_http_to_a_port_that_speaks_http_2_alone(client: str) -> None:
    with RawServer(closes_after_a_frame_of_http_2) as server:
        result = run_by(client, "-q", "probe", server.url)
    hint = "A server of HTTP/2 alone needs a proxy in front of it"
    assert (result.returncode, hint in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize("client", ["fast", "httpx"])
def test_a_handshake_that_is_never_answered_leaves_nothing_open(client: str) -> None:
    with RawServer(silent) as server:
        url = server.url.replace("http://", "https://")
        result = run_by(client, "-q", "probe", url, "--timeout", "0.5")
    assert result.returncode == 1
    assert "--timeout allows more" in result.stderr
    assert "ResourceWarning" not in result.stderr


def test_a_name_that_is_not_known_is_named() -> None:
    result = run("-q", "probe", "http://no-such-host.invalid/")
    assert result.returncode == 1
    assert "Look at the host name in http://no-such-host.invalid/" in result.stderr
