"""`shared-environment`: empty, good, bad."""

from __future__ import annotations

from tenantcheck.judge.environments import KEPT
from tests.notation import command, found, short, verdict, with_witness


def test_one_environment_two_tenants() -> None:
    """
    Given a wave in which environment 1 answered a and b
    When the run is judged
    Then the two neighbouring answers are the counterexample, by both identities.
    """
    (finding,) = found("o a1 b2 | r a1 b1", "shared-environment")
    assert short(finding) == ("breach", ("a", "b"), "process-1", (2, 3))
    assert finding.fields == ("executionEnvironmentId", "sandboxId")
    assert "-H 'x-tenant-id: a' -H 'n: tck1-" in command(finding)


def test_a_crash_hides_the_process_but_not_the_directory() -> None:
    edit = {3: with_witness(execution_environment_id="process-9", invocation_count=1)}
    (finding,) = found("o a1 b2 | r a1 b1", "shared-environment", edit=edit)
    assert finding.fields == ("sandboxId",)
    assert finding.environment == "sandbox-1"


def test_kept_findings_are_bounded_and_all_are_counted() -> None:
    text = "o a1 b2 | " + " | ".join(f"r a{n} b{n}" for n in range(3, KEPT + 8))
    result = verdict(text)
    shared = next(check for check in result.results if check.id == "shared-environment")
    assert len([f for f in result.findings if f.check == "shared-environment"]) == KEPT
    assert shared.findings == KEPT + 5


def test_standing_on_a_discredited_id_alone_it_is_open() -> None:
    """
    Given a build-time constant as process id, and no other identity
    When two tenants answer with it, both at count 1
    Then sharing is an open question, not a breach.
    """
    alone = {n: with_witness(sandbox_id=None, execution_environment_id="process-1") for n in range(2)}
    findings = found("o a1 b2", "shared-environment", edit=alone)
    assert [finding.severity for finding in findings] == ["open"]


def test_another_identity_keeps_it_a_breach() -> None:
    constant = {
        n: with_witness(execution_environment_id="process-1", invocation_count=1, sandbox_id="sandbox-1")
        for n in range(2)
    }
    findings = found("o a1 b2", "shared-environment", edit=constant)
    assert [finding.severity for finding in findings] == ["breach"]
