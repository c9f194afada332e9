"""`not-delivered-once`: empty, good, bad."""

from __future__ import annotations

from tests.notation import changed, check_status, found, plan_for, short, verdict, with_witness

FRESH = plan_for(fresh=True)
CHECK = "not-delivered-once"
#: The second answer of `a` in the ordered wave shows two invocations more than were sent.
GAP = {4: with_witness(invocation_count=5)}
TEXT = "o a1 b2 | r a1 b2 a1 b2"


def test_more_invocations_than_requests_are_an_open_question() -> None:
    (finding,) = found(TEXT, CHECK, FRESH, GAP)
    assert short(finding) == ("open", ("a",), None, (2, 4))
    assert finding.details == {"more": 2}
    assert "not-delivered-once: an open question" in verdict(TEXT, FRESH, GAP).reasons


def test_lost_requests_explain_as_many() -> None:
    text = "o a1 b2 | r a1 a- a- b2 a1"
    assert not found(text, CHECK, FRESH, {6: with_witness(invocation_count=5)})
    assert found(text, CHECK, FRESH, {6: with_witness(invocation_count=6)})


def test_requests_that_were_refused_in_front_explain_nothing() -> None:
    assert found("o a1 b2 | r a1 ax a~ b2 a1", CHECK, FRESH, {6: with_witness(invocation_count=5)})


def test_a_function_error_may_have_counted() -> None:
    edit = {3: changed(outcome="function-error"), 4: with_witness(invocation_count=4)}
    assert not found("o a1 b2 | r a1 a! a1", CHECK, FRESH, edit)


def test_callers_of_named_tenants_are_not_this_checks_business() -> None:
    assert check_status(CHECK, TEXT, plan_for()) == ("not-applicable", 0)


def test_gaps_outside_ordered_waves_do_not_count() -> None:
    assert not found("o a1 b2 | c a1 b2 a1", CHECK, FRESH, GAP)


def test_a_counter_that_steps_by_two_has_no_gaps() -> None:
    text = "o a1 b2 | r " + " ".join(["a1 b2"] * 6)
    edit = {n: with_witness(invocation_count=2 * (n // 2) + 1) for n in range(14)}
    assert not found(text, CHECK, FRESH, edit)
