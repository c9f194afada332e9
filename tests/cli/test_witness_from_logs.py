"""`--witness-from logs`: handlers that nobody changed, proved and disproved by what the platform logs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import COMMAND, history, invoke, run

HANDLER = """
import json
def handler(event, context):
    print(json.dumps(event))
    return {"statusCode": 200, "body": "mine"}
"""
FROM_LOGS = ("--witness-from", "logs", "--plan", "quick", "--format", "json")
KEYS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_REGION": "us-east-1"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(HANDLER)


def plain(**settings: Any) -> Lab:
    return Lab(handler=str(Path("mine.handler").resolve()), **settings)


def report(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(ran.stdout))


def probe(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    group = f"/aws/lambda/{lab.function_name}"
    return run(
        "-q",
        "probe",
        lab.front_url,
        "--log-group",
        group,
        "--endpoint-url",
        lab.endpoint_url,
        *FROM_LOGS,
        *arguments,
        **KEYS,
    )


@pytest.mark.parametrize(
    ("isolation", "log_format", "code"),
    [("per-tenant", "json", 0), ("per-tenant", "text", 0), ("broken", "json", 10), ("broken", "text", 10)],
)
def test_an_unmodified_handler_is_judged_by_its_logs(isolation: Any, log_format: Any, code: int) -> None:
    with plain(isolation=isolation, log_format=log_format, log_delay_s=0.3) as lab:
        ran = invoke(lab, *FROM_LOGS)
    assert ran.returncode == code, ran.stderr
    told = report(ran)
    again = run("-q", "check", str(history()), "--format", "json")
    assert again.returncode == code
    assert report(again)["reasons"] == told["reasons"]
    with history().open() as file:
        piped = subprocess.run(
            [*COMMAND, "-q", "check", "-"], stdin=file, capture_output=True, text=True, check=False
        )
    assert piped.returncode == code, piped.stderr


@pytest.mark.parametrize(("isolation", "code"), [("per-tenant", 0), ("none", 10)])
def test_an_endpoint_whose_handler_logs_its_event(isolation: Any, code: int) -> None:
    with plain(isolation=isolation, log_delay_s=0.3) as lab:
        ran = probe(lab)
    assert ran.returncode == code, ran.stderr


def test_a_control_is_caught_by_its_own_logs() -> None:
    with plain(control=True) as lab:
        ran = invoke(lab, *FROM_LOGS, "--control", lab.control_name)
    told = report(ran)
    assert ran.returncode == 0, ran.stderr
    assert told["evidence"]["control"]["caught_by"] == ["log_stream_name"]


def test_a_handler_that_makes_its_ids_up_is_found_out() -> None:
    """One id for each tenant: the answers look isolated, the logs do not, and say that the ids are made up."""
    Path("mine.py").write_text(
        """
def handler(event, context):
    mine = f"made-up-for-{context.tenant_id}"
    return {"executionEnvironmentId": mine, "nonce": event["tenantcheckNonce"], "tenantId": context.tenant_id}
"""
    )
    with plain(isolation="broken") as lab:
        by_answers = invoke(lab, "--plan", "quick", "--format", "json")
        Path(history()).unlink()
        by_logs = invoke(lab, *FROM_LOGS, "--keep-going")  # the first breach would end it, perhaps before the other
    assert by_answers.returncode == 0  # a wrong pass, which a control or the logs expose
    assert by_logs.returncode == 10
    checks = {each["check"] for each in report(by_logs)["findings"]}
    assert {"shared-environment", "contradicted-witness"} <= checks


def test_a_preflight_looks_at_the_logs() -> None:
    with plain() as lab:
        ran = invoke(lab, "--witness-from", "logs", "--preflight")
        assert (ran.returncode, "served 5 of 5 requests" in ran.stderr) == (0, True), ran.stderr
        typo = invoke(lab, "--witness-from", "logs", "--preflight", "--log-wait", "1", "--log-group", "/typo")
        assert (typo.returncode, "error: there is no log group /typo" in typo.stderr) == (1, True), typo.stderr


def test_a_handler_that_fails_ends_the_run_early() -> None:
    Path("mine.py").write_text("def handler(event, context):\n    raise RuntimeError('no')\n")
    with plain() as lab:
        ran = invoke(lab, *FROM_LOGS)
    told = report(ran)
    assert (ran.returncode, told["subject"]["ended"]) == (3, "no-witness")
    assert told["subject"]["requests"] < 20
    assert "every request failed (RuntimeError)" in told["reasons"][0]


def test_a_control_behind_an_endpoint_has_a_log_group_of_its_own() -> None:
    with plain(control=True) as lab:
        without = probe(lab, "--control", lab.control_url)
        assert (without.returncode, "Name it: --control-log-group" in without.stderr) == (2, True)
        ran = probe(lab, "--control", lab.control_url, "--control-log-group", f"/aws/lambda/{lab.control_name}")
    assert ran.returncode == 0, ran.stderr
    assert report(ran)["evidence"]["control"]["caught_by"] == ["log_stream_name"]


def test_logs_that_name_nobody_are_said(tmp_path: Path) -> None:
    with plain(log_delay_s=60) as lab:
        ran = invoke(lab, *FROM_LOGS, "--log-wait", "1")
        told = report(ran)
        assert ran.returncode == 3
        assert "the logs name none of the first requests" in told["reasons"][0]
        other = invoke(lab, *FROM_LOGS, "--log-wait", "1", "--log-group", "/aws/lambda/other")
    assert other.returncode == 1
    assert "there is no log group /aws/lambda/other" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("probe", "http://127.0.0.1:1/", "--witness-from", "logs"), "Name it: --log-group"),
        (("probe", "http://127.0.0.1:1/", "--log-group", "/g"), "the logs are not asked"),
        (("invoke", "f", "--witness-from", "logs", "--log-group", "a b"), "no name of a log group"),
        (
            ("probe", "http://127.0.0.1:1/", "--witness-from", "logs", "--log-group", "/g", "--nonce", "none"),
            "carry no nonce",
        ),
    ],
)
def test_options_that_do_not_go_together(arguments: tuple[str, ...], said: str) -> None:
    ran = run(*arguments, **KEYS)
    assert ran.returncode == 2
    assert said in ran.stderr
