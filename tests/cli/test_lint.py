"""`tenantcheck lint` and `inspect`, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.config.control_plane import snapshot
from tests.config.templates import GOOD, MISTAKES, place, planted


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mistake(rule: str) -> str:
    return planted(next(each for each in MISTAKES if each.rule == rule))


def test_exit_codes() -> None:
    for rule, code in (("mapping-literal", 10), ("function-url", 3), ("text-log-format", 0)):
        Path("t.yaml").write_text(mistake(rule))
        ran = run("-q", "lint", "t.yaml")
        assert ran.returncode == code, ran.stdout + ran.stderr
    assert run("-q", "lint", "t.yaml", "--strict").returncode == 10
    assert run("-q", "lint", "t.yaml", "--strict", "--skip", "text-log-format").returncode == 0
    Path("t.yaml").write_text(GOOD)
    assert run("-q", "lint", "t.yaml").returncode == 0


def test_sarif_stands_at_the_line_of_the_template() -> None:
    text = mistake("mapping-literal")
    Path("stacks").mkdir()
    Path("stacks/t.yaml").write_text(text)
    assert run("-q", "lint", "stacks", "--report", "sarif=out.sarif").returncode == 10
    (result,) = json.loads(Path("out.sarif").read_text())["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]
    line, column = place(text, "integration.request.header.X-Amz-Tenant-Id")
    assert location["artifactLocation"]["uri"] == "stacks/t.yaml"
    assert location["region"] == {"startLine": line, "startColumn": column}


def test_wrong_words_are_wrong_usage() -> None:
    Path("t.yaml").write_text(GOOD)
    Path("a.txt").write_text("hello")
    Path("empty").mkdir()
    for words in (
        ("lint",),
        ("lint", "nowhere.yaml"),
        ("lint", "a.txt"),
        ("lint", "empty"),
        ("lint", "t.yaml", "--only", "no-such-rule"),
        ("lint", "t.yaml", "--parameter", "x"),
        ("inspect",),
        ("inspect", "f", "--all"),
        ("inspect", "nowhere.json"),
        ("inspect", "t.json"),
    ):
        ran = run(*words)
        assert ran.returncode == 2, words
        assert "Traceback" not in ran.stderr
        assert ran.stderr.startswith(("error:", "Usage:")), ran.stderr
    assert "no template has a function Nobody" in run("lint", "t.yaml", "--expect", "Nobody").stdout


def test_a_finding_of_a_snapshot_is_accepted_by_its_fingerprint() -> None:
    told = snapshot("orders")
    told["functions"][0]["urls"] = ["https://x.lambda-url.eu-west-1.on.aws/"]
    Path("orders.json").write_text(json.dumps(told))
    ran = run("-q", "inspect", "orders.json", "--format", "json")
    (finding,) = json.loads(ran.stdout)["findings"]
    assert ran.returncode == 3
    Path("a.toml").write_text(
        f'[[accepted]]\nfingerprint = "{finding["fingerprint"]}"\nreason = "until it is gone"\nuntil = 2999-01-01\n'
    )
    assert run("-q", "inspect", "orders.json", "--accepted", "a.toml").returncode == 0


def test_a_folder_leaves_out_what_is_no_template_and_doubts_what_can_not_be_read() -> None:
    Path("mixed").mkdir()
    Path("mixed/t.yaml").write_text(GOOD)
    Path("mixed/package.json").write_text('{"name": "x"}')
    assert run("-q", "lint", "mixed").returncode == 0
    Path("mixed/broken.yaml").write_text("Resources: {F: {Type: AWS::Lambda::Function}")
    ran = run("-q", "lint", "mixed")
    assert ran.returncode == 3
    assert "broken.yaml, line 2" in ran.stdout


def test_lint_starts_without_aws_and_http() -> None:
    Path("t.yaml").write_text(GOOD)
    code = (
        "import sys; sys.argv = ['tenantcheck', '-q', 'lint', 't.yaml', '--format', 'json']\n"
        "from tenantcheck.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print({'boto3', 'botocore', 'httpx', 'aiohttp'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert ran.stdout.endswith("set()\n")
