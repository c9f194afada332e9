"""`tenantcheck audit`, as a user runs it: on the lab's logs in every fault of its pool, live and from files."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tenantcheck.lab import Lab
from tenantcheck.lab.faults import FAULTS
from tests.cli.command import history, invoke, run
from tests.logs.corpus import GROUP, events, export, firehose, streams
from tests.logs.lines import invocation

pytestmark = pytest.mark.usefixtures("in_tmp")
KEYS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_REGION": "us-east-1"}
LOGS = Path("logs")


def audit(*arguments: str, **variables: str) -> tuple[int, dict[str, Any]]:
    ran = run("-q", "audit", *arguments, "--format", "json", **KEYS, **variables)
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def truly_shared(lab: Lab) -> int:
    """Environments that served two tenants, by the lab's own ground truth."""
    tenants: dict[int, set[str]] = defaultdict(set)
    for entry in lab.audit:
        tenants[entry["environment"]].add(entry["tenant"])
    return sum(len(each) > 1 for each in tenants.values())


@pytest.mark.parametrize("fault", ["", *(each.name for each in FAULTS if each.kind == "pool")])
def test_the_logs_of_the_lab_tell_the_truth(fault: str) -> None:
    faults = (fault,) if fault else ()
    with Lab(hold_s=0.01, faults=faults, logs=LOGS.resolve()) as lab:
        invoke(lab, "--keep-going", "--format", "json")
        shared = truly_shared(lab)
    code, told = audit("logs")
    assert told["verdict"] == ("fail" if shared else "pass"), told["reasons"]
    assert code == (10 if shared else 0)
    (check,) = [each for each in told["checks"] if each["id"] == "shared-environment"]
    assert check["findings"] == shared
    assert bool(shared) == bool(fault) or fault


@pytest.mark.parametrize(("isolation", "code"), [("per-tenant", 0), ("broken", 10)])
def test_a_live_group_of_the_lab(isolation: Any, code: int) -> None:
    with Lab(isolation=isolation, hold_s=0.01) as lab:
        invoke(lab, "--plan", "quick", "--keep-going")
        group = f"/aws/lambda/{lab.function_name}"
        found, told = audit(group, "--endpoint-url", lab.endpoint_url, "--cursor", "c")
        again, more = audit(group, "--endpoint-url", lab.endpoint_url, "--cursor", "c", "--watch")
    assert (found, again) == (code, code)
    assert told["subject"]["streams"] == more["subject"]["streams"]


def test_text_format_is_inconclusive_until_a_history_says_whom_each_request_was_for() -> None:
    with Lab(hold_s=0.01, log_format="text", logs=LOGS.resolve()) as lab:
        invoke(lab, "--plan", "quick")
    code, told = audit("logs")
    assert code == 3
    assert "log-gap: an open question" in told["reasons"]
    code, told = audit("logs", str(history()))
    assert (code, told["verdict"]) == (0, "pass"), told["reasons"]
    assert told["evidence"]["reuses"] > 40
    assert any("requests of 1 history were joined" in each for each in told["remarks"])
    with Lab(isolation="broken", hold_s=0.01, log_format="text", logs=Path("other").resolve()) as lab:
        invoke(lab, "--plan", "quick", "--keep-going", "--history", "h.jsonl")
    assert audit("other", "h.jsonl")[0] == 10


def test_a_function_without_tenancy_names_no_tenant() -> None:
    with Lab(isolation="none", hold_s=0.01, logs=LOGS.resolve()) as lab:
        for _ in range(3):
            run("-q", "probe", lab.front_url, "--plan", "quick")
    code, told = audit("logs")
    assert code == 3
    assert {"missing-tenant: an open question", "log-gap: an open question"} >= set(told["reasons"][1:])


@pytest.mark.parametrize("make", [export, firehose, events])
def test_every_kind_of_source_by_its_exit_code_and_exhibits(make: Any) -> None:
    make(LOGS, streams())
    code, told = audit("logs")
    assert code == 10
    found = [each for each in told["findings"] if each["check"] == "shared-environment"]
    assert len(found) == 3
    first, second = found[0]["exhibits"]
    assert first["tenant"] != second["tenant"]
    assert first["stream"] == second["stream"] == found[0]["environment"]
    assert Path(first["file"]).exists()
    plain = run("-q", "audit", "logs")
    assert "FAIL: shared-environment: 3 breaches" in plain.stdout
    assert first["request_id"] in plain.stdout


def test_a_line_number_is_the_one_of_the_line() -> None:
    lines = [line for n in range(6_000) for line in invocation(n, "a")] + invocation(6_001, "b")
    export(LOGS, {next(iter(streams())): lines})
    _, told = audit("logs")
    (exhibit,) = [each for each in told["findings"][0]["exhibits"] if each["tenant"] == "b"]
    text = gzip.decompress(Path(exhibit["file"]).read_bytes()).decode().splitlines()
    assert exhibit["request_id"] in text[exhibit["line"] - 1]
    assert exhibit["line"] > 18_000


def test_parts_of_machines_and_days_are_joined() -> None:
    """One environment, one tenant on each machine: only together they show it."""
    (name, *_) = streams()
    for part, tenant in enumerate("ab"):
        export(Path(f"day{part}"), {name: [line for n in range(3) for line in invocation(part * 10 + n, tenant)]})
        assert audit(f"day{part}", "--rows", f"rows{part}")[0] == 3  # one tenant: nothing could have crossed
    assert audit("merge", "rows0", "rows0", "rows0")[0] == 3
    code, told = audit("merge", "rows0", "rows1")
    assert code == 10
    assert told["findings"][0]["tenants"] == ["a", "b"]
    assert audit("rows0", "rows1")[0] == 10
    twice = run("-q", "audit", "rows0", "--rows", "rows1")
    assert (twice.returncode, "it exists already" in twice.stderr) == (2, True)


def test_tenants_that_nobody_expects_are_named() -> None:
    export(LOGS, {name: lines for name, lines in streams().items() if "0000000000000" in name[-30:-3]})
    Path("tenants.txt").write_text("# ours\ntenant-0\ntenant-1\n")
    _, told = audit("logs", "--expect", "@tenants.txt")
    named = {
        tenant for each in told["findings"] if each["check"] == "unexpected-tenant" for tenant in each["tenants"]
    }
    assert {"tenant-2", "tenant-3", "tenant-4"} <= named
    assert not {"tenant-0", "tenant-1"} & named


def test_a_statement_on_an_audit_names_its_rows() -> None:
    export(LOGS, streams())
    ran = run(
        "-q",
        "audit",
        "logs",
        "--report",
        "intoto=s",
        "--report",
        "html=r.html",
        "--report",
        "junit=r.xml",
        "--report",
        "sarif=r.sarif",
    )
    assert ran.returncode == 10
    told = json.loads(Path("s").read_text())
    assert told["predicate"]["result"] == "FAILED"
    _, report = audit("logs")
    assert told["subject"][0]["digest"]["sha256"] == report["source"]["sha256"]
    sarif = json.loads(Path("r.sarif").read_text())
    places = [each["locations"] for each in sarif["runs"][0]["results"] if each["ruleId"] == "shared-environment"]
    assert all(place[0]["physicalLocation"]["region"]["startLine"] > 0 for place in places)


def test_athena_is_told_what_to_ask_and_nothing_is_judged() -> None:
    ran = run("audit", "s3://bucket/export", "--engine", "athena")
    assert ran.returncode == 3
    assert "LOCATION 's3://bucket/export/';" in ran.stdout
    assert "GROUP BY 1;" in ran.stdout
    assert "no verdict yet" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "there is nothing to audit"),
        (("./nowhere",), "No such file"),
        (("nowhere.gz",), "No such file"),
        ((GROUP, "/aws/lambda/other"), "one log group at a time"),
        ((GROUP, "."), "is a log group"),
        ((GROUP, "--watch"), "--watch needs a cursor"),
        ((GROUP, "--since", "yesterday"), "not a time"),
        ((GROUP, "--since", "2026-11-25", "--until", "2026-11-24"), "--since is not before --until"),
        ((".", "--engine", "insights"), "asks a log group"),
        ((".", "--cursor", "c"), "--cursor is for log groups"),
        ((".", "--since", "1h"), "--since is for log groups"),
        ((".", "--unmask"), "--unmask is for log groups"),
        ((GROUP, "--source-format", "lines"), "--source-format is for files"),
        ((GROUP, "--engine", "spark"), "reads files"),
        ((".", "--engine", "athena"), "the S3 URI of one export"),
        (("merge", "--source-format", "nope"), "nope"),
        (("--expect", "@nowhere", "."), "No such file"),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    ran = run("audit", *arguments, **KEYS)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
