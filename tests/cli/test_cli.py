"""The command line as a user runs it: exit codes, streams, bad input."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantcheck.lab import Lab
from tests.servers import RawServer, always, dropped, endless, response, silent

Labs = Callable[..., Lab]
COMMAND = [sys.executable, "-W", "error", "-m", "tenantcheck"]
pytestmark = pytest.mark.usefixtures("in_tmp")
FAST = {"hold_s": 0.05}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run tenantcheck in the current folder."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=os.environ | variables, timeout=120
    )


def history() -> Path:
    (path,) = Path(".tenantcheck").glob("*.jsonl")
    return path


def wave_sizes(path: Path) -> list[int]:
    """Requests of each wave in a history, the calls outside the waves left out."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    numbers = [record["request"]["wave"] for record in records if record["type"] == "observation"]
    return [count for wave, count in Counter(numbers).items() if wave > 1]


def invoke(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        "-q",
        "invoke",
        lab.function_name,
        "--endpoint-url",
        lab.endpoint_url,
        *arguments,
        AWS_ACCESS_KEY_ID="lab",
        AWS_SECRET_ACCESS_KEY="hunter2",
        AWS_REGION="us-east-1",
    )


class TestExits:
    """The exit codes of the issue's last line."""

    def test_probe_of_an_isolated_function(self, labs: Labs) -> None:
        result = run("probe", labs(**FAST).front_url)
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stdout.startswith("PASS: no breach was found")
        assert "plan standard: opening 4, half 4, half 4, half 6, half 6, crowd 12, ordered 48" in result.stderr

    def test_probe_of_environments_that_are_never_reused(self, labs: Labs) -> None:
        lab = labs(reuse="never", hold_s=0.0)
        result = run("-q", "probe", lab.front_url, "--plan", "quick", "--tenants", "2")
        assert result.returncode == 3, result.stdout + result.stderr
        assert result.stdout.startswith("INCONCLUSIVE: no environment answered a second request")

    def test_probe_without_isolation(self, labs: Labs) -> None:
        result = run("-q", "probe", labs(isolation="none", **FAST).front_url)
        assert result.returncode == 10, result.stdout + result.stderr
        assert "breach: shared-environment" in result.stdout
        assert result.stderr == ""

    def test_invoke_of_an_isolated_function(self, labs: Labs) -> None:
        result = invoke(labs(**FAST), "--format", "json")
        report = json.loads(result.stdout)
        assert (result.returncode, report["verdict"]) == (0, "pass")
        assert report["requests"] == 2 + sum(wave_sizes(history()))
        assert report["versions"] == ["$LATEST"]
        assert report["tenants"][0]["cold_starts"] == report["tenants"][0]["environments"]

    def test_invoke_of_environments_that_are_never_reused(self, labs: Labs) -> None:
        result = invoke(labs(reuse="never", hold_s=0.0), "--plan", "quick", "--tenants", "2")
        assert result.returncode == 3, result.stdout + result.stderr

    def test_invoke_of_a_function_that_only_says_so(self, labs: Labs) -> None:
        result = invoke(labs(isolation="broken", **FAST), "--format", "json")
        report = json.loads(result.stdout)
        assert (result.returncode, report["findings"][0]["check"]) == (10, "shared-environment")

    def test_invoke_without_isolation(self, labs: Labs) -> None:
        result = invoke(labs(isolation="none", **FAST), "--format", "json")
        report = json.loads(result.stdout)
        assert (result.returncode, report["reasons"]) == (10, ["not-isolated: 1 breach"])
        assert (report["requests"], report["ended"]) == (2, "not-isolated")


class TestHistory:
    def test_check_gives_the_verdict_of_the_run(self, labs: Labs) -> None:
        ran = run(
            "-q",
            "probe",
            labs(**FAST).front_url,
            "--plan",
            "quick",
            "--format",
            "json",
        )
        path = history()
        again = run("check", str(path), "--format", "json")
        assert json.loads(again.stdout) == json.loads(ran.stdout)
        assert again.returncode == ran.returncode == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        stricter = run("check", str(path), "--significance", "1e-9")
        assert (stricter.returncode, "the target is 1e-09" in stricter.stdout) == (3, True)

    def test_a_breach_is_found_again_and_reports_are_written(self, labs: Labs) -> None:
        ran = run("-q", "probe", labs(isolation="none", **FAST).front_url, "--history", "h.jsonl")
        again = run("check", "h.jsonl", "--report", "json=r.json", "--report", "plain=r.txt")
        assert (ran.returncode, again.returncode) == (10, 10)
        assert json.loads(Path("r.json").read_text())["verdict"] == "fail"
        assert Path("r.txt").read_text() == again.stdout

    def test_a_history_cut_in_the_middle_of_a_line(self, labs: Labs) -> None:
        run("-q", "probe", labs(**FAST).front_url, "--plan", "quick", "--history", "h.jsonl")
        Path("cut.jsonl").write_bytes(Path("h.jsonl").read_bytes()[:-300])
        result = run("check", "cut.jsonl")
        assert result.returncode == 3
        assert "the history has no end line" in result.stdout
        assert "the last line of the history was cut" in result.stdout

    def test_no_secret_is_in_a_history_or_report(self, labs: Labs) -> None:
        url = labs(**FAST).front_url.replace("http://", "http://user:hunter2@") + "?key=hunter2"
        Path("t.toml").write_text(
            "[[tenant]]\nid='a'\ncredentials={bearer='${TOKEN}'}\n[[tenant]]\nid='b'\ncredentials={bearer='hunter2-b'}\n"
        )
        result = run(
            *(
                "probe",
                url,
                "--tenants",
                "@t.toml",
                "-H",
                "X-Key: hunter2",
                "--plan",
                "quick",
                "--format",
                "json",
            ),
            TOKEN="hunter2-a",
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert "hunter2" not in result.stdout + result.stderr + history().read_text()
        assert invoke(labs(**FAST), "--plan", "quick", "--history", "i.jsonl").returncode == 0
        assert "hunter2" not in Path("i.jsonl").read_text()


class TestUsage:
    def test_help_needs_no_aws_and_lists_every_command(self) -> None:
        result = run("--help")
        assert result.returncode == 0
        for command in ("probe", "invoke", "check", "lab", "demo"):
            assert command in result.stdout
            help_ = run(command, "--help")
            assert help_.returncode == 0
            assert help_.stderr == ""

    def test_starting_imports_no_aws(self) -> None:
        code = (
            "import sys; sys.argv = ['tenantcheck', '--help']\n"
            "from tenantcheck.cli import main\n"
            "try: main()\nexcept SystemExit: pass\n"
            "print({'boto3', 'botocore', 'httpx', 'rich', 'aiohttp'} & set(sys.modules))"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert result.stdout.endswith("set()\n")

    def test_the_version(self) -> None:
        assert re.fullmatch(r"tenantcheck \d+\.\d+\.\d+\n", run("--version").stdout)

    def test_options_have_variables(self) -> None:
        result = run("probe", "http://127.0.0.1:1/", "--dry-run", TENANTCHECK_PROBE_TENANTS="x,y")
        assert (result.returncode, "tenants: x, y" in result.stderr) == (0, True)

    def test_values_with_spaces_stand_on_lines_of_their_own_in_a_variable(self) -> None:
        headers = "Authorization: Bearer x\nX-Two: a b"
        with RawServer(always(response(b"{}"))) as server:
            run("-q", "probe", server.url, TENANTCHECK_PROBE_HEADER=headers)
        assert b"authorization: bearer x\r\n" in server.requests[0].lower()
        assert b"x-two: a b\r\n" in server.requests[0].lower()

    def test_a_dry_run_sends_nothing(self) -> None:
        with RawServer(always(response(b"{}"))) as server:
            result = run("probe", server.url, "--dry-run", "--price-per-gb", "0.000167", "--memory", "1024")
        assert (result.returncode, server.requests) == (0, [])
        assert "creating them costs about 0.002672 at 1024 MB" in result.stderr
        assert not Path(".tenantcheck").exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["probe"], "Missing argument 'URL'"),
            (["probe", "x.test"], "'x.test' is not a URL to probe"),
            (["probe", "http://x.test", "--tenants", "1"], "isolation needs at least two"),
            (["probe", "http://x.test", "--tenants", "a,b "], "begins or ends with a space"),
            (["probe", "http://x.test", "--tenants", "a,b\r\nx"], "is not allowed"),
            (["probe", "http://x.test", "--tenants", "@nope"], "No such file"),
            (["probe", "http://x.test", "--only", "nope"], "there is no check 'nope'"),
            (["probe", "http://x.test", "--idle", "x"], "seconds separated by commas"),
            (["probe", "http://x.test", "--idle", "60,60"], "the gaps alone take"),
            (["probe", "http://x.test", "--seed", "xyz"], "hexadecimal digits"),
            (["probe", "http://x.test", "--witness", "a=b"], "is not a witness field"),
            (["probe", "http://x.test", "--witness", "sandboxId=a..b["], "JMESPath expression"),
            (["probe", "http://x.test", "--report", "pdf=x"], "FORMAT=FILE was expected"),
            (["probe", "http://x.test", "--nonce", "cookie:x"], "not a place for the nonce"),
            (["probe", "http://x.test", "--tenant-from-credentials"], "needs credentials for every tenant"),
            (["probe", "http://x.test/{tenant}", "--tenant-query", "t"], "travels in one place only"),
            (["probe", "http://x.test", "-H", "nocolon"], "a header is written"),
            (["probe", "http://x.test", "-d", "@nope"], "No such file"),
            (["probe", "http://x.test", "--cacert", "nope"], "No such file"),
            (["check", "nope"], "No such file"),
            (["invoke", "f", "--payload", "{"], "--payload is not JSON"),
            (["probe", "http://x.test:99999/"], "port is not between 0 and 65535"),
            (["probe", "http://[::1"], "the URL can't be read"),
            (["probe", "http://x.test", "-X", "P\u00d6ST"], "not an HTTP method"),
            (["probe", "http://x.test", "--max-time", "nan"], "is not a number"),
            (["probe", "http://x.test", "--max-time", "inf"], "is not in the range"),
            (["probe", "http://x.test", "--report", "json=/nope/r.json"], "there is no such folder"),
            (["nope"], "No such command"),
            (["lab", "--handler", "nope/x.handler"], "no handler at"),
            (["lab", "--fault", "nope"], "there is no fault 'nope'"),
            (["lab", "--fault", "race", "--isolation", "none"], "faults need isolation per-tenant"),
        ],
    )
    def test_wrong_usage_is_2_and_says_what_to_do(self, arguments: list[str], message: str) -> None:
        region = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
        result = run(*arguments, **region)
        assert (result.returncode, result.stdout) == (2, "")
        assert message in result.stderr
        assert "Traceback" not in result.stderr

    @pytest.mark.parametrize(
        ("content", "message"),
        [("", "line 1: the file is empty"), ("hello\n", "line 1: not the header of a history")],
    )
    def test_files_that_are_no_history(self, content: str, message: str) -> None:
        Path("h").write_text(content)
        result = run("check", "h")
        assert (result.returncode, message in result.stderr) == (1, True)
        assert result.stderr.count("line 1") == 1


#: The command line as it is without the `fast` extra.
WITHOUT_FAST = (
    "import tenantcheck.senders as senders\n"
    "senders.find_spec = lambda _: None\n"
    "from tenantcheck.cli import main; main()"
)


class TestTroubleWithTheTarget:
    """The tool could not do its work: 1. It could, and learnt nothing: 3. The history is kept in any case."""

    @pytest.mark.parametrize(
        ("answer", "code", "message"),
        [
            (always(response(b"<html>")), 3, "the body is not JSON"),
            (always(response(b"x" * (50 << 20))), 3, "the body is not JSON"),
            (endless, 3, "the body is not JSON"),
            (always(response(b'{"nonce": "\xff"}')), 3, "the body is not JSON"),
            (always(response(b"[" * 200_000)), 3, "nested too deeply"),
            (always(response(b'{"executionEnvironmentId": 5}')), 3, "a int where text was expected"),
            (always(response(b"{}", status="404 Not Found")), 3, "4 of 4 tenants were refused: HTTP 404"),
            (always(response(b"", status="302 Found", headers="location: /x\r\n")), 3, "the body is empty"),
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
                "redirect",
                "dropped",
                "silent",
            ),
        ],
    )
    @pytest.mark.parametrize("sender", ["fast", "httpx"])
    def test_answers_nobody_can_use(self, answer: object, code: int, message: str, sender: str) -> None:
        with RawServer(answer) as server:  # type: ignore[arg-type]
            arguments = ("-q", "probe", server.url, "--timeout", "1")
            if sender == "fast":
                result = run(*arguments)
            else:
                result = subprocess.run(
                    [sys.executable, "-W", "error", "-c", WITHOUT_FAST, *arguments],
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
        assert result.returncode == code, result.stdout + result.stderr
        assert message in result.stdout
        assert "Traceback" not in result.stderr
        assert len(history().read_text().splitlines()) == 6  # header, four observations, end line

    def test_nobody_there(self) -> None:
        result = run("-q", "probe", "http://127.0.0.1:1/")
        assert result.returncode == 1
        assert "error: no request was answered" in result.stderr
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
        assert "error: ExpiredTokenException: The security token included" in result.stderr
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


def test_ctrl_c_keeps_the_history_and_judges_it(labs: Labs) -> None:
    lab = labs(hold_s=0.3)
    process = subprocess.Popen(
        [*COMMAND, "-q", "probe", lab.front_url, "--history", "h.jsonl"], stdout=subprocess.PIPE, text=True
    )
    seen = threading.Event()

    def watch() -> None:
        while not seen.wait(0.02):
            if len(lab.audit) > 4:
                process.send_signal(signal.SIGINT)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    stdout, _ = process.communicate(timeout=60)
    seen.set()
    watcher.join()
    assert process.returncode == 3
    assert "the run was interrupted" in stdout
    assert '"reason":"interrupted"' in Path("h.jsonl").read_text().splitlines()[-1]


def test_a_seed_replays_the_order_and_proves_nothing(labs: Labs) -> None:
    lab = labs(**FAST)

    def orders(name: str, *seed: str) -> list[int]:
        result = run("-q", "probe", lab.front_url, "--plan", "quick", "--history", name, *seed)
        assert result.returncode == (3 if seed else 0)
        records = [json.loads(line) for line in Path(name).read_text().splitlines()]
        requests = [record["request"] for record in records if record["type"] == "observation"]
        return [request["tenant"] for request in sorted(requests, key=lambda request: request["seq"])]

    first = orders("one")
    seed = json.loads(Path("one").read_text().splitlines()[0])["plan"]["seed"]
    assert orders("two", "--seed", seed) == first


def test_strict_servers_can_have_the_nonce_elsewhere(labs: Labs) -> None:
    """A run whose answers carry no witness fields but a counter never passes."""
    with RawServer(always(response(b'{"counter": 1, "tenant_id": "a"}'))) as server:
        result = run(
            "-q",
            "probe",
            server.url,
            "--nonce",
            "none",
            "--skip",
            "wrong-tenant",
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


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("shared-pool", "shared-environment"),
        ("case-folding", "lookalike-collapse"),
        ("newcomer-steals", "shared-environment"),
        ("steals-when-busy", "shared-environment"),
    ],
)
def test_a_fault_of_the_lab_is_found(labs: Labs, fault: str, check: str) -> None:
    result = run("-q", "probe", labs(faults=(fault,), **FAST).front_url, "--format", "json")
    found = {finding["check"] for finding in json.loads(result.stdout)["findings"]}
    assert (result.returncode, check in found) == (10, True)


def test_a_report_that_can_not_be_written_does_not_hide_a_breach(labs: Labs) -> None:
    lab = labs(isolation="none", **FAST)
    result = run("-q", "probe", lab.front_url, "--report", "json=/dev/full")
    assert (result.returncode, "error: --report /dev/full: No space left" in result.stderr) == (10, True)
    assert result.stdout.startswith("FAIL: ")


def test_ctrl_c_ends_the_demonstration() -> None:
    process = subprocess.Popen([*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("probe per-tenant")
    while not any(b'"observation"' in path.read_bytes() for path in Path(".tenantcheck").glob("*.jsonl")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (1, "")
    assert stderr == "interrupted\n"


def test_demo(in_tmp: Path) -> None:
    result = run("demo")
    assert result.returncode == 0, result.stdout + result.stderr
    verdicts = re.findall(r"\b(pass|fail)\b", result.stdout)
    assert verdicts[:4] == ["pass", "pass", "fail", "fail"]
    match = re.search(r"isolated in (\d+) of 100 repeats", result.stdout)
    assert match is not None
    assert 20 <= int(match.group(1)) <= 80
