"""`contradicted-witness`: empty, good, bad; and that the logs decide, whatever answers say."""

from __future__ import annotations

from msgspec.structs import replace

from tenantcheck.model import Finding, Observation, Sighting, Verdict, Witness
from tests.judge.logged import honest, logged, stream_of
from tests.notation import CLEAN, figure, short, verdict

SHARED = "o a1 b2 | r a1 b1 a1 b1 b2 a2"


def status(result: Verdict) -> tuple[str, int]:
    (found,) = [each for each in result.results if each.id == "contradicted-witness"]
    return found.status, found.opportunities


def findings(result: Verdict, check: str = "contradicted-witness") -> list[Finding]:
    return [each for each in result.findings if each.check == check]


def by_tenant(observation: Observation) -> Witness | None:
    """A handler that makes its ids up: one for each tenant."""
    witness = honest(observation)
    if witness is None:
        return None
    whose = f"made-up-for-{witness.tenant_id}"
    return replace(witness, execution_environment_id=whose, sandbox_id=whose, log_stream_name=whose)


def test_where_answers_are_read_it_has_no_place() -> None:
    assert status(verdict(CLEAN)) == ("not-applicable", 0)


def test_answers_that_say_nothing_do_not_exercise_it() -> None:
    result = logged(CLEAN)
    assert result.outcome == "pass"
    assert figure(result).field == "logStreamName"
    assert status(result) == ("not-exercised", 0)
    assert "environments were read in the log group /g, which told of all 26 requests that ran" in result.remarks


def test_answers_that_agree_are_clean() -> None:
    result = logged(CLEAN, honest)
    assert (result.outcome, status(result)) == ("pass", ("clean", 26))
    assert figure(result).field == "logStreamName"


def test_ids_made_per_tenant_hide_nothing() -> None:
    """The answers alone would look isolated; the logs show the breach, and that the ids are made up."""
    result = logged(SHARED, by_tenant)
    assert result.outcome == "fail"
    assert {each.severity for each in findings(result, "shared-environment")} == {"breach"}
    told = [(each.severity, each.details.get("answers", each.details.get("ids"))) for each in findings(result)]
    assert told == [("weakness", 8), ("weakness", 4)]


def test_an_id_shared_by_two_streams_accuses_nobody() -> None:
    def constant(observation: Observation) -> Witness | None:
        witness = honest(observation)
        return None if witness is None else Witness(execution_environment_id="constant-for-all", nonce=witness.nonce)

    result = logged(CLEAN, constant)
    assert [short(each) for each in findings(result)] == [("weakness", ("a", "b"), None, (0, 1))]
    assert not findings(result, "shared-environment")
    assert result.outcome == "pass"


def test_another_tenant_in_the_answer() -> None:
    def swapped(observation: Observation) -> Witness | None:
        witness = honest(observation)
        return None if witness is None else replace(witness, tenant_id="a")

    result = logged(CLEAN, swapped)
    assert result.outcome == "pass"  # the platform says who it was; a weakness fails with --strict only
    (found,) = findings(result)
    assert found.details == {"claimed": "a", "logged": "b", "answers": 13}


def test_a_request_that_ran_twice_is_open_and_no_match() -> None:
    def twice(seq: int) -> Sighting:
        return Sighting(seq=seq, log_stream_name="one", others=("two",), by="function", time_ms=1)

    result = logged(CLEAN, told={9: twice(9)})
    assert result.outcome == "inconclusive"
    (found,) = findings(result)
    assert (found.severity, found.details) == ("open", {"requests": 1})
    assert figure(result).weakest_pair.probability > 1e-6


def test_requests_that_the_logs_never_name_are_lost() -> None:
    result = logged(CLEAN, honest, told=dict.fromkeys(range(6, 12)))
    assert result.outcome == "inconclusive"
    assert figure(result).weakest_pair.probability == 1
    assert any("did not tell of 6 of 26 requests" in remark for remark in result.remarks)


def test_what_an_answer_says_of_a_lost_request_can_still_show_a_breach() -> None:
    result = logged("o a1 b2 | r a1 b1", honest, told={3: None})
    (found, *_) = findings(result, "shared-environment")
    assert found.severity == "breach"
    assert found.fields == ("executionEnvironmentId", "sandboxId")


def test_the_name_of_a_stream_is_the_logs() -> None:
    assert stream_of(next(iter(_observations()))) == "2026/11/29/[$LATEST]stream-1"


def _observations() -> list[Observation]:
    from tests.notation import plan_for, waves

    return waves("o a1 b2", plan_for())[0]
