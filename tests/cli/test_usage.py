"""Help, variables and wrong usage."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import COMMAND, run
from tests.servers import RawServer, always, response

Labs = Callable[..., Lab]
pytestmark = pytest.mark.usefixtures("in_tmp")


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
        assert (result.returncode, "tenants: x, y" in result.stdout) == (0, True)

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
        assert "creating the environments costs about 0.007014 at 1024 MB" in result.stdout
        assert not Path(".tenantcheck").exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["probe"], "Missing argument 'URL'"),
            (["probe", "x.test"], "this is not a URL to probe"),
            (["probe", "http://x.test", "--tenants", "1"], "isolation needs at least two"),
            (["probe", "http://x.test", "--tenants", "a,b\u00a0"], "is not allowed"),
            (["probe", "http://x.test", "-X", "GTE"], "Did you mean GET?"),
            (["probe", "http://x.test", "--tenant-header", ""], "--tenant-header is empty"),
            (["probe", "http://x.test", "--tenants", __file__], f"Read it: --tenants @{__file__}"),
            (["invoke", "https://x.test/"], "An HTTP endpoint is tested by probe."),
            (
                ["invoke", "arn:aws:lambda:eu-west-1:1:function:f", "--region", "eu-west-3"],
                "this ARN is one of eu-west-1",
            ),
            (["check"], "there is no history in .tenantcheck/"),
            (["probe", "http://x.test", "--tenants", "a,b\r\nx"], "is not allowed"),
            (["probe", "http://x.test", "--tenants", "@nope"], "No such file"),
            (["probe", "http://x.test", "--only", "nope"], "there is no check 'nope'"),
            (["probe", "http://x.test", "--idle", "x"], "seconds separated by commas"),
            (["probe", "http://x.test", "--idle", ",".join("1" * 1_000)], "1000 gaps, at most 20"),
            (["probe", "http://x.test", "--rate", "0"], "--rate"),
            (["probe", "http://x.test", "--in-flight", "0"], "--in-flight"),
            (["probe", "http://x.test", "--idle", "60,60", "--max-time", "120"], "the gaps alone take"),
            (["probe", "http://x.test", "--require", "pressed,nope"], "--require nope: there is no such thing"),
            (["probe", "http://x.test", "--alias", "x-tenant"], "header:NAME or query:NAME was expected"),
            (["probe", "http://x.test", "--control", "ftp://x"], "is not a URL to probe"),
            (["probe", "http://{tenant}.x.test", "--tenants", "a,A"], "are one host name"),
            (["probe", "http://x.test", "--seed", "xyz"], "hexadecimal digits"),
            (
                ["probe", "http://x.test", "--max-requests", "168"],
                "Allow them: --max-requests 169, or take a smaller",
            ),
            (["probe", "http://x.test", "--max-requests", "9", "--plan", "quick"], "takes 69 requests"),
            (["probe", "http://x.test", "--witness", "a=b"], "is not a witness field"),
            (["probe", "http://x.test", "--witness", "sandboxId=a..b["], "JMESPath expression"),
            (["probe", "http://x.test", "--report", "pdf=x"], "there is no such format"),
            (["probe", "http://x.test", "--report", "html"], "FORMAT=FILE was expected"),
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
            (["nope"], "no command"),
            (["lab", "--handler", "nope/x.handler"], "no handler at"),
            (["lab", "--fault", "nope"], "there is no fault 'nope'"),
            (["lab", "--fault", "race", "--isolation", "none"], "needs isolation per-tenant"),
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


class TestWhatIsUnderstood:
    def test_options_of_every_command_stand_behind_it_too(self) -> None:
        before = run("-q", "--no-color", "probe", "http://x.test", "--dry-run", "--tenants", "a,b")
        behind = run("probe", "http://x.test", "--dry-run", "--tenants", "a, b ", "-q", "--no-color")
        assert (behind.returncode, behind.stdout, behind.stderr) == (0, before.stdout, before.stderr)
        traced = run("check", "nope", "--debug")
        assert "Traceback" in traced.stderr

    def test_quiet_behind_the_command_is_quiet(self) -> None:
        result = run("probe", "http://127.0.0.1:1/", "-q")
        assert (result.returncode, result.stderr.startswith("error: ")) == (1, True)

    def test_the_region_of_an_arn(self) -> None:
        arn = "arn:aws:lambda:eu-west-3:123456789012:function:f"
        result = run("invoke", arn, "--dry-run", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y")
        assert (result.returncode, "(eu-west-3)" in result.stdout) == (0, True)

    def test_checks_separated_by_commas(self) -> None:
        result = run("probe", "http://x.test", "--dry-run", "--skip", "lookalike-collapse, foreign-tenant-accepted")
        assert (result.returncode, "tck-" in result.stdout) == (0, True)

    def test_the_newest_history_and_standard_input(self, labs: Callable[..., Lab]) -> None:
        for _ in range(2):
            run("-q", "probe", labs(isolation="none", hold_s=0.001).front_url, "--tenants", "a,b")
        newest = max(Path(".tenantcheck").glob("*.jsonl"))
        report = run("check", "--report", "r.json", "--report", "r.txt")
        assert (report.returncode, report.stderr) == (10, f"the newest history: {newest}\n")
        assert json.loads(Path("r.json").read_text())["source"]["path"] == str(newest)
        assert Path("r.txt").read_text() == report.stdout
        with newest.open() as file:
            piped = subprocess.run([*COMMAND, "check", "-"], stdin=file, capture_output=True, text=True)
        assert (piped.returncode, piped.stderr) == (10, "")

    def test_comments_and_blanks_behind_an_id(self) -> None:
        Path("ids.txt").write_text("# who\n acme\t \nglobex  # the other one\n\n   # none\n")
        result = run("probe", "http://x.test", "--dry-run", "--tenants", "@ids.txt")
        assert "tenants: acme, globex\n" in result.stdout

    def test_a_variable_that_is_empty(self) -> None:
        Path("t.toml").write_text('[[tenant]]\nid = "a"\ncredentials = { bearer = "${ACME_TOKEN}" }\n')
        result = run("probe", "http://x.test", "--tenants", "@t.toml", ACME_TOKEN="")
        assert (result.returncode, "refers to ${ACME_TOKEN}, which is empty" in result.stderr) == (2, True)


class TestWhatIsOdd:
    def test_one_token_for_two_tenants_is_said_before_anything_is_sent(self) -> None:
        rows = "".join(f'[[tenant]]\nid = "{id_}"\ncredentials = {{ bearer = "x" }}\n' for id_ in "abc")
        Path("t.toml").write_text(rows.replace('"x"', '"y"', 1))
        result = run("probe", "http://x.test", "--tenants", "@t.toml", "--dry-run")
        assert "b and c have the same credentials: are they two to the service?" in result.stderr
        assert "a and" not in result.stderr

    def test_a_run_that_can_not_pass(self) -> None:
        result = run("probe", "http://x.test", "--only", "wrong-tenant", "--dry-run")
        assert "shared-environment is left out: this run can fail, but not pass" in result.stderr


class TestHelp:
    @pytest.mark.parametrize("width", [60, 100])
    @pytest.mark.parametrize("command", ["probe", "invoke", "check", "verify", "handler", "init", "lab", "demo"])
    def test_a_page_fits_and_ends_with_examples(self, command: str, width: int) -> None:
        page = run(command, "--help", COLUMNS=str(width)).stdout
        body, _, end = page.partition("Examples:\n")
        assert [line for line in body.splitlines() if len(line) > width] == []
        assert len(re.findall(rf"^    tenantcheck {command}", end, re.MULTILINE)) == 2
        assert page.count("Every option has a variable") == 1

    @pytest.mark.parametrize("command", ["probe", "invoke"])
    def test_options_stand_under_headings(self, command: str) -> None:
        page = run(command, "--help", COLUMNS="100").stdout
        headings = re.findall(r"^([A-Z][a-z]+):$", page, re.MULTILINE)
        assert headings == ["Target", "Tenants", "Witness", "Plan", "Limits", "Judging", "Output", "Options"]
        last = page.partition("\nOptions:\n")[2].partition("\n\n")[0]
        assert last.strip().startswith("-h, --help")
        assert "\n" not in last.strip()
