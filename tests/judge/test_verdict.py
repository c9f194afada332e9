"""The verdict: worst wins, and never pass by default."""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec
import pytest

from tenantcheck.checking import Check
from tenantcheck.judge import Judge
from tenantcheck.judge.checks import CHECKS
from tenantcheck.judge.environments import Environments
from tenantcheck.model import End, EndReason, Header
from tests.notation import CLEAN, changed, figure, plan_for, verdict, waves, with_witness


def test_a_clean_run_that_reached_the_target_passes() -> None:
    result = verdict(CLEAN)
    assert result.outcome == "pass"
    assert result.reasons == ("no breach was found and the evidence reached the target",)
    assert figure(result).weakest_pair.probability <= 7.7e-7


def test_nothing_is_not_a_pass() -> None:
    result = verdict("o a- b-", ended="unreachable")
    assert result.outcome == "inconclusive"
    assert "no request of the opening wave was answered" in result.reasons


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"checks": ()}, "no check was performed"),
        ({"significance": 1e-9}, "the evidence reached 7.7e-07, the target is 1e-09"),
        ({"seed_given": True}, "no evidence: the seed was given: a replayed order adds no evidence"),
        (
            {"requested": ("lookalike-collapse",)},
            "lookalike-collapse was asked for and never exercised: this plan asks for no look-alike ids",
        ),
        (
            {"requested": ("shared-environment", "wrong-tenant"), "checks": ("shared-environment",)},
            "wrong-tenant was asked for and left out",
        ),
        (
            {"checks": ("wrong-tenant",)},
            "shared-environment was left out: nothing passes without it",
        ),
        (
            {"witness_paths": {"residue": "x.y", "logStreamName": "z"}},
            "--witness logStreamName=z matched in no answer",
        ),
    ],
)
def test_what_a_plan_can_not_prove(changes: dict[str, Any], reason: str) -> None:
    result = verdict(CLEAN, plan_for(**changes))
    assert (result.outcome, result.reasons) == ("inconclusive", (reason,))


def test_a_field_of_the_wrong_type_is_named_as_such() -> None:
    plan = plan_for(witness_paths={"logStreamName": "z"})
    edit = {0: changed(witness_errors=("logStreamName: a list where text was expected",))}
    result = verdict(CLEAN, plan, edit=edit)
    assert result.reasons == ("--witness logStreamName=z found a list where text was expected",)


@pytest.mark.parametrize(
    "ended", ["max-requests", "max-time", "throttled", "interrupted", "refused", "no-witness", "failed", None]
)
def test_a_run_that_ended_early_is_inconclusive(ended: EndReason | None) -> None:
    assert verdict(CLEAN, ended=ended).outcome == "inconclusive"


def test_a_breach_fails_however_the_run_ended() -> None:
    assert verdict("o a1 b2 | r a1 b1", ended="interrupted").outcome == "fail"


def test_function_errors_above_one_percent() -> None:
    text = CLEAN + " | c a! b2"
    assert verdict(text).outcome == "inconclusive"
    assert "a handler that refuses foreign tenants looks like this" in verdict(text).reasons[0]


def test_weaknesses_fail_only_when_strict() -> None:
    edit = {n: with_witness(invocation_count=n + 5) for n in range(26)}
    assert verdict(CLEAN, edit=edit).outcome == "pass"
    strict = verdict(CLEAN, plan_for(strict=True), edit)
    assert (strict.outcome, strict.reasons) == ("fail", ("unseen-caller: 3 weaknesses (--strict)",))


def test_a_tenant_without_a_witness_in_ordered_waves() -> None:
    edit = {n: changed(witness=None, outcome="no-witness") for n in range(2, 26) if n % 2}
    assert "no witness in ordered waves from: b" in verdict(CLEAN, edit=edit).reasons


def test_a_crashed_check_is_never_a_pass() -> None:
    def crash(environments: Environments) -> NoReturn:
        raise ZeroDivisionError("boom")

    broken = Check[Environments](CHECKS[0].id, "s", "n", crash, "h")
    plan = plan_for()
    judge = Judge(plan, checks=[broken])
    for wave in waves(CLEAN, plan):
        judge.add(wave)
    assert not judge.standing().breached
    end = End(reason="complete", requests=26, waves=2, duration_ns=0)
    result = judge.verdict(Header(tool="t", started="", plan=plan), end, torn=True)
    assert result.reasons == ("shared-environment crashed: ZeroDivisionError: boom",)
    assert "the last line of the history was cut and is left out" in result.remarks


def test_what_is_not_established_is_listed() -> None:
    listed = "\n".join(verdict(CLEAN).not_established)
    assert "pressed requests were not exercised" in listed
    assert "newcomer requests were not exercised" in listed
    assert "warm requests" not in listed


def test_the_wave_of_a_plan_is_not_trusted_blindly() -> None:
    """A history whose ordered wave has a gap, or more requests than drawn, has no figure."""
    from tests.notation import ORDERED, judge

    for text in (f"o a1 b2 | {ORDERED} a1", f"o a1 b2 | {ORDERED.replace('b2', 'a1', 1)}"):
        pair = figure(judge(text)).weakest_pair
        assert pair is not None
        assert pair.probability == 1.0


def test_a_cut_ordered_wave_counts_what_was_asked() -> None:
    from tests.notation import judge

    pair = figure(judge("o a1 b2 | r a1 b2 a1")).weakest_pair
    assert pair is not None
    assert 0.1 < pair.probability < 0.2


@pytest.mark.parametrize("outcome", ["refused", "throttled", "function-error", "service-error"])
def test_only_served_answers_are_evidence(outcome: str) -> None:
    """Refusals that carry a perfect witness show that environments met, not that they would have been kept apart."""
    edit = {n: changed(outcome=outcome) for n in range(2, 26)}
    result = verdict(CLEAN, edit=edit)
    assert result.outcome == "inconclusive"
    assert figure(result).weakest_pair.probability == 1.0


@pytest.mark.parametrize("headers", [{"x-cache": "Hit from cloudfront"}, {"age": "12"}])
def test_an_answer_out_of_a_cache_is_no_evidence(headers: dict[str, str]) -> None:
    edit = {n: changed(headers=headers) for n in range(2, 26)}
    assert verdict(CLEAN, edit=edit).outcome == "inconclusive"
    assert verdict(CLEAN, edit={n: changed(headers={"age": "0"}) for n in range(26)}).outcome == "pass"


def test_a_run_that_ended_at_a_breach_does_not_pass_without_the_check() -> None:
    plan = plan_for(checks=("shared-environment", "wrong-tenant"))
    assert verdict(CLEAN, plan, ended="breach").outcome == "inconclusive"


def test_a_history_with_missing_records_does_not_pass() -> None:
    plan = plan_for()
    judge = Judge(plan)
    for wave in waves(CLEAN, plan):
        judge.add(wave)
    header = Header(tool="t", started="", plan=plan)
    for requests, recorded in ((26, 2), (27, 2), (26, 3)):
        end = End(reason="complete", requests=requests, waves=recorded, duration_ns=0)
        assert judge.verdict(header, end).outcome == ("pass" if (requests, recorded) == (26, 2) else "inconclusive")


def test_an_ordered_wave_that_overlaps_is_no_ordered_wave() -> None:
    edit = {n: changed(call_ns=0) for n in range(26)}
    pair = figure(verdict(CLEAN, edit=edit)).weakest_pair
    assert pair is not None
    assert pair.probability == 1.0


def test_a_served_call_for_nobody_accuses_nobody() -> None:
    """
    Given an opening move whose call without a tenant was served, and whose next call met the same environment
    When the run goes on and is clean
    Then the count of that environment is explained.
    """
    plan = plan_for(kind="invoke", fresh=True)
    text = f"s a1 | s a1 | {CLEAN}"
    first = waves(text, plan)[0][0]
    nobody = msgspec.structs.replace(first, request=msgspec.structs.replace(first.request, tenant=None))
    judge = Judge(plan)
    for number, wave in enumerate(waves(text, plan)):
        judge.add(wave if number else [nobody])
    end = End(reason="complete", requests=28, waves=4, duration_ns=0)
    result = judge.verdict(Header(tool="t", started="", plan=plan), end)
    assert {finding.check for finding in result.findings} == {"missing-tenant-accepted"}


def test_answers_out_of_a_cache_are_named_as_such() -> None:
    """
    Given an edge that repeats its answers, and says so
    When no environment was seen twice
    Then the reason is the cache, with the option that goes around it.
    """
    hits = {seq: changed(headers={"cf-cache-status": "HIT"}) for seq in range(8)}
    told = verdict("o a1 b2 | r a1 b2 a1 b2", edit=hits, ended="no-reuse")
    assert told.outcome == "inconclusive"
    assert any(
        "6 of 6 answers came out of a cache" in reason and "--nonce query:NAME" in reason for reason in told.reasons
    )
    assert not any("answered a second request" in reason for reason in told.reasons)
    some = verdict("o a1 b2 | r a1 b2 a1 b2", edit={3: changed(headers={"age": "7"})})
    assert any("1 of 6 answers came out of a cache" in remark for remark in some.remarks)


def test_errors_of_an_opening_that_was_sent_again_are_no_refusals() -> None:
    warmed = verdict("o a! b! | o a1 b2 | r a1 b2 a1 b2")
    assert not any("function error" in reason for reason in warmed.reasons)
    later = verdict("o a! b! | o a1 b2 | r a1 b2 a! b2")
    assert any("1 of 8 requests ended in a function error" in reason for reason in later.reasons)
    once = verdict("o a! b2 | r a1 b2 a1 b2")
    assert any("1 of 6 requests ended in a function error" in reason for reason in once.reasons)
