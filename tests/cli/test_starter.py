"""`handler` and `init`: what a user starts from, and a witness with a key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tenantcheck.lab import Lab
from tenantcheck.starter import Language, starter_files, witness
from tenantcheck.version import __version__
from tests.cli.command import history, invoke, run

pytestmark = pytest.mark.usefixtures("in_tmp")
LANGUAGES: tuple[Language, ...] = get_args(Language)
KEY = "hunter2-of-the-handler"


@pytest.mark.parametrize("language", LANGUAGES)
def test_handler_prints_the_witness(language: Language) -> None:
    result = run("handler", language)
    assert (result.returncode, result.stdout, result.stderr) == (0, witness(language), "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_init_writes_every_file_and_says_what_comes_next(language: Language) -> None:
    result = run("init", "a folder/within", "--language", language)
    assert result.returncode == 0, result.stderr
    files = starter_files(language, __version__)
    assert {name: (Path("a folder/within") / name).read_text() for name in files} == files
    assert "Next: cd 'a folder/within' && " in result.stderr
    tool = str(Path(sys.executable).with_name("cfn-lint"))
    lint = [tool, "--non-zero-exit-code", "informational", "template.yaml"]
    linted = subprocess.run(lint, cwd="a folder/within", capture_output=True, text=True)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_init_touches_no_file_that_is_there() -> None:
    Path("tenants.toml").write_text("mine")
    result = run("init")
    assert (result.returncode, Path("tenants.toml").read_text()) == (2, "mine")
    assert "error: . has tenants.toml already: nothing was written" in result.stderr
    assert [path.name for path in Path().iterdir()] == ["tenants.toml"]


def test_the_python_that_init_writes_is_proved_isolated(tmp_path: Path) -> None:
    """The way of a new user, with the lab in place of AWS."""
    assert run("init").returncode == 0
    with Lab(handler=str(tmp_path / "witness.handler"), hold_s=0.02) as lab:
        result = run("-q", "probe", lab.front_url, "--tenants", "@tenants.toml", "--plan", "quick")
    assert result.returncode == 0, result.stdout


OWN_HANDLER = """
from witness import witnessed

@witnessed
def handler(event, context):
    return {"statusCode": 201, "body": "mine"}
"""


def test_a_handler_of_ones_own_is_decorated_and_tells_nothing_without_its_key(tmp_path: Path) -> None:
    """
    Given a handler that is decorated, on a function with TENANTCHECK_KEY
    When it is asked without the key, with a wrong one, and with it
    Then it tells nothing but to the last, and the key stands in no history, report or message.
    """
    Path("witness.py").write_text(witness("python"))
    Path("app.py").write_text(OWN_HANDLER)
    with Lab(handler=str(tmp_path / "app.handler"), hold_s=0.02, variables={"TENANTCHECK_KEY": KEY}) as lab:
        for number, words in enumerate([(), ("--witness-key", "wrong")]):
            refused = run("-q", "probe", lab.front_url, "--plan", "quick", "--history", f"{number}", *words)
            assert refused.returncode == 3, refused.stdout
            assert "tenantcheck handler python" in refused.stdout
        probed = run("-q", "probe", lab.front_url, "--plan", "quick", TENANTCHECK_PROBE_WITNESS_KEY=KEY)
        assert probed.returncode == 0, probed.stdout
        recorded = history()
        breached = run("-q", "probe", lab.front_url, "--witness-key", KEY, "--tenants", "a,b", "--require", "idle")
        invoked = [
            invoke(lab, "--plan", "quick", "--witness-key", KEY, "--history", f"i{event}", "--event", event)
            for event in ("raw", "api-gateway")
        ]
    assert [each.returncode for each in invoked] == [0, 0], invoked[0].stdout
    shown = "".join(each.stdout + each.stderr for each in (probed, breached, *invoked))
    assert KEY not in shown + recorded.read_text() + Path("iraw").read_text() + Path("iapi-gateway").read_text()


def test_a_key_has_no_place_in_a_payload_that_is_no_object() -> None:
    result = run("invoke", "f", "--payload", "[1]", "--witness-key", KEY, "--region", "eu-west-1")
    assert result.returncode == 2
    assert "--witness-key has no place in this payload" in result.stderr
    assert KEY not in result.stderr
