"""`control-not-caught`: empty, good, bad."""

from __future__ import annotations

import pytest

from tenantcheck.model import SCHEDULE, Control, End, Header, IdentityField, Verdict
from tenantcheck.reports.sentences import finding_sentence
from tests.notation import CLEAN, judge, plan_for

CHECK = "control-not-caught"


def verdict_with(control: Control | None) -> Verdict:
    plan = plan_for()
    end = End(reason="complete", requests=26, waves=2, duration_ns=1)
    header = Header(schedule=SCHEDULE, tool="t", started="", plan=plan, control=control)
    return judge(CLEAN, plan).verdict(header, end)


def control(*caught_by: IdentityField) -> Control:
    return Control(target="http://twin/", caught_by=caught_by, requests=8, ended="breach")


def test_caught_by_the_identity_that_carries_the_evidence() -> None:
    result = verdict_with(control("execution_environment_id", "sandbox_id"))
    assert result.outcome == "pass"
    assert not any("no control" in line for line in result.not_established)


@pytest.mark.parametrize(
    ("caught_by", "by", "caught"),
    [((), "", "not at all (breach)"), (("sandbox_id",), "sandboxId", "by sandboxId alone")],
)
def test_not_caught_by_it(caught_by: tuple[IdentityField, ...], by: str, caught: str) -> None:
    result = verdict_with(control(*caught_by))
    (finding,) = result.findings
    assert (result.outcome, finding.severity, finding.details["by"]) == ("inconclusive", "open", by)
    assert finding_sentence(finding) == (
        f"The control http://twin/ does not isolate and was caught {caught}, in 8 requests; the evidence stands on "
        "executionEnvironmentId."
    )
    assert result.reasons == ("control-not-caught: an open question",)


def test_without_a_control_nothing_is_shown() -> None:
    result = verdict_with(None)
    (status,) = [check.status for check in result.results if check.id == CHECK]
    assert (result.outcome, status) == ("pass", "not-applicable")
    assert any("no control was asked" in line for line in result.not_established)
