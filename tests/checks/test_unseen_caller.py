"""`unseen-caller`: empty, good, bad."""

from __future__ import annotations

import pytest

from tests.notation import found, plan_for, short, with_witness


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


def test_lost_requests_are_never_a_breach() -> None:
    plan = plan_for(kind="invoke", fresh=True)
    edit = {3: with_witness(invocation_count=2)}
    assert not found("o a- b2 | r a1", "unseen-caller", plan, edit={2: with_witness(invocation_count=2)})
    assert not found("o a- b2 | r a- a1", "unseen-caller", plan, edit)
