"""Identities that lie: constants, short ones, ids per tenant, and what counts prove in spite of them."""

from __future__ import annotations

from typing import Any

import pytest

from tenantcheck.judge.environments import easily_shared
from tenantcheck.model import Observation
from tests.notation import CLEAN, Edit, changed, figure, found, judge, plan_for, verdict, with_witness

#: Two tenants, one environment each, six answers of each one after the other.
APART = "o a1 b2 | r " + " ".join(["a1 b2"] * 6)
#: The same in one environment.
SHARED = "o a1 b1 | r " + " ".join(["a1 b1"] * 6)


def every(text: str, edit: Edit) -> dict[int, Edit]:
    return dict.fromkeys(range(len(text.replace("|", "").split()) - text.count("|") - 1), edit)


def both(*edits: Edit) -> Edit:
    def edit(observation: Observation) -> Observation:
        for each in edits:
            observation = each(observation)
        return observation

    return edit


def severities(text: str, edit: dict[int, Edit], **plan: Any) -> set[str]:
    return {finding.severity for finding in found(text, "shared-environment", plan_for(**plan), edit)}


class TestConstants:
    """A healthy pool whose one identity was made at build time: the others contradict it, whichever it is."""

    @pytest.mark.parametrize(
        "constant",
        [
            {"sandbox_id": "made-at-build-time"},
            {"log_stream_name": "2026/01/01/[1]" + "0" * 32},
            {"execution_environment_id": "made-at-build-time"},
        ],
        ids=lambda constant: next(iter(constant)),
    )
    def test_a_healthy_pool_is_not_accused(self, constant: dict[str, str]) -> None:
        edit = every(CLEAN, with_witness(**constant))
        result = verdict(CLEAN, edit=edit)
        assert result.outcome == "inconclusive"
        name = {"sandbox_id": "sandboxId", "log_stream_name": "logStreamName"}
        named = name.get(next(iter(constant)), "executionEnvironmentId")
        assert result.reasons[0] == (
            f"every environment has the same {named}: it is a constant, and names none of them"
        )
        assert severities(CLEAN, edit) == {"open"}

    def test_a_process_under_two_sandboxes_names_no_environment(self) -> None:
        edit = {4: with_witness(execution_environment_id="process-2", sandbox_id="sandbox-1", invocation_count=9)}
        judged = judge("o a1 b2 | r a1 b2 a1", edit=edit)
        assert judged.environments.identities.discredited == {"execution_environment_id"}

    def test_a_restart_in_a_sandbox_contradicts_nothing(self) -> None:
        """A crash starts a new process, and the old one never comes back."""
        edit = {n: with_witness(execution_environment_id="process-9", invocation_count=n - 7) for n in (8, 10, 12)}
        assert not judge(APART, edit=edit).environments.identities.discredited

    def test_a_breach_in_one_sandbox_stands_though_processes_change(self) -> None:
        edit = {n: with_witness(execution_environment_id=f"process-{n}0", invocation_count=1) for n in range(14)}
        assert severities(SHARED, edit) == {"breach"}


class TestShortIdentities:
    @pytest.mark.parametrize(
        ("value", "easily"), [("8", True), ("a3f1", True), ("1234567890", True), ("a" * 8, False)]
    )
    def test_what_two_environments_come_by_too_easily(self, value: str, easily: bool) -> None:
        assert easily_shared(value) is easily

    def test_they_carry_no_breach_alone(self) -> None:
        short = {n: with_witness(execution_environment_id="8", sandbox_id=None) for n in range(2)}
        assert severities("o a1 b2", short) == {"open"}

    def test_another_identity_still_does(self) -> None:
        short = {n: with_witness(execution_environment_id="8") for n in range(2)}
        assert severities("o a1 b1", short) == {"breach"}


class TestCountsThatGoOn:
    """One request is in flight at a time in ordered waves: a count that goes on from tenant to tenant is one
    process."""

    def test_a_shared_process_that_counts_late_is_a_breach(self) -> None:
        # A handler that reads its counter after an await: two answers of the opening show one count.
        late = {0: with_witness(invocation_count=2), 1: with_witness(invocation_count=2)}
        alone = every(SHARED, with_witness(sandbox_id=None))
        edit = {n: both(alone[n], late.get(n, changed())) for n in alone}
        assert judge(SHARED, edit=edit).environments.identities.discredited
        assert severities(SHARED, edit) == {"breach"}

    def test_a_few_counts_that_go_on_are_chance(self) -> None:
        """A tenant with two environments under one constant id: 3, 4, 5 came from three counters."""
        text = "o a1 b2 | r a1 b2 a3 b2 a1"
        same = with_witness(execution_environment_id="made-at-build-time", sandbox_id=None)
        counts = {2: 3, 3: 4, 4: 5}
        edit = {n: both(same, with_witness(invocation_count=counts.get(n, 1))) for n in range(7)}
        assert severities(text, edit) == {"open"}

    def test_separate_counters_under_one_id_prove_nothing(self) -> None:
        edit = every(APART, with_witness(execution_environment_id="made-at-build-time", sandbox_id=None))
        assert severities(APART, edit) == {"open"}


class TestFilledGaps:
    """Ids per tenant over one true counter: what is missing from one process is what the other shows meanwhile."""

    #: In an order that a seed might draw: counts of one tenant do not go up evenly.
    MIXED = "o a1 b1 | r a1 a1 b1 a1 b1 b1 b1 a1 b1 a1 a1 b1"

    def per_tenant(self, observation: Observation) -> Observation:
        assert observation.witness is not None
        return with_witness(execution_environment_id=f"process-of-{observation.request.tenant}", sandbox_id=None)(
            observation
        )

    def test_they_are_one_process(self) -> None:
        edit = every(self.MIXED, self.per_tenant)
        findings = [f for f in found(self.MIXED, "shared-environment", edit=edit) if "filled" in f.details]
        assert {finding.severity for finding in findings} == {"breach"}
        assert findings[0].fields == ("invocationCount",)
        assert verdict(self.MIXED, edit=edit).outcome == "fail"

    def test_four_are_no_proof(self) -> None:
        text = "o a1 b1 | r " + " ".join(["a1 b1"] * 4)
        assert not found(text, "shared-environment", edit=every(text, self.per_tenant))

    def test_counters_that_run_side_by_side_are_two(self) -> None:
        """
        Given two tenants with an environment each, and an edge that sends every second request of `a` twice
        When `b` shows the counts that `a` skips, since both count the same
        Then they are two counters: both have shown the counts that neither skipped.
        """
        text = "o a1 b2 | r " + " ".join(["a1 b2"] * 10)
        counts = {2 * n: with_witness(invocation_count=n + n // 2 + 1) for n in range(11)}
        assert not [f for f in found(text, "shared-environment", edit=counts) if "filled" in f.details]

    def test_counts_that_nobody_showed_are_somebody_elses(self) -> None:
        edit = {n: with_witness(invocation_count=1 + 2 * (n // 2)) for n in range(14)}
        assert not found(APART, "shared-environment", edit=edit)


class TestHiddenMeetings:
    def test_new_environments_while_an_own_one_lies_idle_are_a_weakness(self) -> None:
        text = "o a1 b2 | r a3 a1 a4 a1 a5 a1 b2"
        (finding,) = found(text, "shared-environment")
        assert (finding.severity, finding.details) == ("weakness", {"hidden": 3})

    def test_two_are_not_worth_a_word(self) -> None:
        assert not found("o a1 b2 | r a3 a1 a4 a1 b2", "shared-environment")

    def test_an_environment_that_never_answers_again_may_be_gone(self) -> None:
        assert not found("o a1 b2 | r a3 a4 a5 a6 b2", "shared-environment")


class TestErrors:
    """An answer that is an error can't be a match; an environment that it names was met."""

    @pytest.mark.parametrize("outcome", ["function-error", "refused", "service-error"])
    def test_one_that_names_another_tenants_environment_is_a_breach(self, outcome: str) -> None:
        edit = {3: changed(outcome=outcome, status=500)}
        (finding,) = found("o a1 b2 | r a1 b1", "shared-environment", edit=edit)
        assert finding.severity == "breach"
        assert verdict("o a1 b2 | r a1 b1", edit=edit).outcome == "fail"

    def test_it_is_no_match(self) -> None:
        edit = {n: changed(outcome="function-error") for n in range(2, 26)}
        pair = figure(verdict(CLEAN, edit=edit)).weakest_pair
        assert pair is not None
        assert pair.probability == 1.0


class TestConfirmation:
    """Whether a breach may be a constant's, seen for the first time: then one more wave is fired."""

    def test_one_identity_alone_is_not_enough(self) -> None:
        alone = {n: with_witness(sandbox_id=None, residue_read=False) for n in range(4)}
        standing = judge("o a1 b2 | r a1 b1", edit=alone).standing()
        assert (standing.breached, standing.confirmed) == (True, False)

    def test_two_are(self) -> None:
        assert judge("o a1 b2 | r a1 b1").standing().confirmed

    def test_a_count_that_goes_on_is(self) -> None:
        assert judge(SHARED, edit=every(SHARED, with_witness(sandbox_id=None))).standing().confirmed


class TestChoosingTheIdentity:
    """Evidence counts each wave by the identity that the past singles out."""

    def test_the_product_runs_on_when_another_takes_over(self) -> None:
        wave = " | r " + " ".join(["a1 b2"] * 6)
        text = f"o a1 b2{wave}{wave}"
        plan = plan_for(ordered_requests=6, further_requests=6)
        whole = figure(verdict(text, plan))
        lacking = figure(verdict(text, plan, {3: with_witness(execution_environment_id=None)}))
        assert (whole.field, lacking.field) == ("executionEnvironmentId", "sandboxId")
        # In the first ordered wave the answer that lacked it was no match by the identity chosen before.
        assert whole.weakest_pair.probability < lacking.weakest_pair.probability < 1

    def test_it_starts_again_where_the_one_in_use_is_discredited(self) -> None:
        text = f"{CLEAN} | c a1 b2"
        same = {26: with_witness(invocation_count=1)}
        evidence = figure(verdict(text, edit=same))
        assert evidence.field == "sandboxId"
        assert evidence.weakest_pair.probability == 1.0

    def test_a_lost_identity_is_not_made_up_for_by_the_luckiest(self) -> None:
        """Each answer lacks another identity by turns: none is carried by all, so there is no evidence."""
        names = ("execution_environment_id", "sandbox_id")
        edit: dict[int, Edit] = {n: with_witness(**{names[n // 2 % 2]: None}) for n in range(26)}
        assert verdict(CLEAN, edit=edit).figure is None
