"""`unseen-caller`: empty, good, bad."""

from __future__ import annotations

import pytest

from tests.notation import found, plan_for, short, verdict, with_witness


def test_a_gap_is_a_weakness() -> None:
    edit = {2: with_witness(invocation_count=4)}
    (finding,) = found("o a1 b2 | r a1", "unseen-caller", edit=edit)
    assert short(finding) == ("weakness", ("a",), "process-1", (2,))
    assert finding.details == {"unseen": 2, "uncounted": 0}


def test_a_first_count_above_one_is_a_weakness() -> None:
    (finding,) = found("o a1 b2", "unseen-caller", edit={0: with_witness(invocation_count=3)})
    assert finding.details == {"unseen": 2, "uncounted": 0}


def test_lost_answers_explain_a_gap() -> None:
    edit = {4: with_witness(invocation_count=3)}
    assert not found("o a1 b2 | r a- b2 a1", "unseen-caller", edit=edit)


def test_counters_from_zero() -> None:
    edit = {0: with_witness(invocation_count=0), 1: with_witness(invocation_count=0)}
    assert not found("o a1 b2", "unseen-caller", edit=edit)


@pytest.mark.parametrize(
    ("kind", "fresh", "severity"),
    [("invoke", True, "breach"), ("invoke", False, "weakness"), ("probe", True, "weakness")],
)
def test_more_than_was_ever_sent(kind: str, fresh: bool, severity: str) -> None:
    plan = plan_for(kind=kind, fresh=fresh)
    (finding,) = found("o a1 b2", "unseen-caller", plan, {0: with_witness(invocation_count=2)})
    assert finding.severity == severity


def test_a_counter_that_starts_late_everywhere_is_one_weakness_and_no_breach() -> None:
    plan = plan_for("abc", kind="invoke", fresh=True)
    edit = {n: with_witness(invocation_count=5) for n in range(3)}
    (finding,) = found("o a1 b2 c3", "unseen-caller", plan, edit)
    assert (finding.severity, finding.details) == ("weakness", {"start": 5, "step": 1})


def test_environments_that_were_warm_before_the_run_are_not_a_late_start() -> None:
    """Live traffic of two named tenants: each environment has counted another number."""
    edit = {0: with_witness(invocation_count=50), 1: with_witness(invocation_count=90)}
    findings = found("o a1 b2", "unseen-caller", plan_for(), edit)
    assert [finding.details["unseen"] for finding in findings] == [49, 89]


def test_counts_that_lost_requests_may_explain_are_not_clean() -> None:
    """An allowance says how much it allows."""
    edit = {4: with_witness(invocation_count=3)}
    text = "o a1 b2 | r a- b2 a1"
    assert not found(text, "unseen-caller", edit=edit)
    (result,) = [check for check in verdict(text, edit=edit).results if check.id == "unseen-caller"]
    assert (result.status, result.opportunities) == ("not-exercised", 0)
    assert result.reason == "up to 1 unexplained count: as many requests brought none back"


def test_what_was_refused_in_front_of_the_handler_explains_nothing() -> None:
    """Fifteen refusals are no room for fifteen callers."""
    edit = {4: with_witness(invocation_count=3)}
    assert found("o a1 b2 | r ax b2 a1", "unseen-caller", edit=edit)


def test_lost_requests_are_never_a_breach() -> None:
    plan = plan_for(kind="invoke", fresh=True)
    edit = {3: with_witness(invocation_count=2)}
    assert not found("o a- b2 | r a1", "unseen-caller", plan, edit={2: with_witness(invocation_count=2)})
    assert not found("o a- b2 | r a- a1", "unseen-caller", plan, edit)
