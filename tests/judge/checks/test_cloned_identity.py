"""`cloned-identity`: empty, good, bad."""

from __future__ import annotations

from tests.notation import CLEAN, figure, found, short, verdict, with_witness


def test_same_id_and_count_with_own_nonces() -> None:
    clone = {2: with_witness(execution_environment_id="process-1", invocation_count=1)}
    finding, contradiction = found("o a1 b2 | r a3", "cloned-identity", edit=clone)
    assert contradiction.details == {"contradicted": 1}
    assert short(finding) == ("weakness", ("a", "a"), "process-1", (0, 2))


def test_without_nonces_it_is_open() -> None:
    edit = {
        0: with_witness(nonce=None),
        2: with_witness(execution_environment_id="process-1", invocation_count=1, nonce=None),
    }
    finding, _ = found("o a1 b2 | r a3", "cloned-identity", edit=edit)
    assert finding.severity == "open"


def test_evidence_moves_to_the_next_identity() -> None:
    constant = {n: with_witness(execution_environment_id="process-1") for n in range(26)}
    result = verdict(CLEAN, edit=constant)
    assert figure(result).field == "sandboxId"
    assert figure(result).reached
    assert result.reasons == (
        "every environment has the same executionEnvironmentId: it is a constant, and names none of them",
        "shared-environment: an open question",
    )
