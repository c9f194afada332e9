"""One verdict for three producers: worst wins, never pass by default, and every format shows every kind of case."""

from __future__ import annotations

import html
import io
import json
from typing import Any

import msgspec
import pytest
from rich.console import Console

from tenantcheck.checking import Check, Judged, perform
from tenantcheck.model import (
    Case,
    CheckResult,
    ConfigSubject,
    Configured,
    Evidence,
    Finding,
    Logged,
    LogSubject,
    NoEvidence,
    Observed,
    Severity,
    Source,
    Verdict,
)
from tenantcheck.reports import FORMATS
from tenantcheck.reports.json_report import JsonReport
from tenantcheck.reports.terminal import print_glance, print_terminal
from tenantcheck.verdict import conclude

HOSTILE = "\x1b[31m\u202e[bold]<b>{tenants}"
SEEN_ENOUGH = Observed(environments=3, invocations=40, reuses=37, coverage=0.975, gaps=("1 stream has no start",))
LOGS = LogSubject(target="orders", sources=("logs.json",), groups=1, streams=3, since="2026-11-25T00:00:00Z")
TEMPLATE = ConfigSubject(target="template.yaml", sources=("template.yaml",), resources=12)


def result(status: str = "clean", **changes: Any) -> CheckResult:
    known: dict[str, Any] = {"id": "shared-stream", "summary": "no stream served two tenants", "opportunities": 3}
    known["required"] = True
    return CheckResult(**(known | {"status": status} | changes))


def finding(severity: Severity, *exhibits: Logged | Configured) -> Finding:
    return Finding(
        check="shared-stream",
        severity=severity,
        says="Stream {environment} served {tenants}.",
        tenants=("a", "b"),
        environment="s",
        exhibits=exhibits,
    )


def case(evidence: Evidence = SEEN_ENOUGH, **changes: Any) -> Case:
    known: dict[str, Any] = {"subject": LOGS, "results": (result(),), "findings": ()}
    return Case(**(known | {"evidence": evidence} | changes))


@pytest.mark.parametrize(
    ("of", "outcome", "reasons"),
    [
        (case(), "pass", ("no breach was found",)),
        (case(results=()), "inconclusive", ("no check was performed",)),
        (
            case(results=(result("left-out"),)),
            "inconclusive",
            ("no check was performed",),
        ),
        (
            case(results=(result("left-out"), result(id="other", required=False))),
            "inconclusive",
            ("shared-stream was left out: nothing passes without it",),
        ),
        (case(NoEvidence(reason="no start was found")), "inconclusive", ("no evidence: no start was found",)),
        (case(doubts=("a stream is missing",)), "inconclusive", ("a stream is missing",)),
        (case(findings=(finding("open"),)), "inconclusive", ("shared-stream: an open question",)),
        (
            case(results=(result("crashed", reason="KeyError: 'x'"),)),
            "inconclusive",
            ("shared-stream crashed: KeyError: 'x'",),
        ),
        (
            case(results=(result("not-exercised", opportunities=0, requested=True, reason="no stream"),)),
            "inconclusive",
            ("shared-stream was asked for and never exercised: no stream",),
        ),
        (case(findings=(finding("breach"),)), "fail", ("shared-stream: 1 breach",)),
        (case(results=(result("breached", breaches=7),)), "fail", ("shared-stream: 7 breaches",)),
        (
            case(findings=(finding("weakness"),)),
            "pass",
            ("no breach was found", "shared-stream: a weakness, which fails a run only with --strict"),
        ),
        (case(findings=(finding("weakness"),), strict=True), "fail", ("shared-stream: 1 weakness (--strict)",)),
        (case(source=Source(problem="a line was changed")), "inconclusive", ("a line was changed",)),
        (
            case(findings=(finding("breach"),), source=Source(problem="a line was changed"), doubts=("x",)),
            "fail",
            ("shared-stream: 1 breach", "a line was changed"),
        ),
    ],
)
def test_worst_wins_and_nothing_is_no_pass(of: Case, outcome: str, reasons: tuple[str, ...]) -> None:
    concluded = conclude(of)
    assert (concluded.outcome, concluded.reasons) == (outcome, reasons)


def test_a_case_that_could_not_be_made_is_unable_only_where_nothing_was_found() -> None:
    assert conclude(case(unable=True, doubts=("no credentials",))).unable
    assert not conclude(case(unable=True, findings=(finding("breach"),))).unable


class TestPerform:
    def check(self, judged: Judged | Exception, **changes: Any) -> Check[str]:
        def run(_: str) -> Judged:
            if isinstance(judged, Exception):
                raise judged
            return judged

        return Check(id="c", summary="s", needs="n", run=run, help="h", **changes)

    @pytest.mark.parametrize(
        ("judged", "status", "opportunities"),
        [
            (Judged((), 4), "clean", 4),
            (Judged((), 0, unexercised="why"), "not-exercised", 0),
            (Judged((), 4, undecided="who knows"), "not-exercised", 0),
            (Judged((), 0, not_applicable="why"), "not-applicable", 0),
            (Judged([finding("breach")], 4, total=9), "breached", 9),
            (Judged([finding("open")], 4), "open", 4),
            (Judged([finding("weakness")], 4), "weak", 4),
            (ValueError("boom"), "crashed", 0),
        ],
    )
    def test_a_status_each(self, judged: Judged | Exception, status: str, opportunities: int) -> None:
        (found,) = perform([self.check(judged, required=True)], "facts", ["c"], ["c"]).results
        assert (found.status, found.opportunities, found.required, found.requested) == (
            status,
            opportunities,
            True,
            True,
        )

    def test_what_was_not_chosen_does_not_run(self) -> None:
        performed = perform([self.check(ValueError("boom"))], "facts", [])
        assert [found.status for found in performed.results] == ["left-out"]
        assert (performed.findings, performed.remarks) == ([], [])


LOGGED = Logged(group="/aws/lambda/orders", stream=HOSTILE, request_id="r-1", tenant="a", file="logs.json", line=3)
CONFIGURED = Configured(
    resource=HOSTILE,
    property="TenancyConfig",
    file="template.yaml",
    line=4,
    column=7,
    remedies={"SAM": "TenancyConfig: {TenantIsolationMode: PER_TENANT}"},
)
VERDICTS = {
    "logs": conclude(case(findings=(finding("breach", LOGGED, LOGGED),))),
    "logs that are clean": conclude(case()),
    "template": conclude(
        case(
            NoEvidence(reason="a template shows what is meant, not what runs"),
            subject=TEMPLATE,
            findings=(finding("open", CONFIGURED),),
        )
    ),
}


def on_terminal(verdict: Verdict, *, glance: bool) -> str:
    console = Console(file=io.StringIO(), width=110, color_system=None, highlight=False)
    (print_glance if glance else print_terminal)(verdict, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("form", [*FORMATS, "terminal", "glance"])
def test_every_format_shows_every_kind_of_case(form: str, name: str) -> None:
    verdict = msgspec.structs.replace(VERDICTS[name], source=Source(path="x", sha256="0" * 64))
    shown = form in ("terminal", "glance")
    text = on_terminal(verdict, glance=form == "glance") if shown else FORMATS[form].render(verdict)
    assert not {"\x1b", "\u202e"} & set(text)
    assert verdict.subject.target in text
    if form == "intoto":  # names findings by their fingerprints
        return
    text = html.unescape(text)
    for exhibit in (exhibit for found in verdict.findings for exhibit in found.exhibits):
        assert isinstance(exhibit, Logged | Configured)
        assert (exhibit.file or "?") in text
        assert "Stream s served 'a' and 'b'." in text
    if form == "json":
        msgspec.json.decode(text, type=JsonReport)
        assert json.loads(text)["subject"]["type"] in ("log", "config")


def test_a_verdict_on_logs_is_no_run() -> None:
    with pytest.raises(TypeError):
        _ = VERDICTS["logs"].run
    assert VERDICTS["logs"].figure is None
    with pytest.raises(Exception, match="stream") as raised:
        VERDICTS["logs"].raise_for_breach()
    assert "logs.json, line 3" in str(raised.value)
    assert "\x1b" not in str(raised.value)
