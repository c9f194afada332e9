"""Grouping: counters, bounds, latencies, and independence of the order in the file."""

from __future__ import annotations

import random
import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantcheck.judge import Judge
from tenantcheck.judge.environments import recent, tallies
from tenantcheck.judge.environments.tallies import Counts, FirstFew, Latencies
from tenantcheck.judge.evidence import opportunities
from tenantcheck.model import Observation, PlatformRecord
from tests.notation import (
    CLEAN,
    Edit,
    changed,
    figure,
    found,
    judge,
    plan_for,
    seqs,
    short,
    verdict,
    waves,
    with_witness,
)


@given(st.lists(st.integers(0, 60)))
def test_counts_are_a_set(values: list[int]) -> None:
    counts, reference = Counts(), set[int]()
    for value in values:
        assert counts.add(value) is (value not in reference)
        reference.add(value)
    if reference:
        assert (counts.lowest, counts.highest, counts.size) == (min(reference), max(reference), len(reference))
        assert counts.unseen(min(reference), 1) == max(reference) - min(reference) + 1 - len(reference)


def test_counts_of_a_hostile_process_are_bounded() -> None:
    counts = Counts()
    for value in range(0, 20_000, 2):
        counts.add(value)
    assert len(counts._starts) == tallies._MAX_RANGES


def test_kept_counts_on() -> None:
    kept: FirstFew[int] = FirstFew()
    for n in range(1000):
        kept.add(n)
    assert (len(kept.items), kept.total) == (tallies.KEPT, 1000)


@given(st.lists(st.integers(1, 10**11), min_size=1))
def test_the_median_latency_is_right_to_two_percent(values: list[int]) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    median = latencies.median_ns()
    lower = sorted(values)[(len(values) - 1) // 2]
    assert median is not None
    assert lower / 1.02 <= median <= lower * 1.02
    assert Latencies().median_ns() is None


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_findings_do_not_depend_on_the_order_in_the_file(rng: random.Random) -> None:
    """Inside a wave, order in the file is free."""
    text = "o a1 b2 | h a1 a3 | c a1 a3 b2 | r a1 b1 b2 a3 a- b2 | n A1 | c a1 b2"
    plan = plan_for(newcomers="a")
    shuffled = Judge(plan)
    for wave in waves(text, plan):
        rng.shuffle(wave)
        shuffled.add(wave)
    straight = judge(text, plan)
    assert shuffled.performed() == straight.performed()
    assert shuffled.evidence() == straight.evidence()


@settings(max_examples=60)
@given(st.integers(2, 25), st.sampled_from(["execution_environment_id", "sandbox_id", "log_stream_name"]))
def test_a_planted_breach_is_found(at: int, field: str) -> None:
    """Whichever answer of a clean run came out of the other tenant's environment, by any one identity."""
    streams = {n: with_witness(log_stream_name=f"stream-{1 + n % 2}") for n in range(26)}
    own = streams[at](waves(CLEAN, plan_for())[0 if at < 2 else 1][at if at < 2 else at - 2])
    assert own.witness is not None
    other = {"1": "2", "2": "1"}
    foreign = getattr(own.witness, field)
    foreign = foreign[:-1] + other[foreign[-1]]

    def plant(observation):  # type: ignore[no-untyped-def]
        return with_witness(
            **{field: foreign, "log_stream_name": foreign if field == "log_stream_name" else f"stream-{1 + at % 2}"}
        )(observation)

    edits = {**streams, at: plant}
    assert verdict(CLEAN, edit=edits).outcome in ("fail", "inconclusive")
    assert found(CLEAN, "shared-environment", edit=edits)


def test_an_incomplete_identity_carries_no_evidence() -> None:
    edit = {5: with_witness(execution_environment_id=None)}
    assert figure(verdict(CLEAN, edit=edit)).field == "sandboxId"
    edit = {5: with_witness(execution_environment_id=None, sandbox_id=None)}
    result = verdict(CLEAN, edit=edit)
    assert (result.figure, result.reasons[0]) == (None, "no evidence: no identity is carried by every answer")


def test_counter_only_answers_never_pass() -> None:
    edit = {n: with_witness(execution_environment_id=None, sandbox_id=None) for n in range(26)}
    result = verdict(CLEAN, edit=edit)
    assert result.outcome == "inconclusive"
    assert result.reasons == ("no evidence: no answer named its environment (a counter alone proves nothing)",)


def test_cold_starts_come_from_the_platform_too() -> None:
    edit = {2: changed(platform=PlatformRecord(init_ms=80.0))}
    assert verdict(CLEAN, edit=edit).tenants[0].cold_starts == 2


def test_recent_observations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole waves leave, once there are enough observations without them."""
    monkeypatch.setattr(recent, "_KEPT", 4)
    plan = plan_for()
    judged = judge("o a1 b2 | r a1 b2 | r b2 a1 | r a1 b2 a1 b2", plan)
    assert [o.request.seq for o in judged.environments._recent] == [9, 8, 7, 6]
    late = {7: with_witness(execution_environment_id="process-1", invocation_count=1)}
    _, clone = found("o a1 b2 | r a1 b2 | r b2 a1 | r a3 b2 a1 b2", "cloned-identity", edit=late)
    assert seqs(clone) == (7,)


def test_versions_and_purposes() -> None:
    versions = {n: changed(headers={"x-amz-executed-version": str(n % 2)}) for n in range(26)}
    result = verdict(CLEAN, edit=versions)
    assert result.run.versions == ("0", "1")
    assert "several versions" in result.remarks[0]


def test_a_request_for_nobody_belongs_to_nobody() -> None:
    plan = plan_for(kind="invoke")
    (single,) = waves("s a1", plan)[0]
    nobody = msgspec.structs.replace(single, request=msgspec.structs.replace(single.request, tenant=None))
    judged = Judge(plan)
    judged.add([nobody])
    assert (judged.environments.requests, judged.environments.witnesses) == (1, 0)


@pytest.mark.no_cover  # it repeats what others do once
def test_memory_does_not_grow_with_observations() -> None:
    """
    Given runs of 600 and of 1,200 ordered waves over the same tenants and environments
    When they are judged
    Then the peak of memory is the same: only the newest observations are kept, and both have enough of them.
    """
    wave = "r " + " ".join(["a1 b2"] * 4)

    def peak(count: int) -> int:
        judged = Judge(plan_for())
        text = " | ".join(["o a1 b2", *[wave] * 50])
        fixed = waves(text, plan_for())
        tracemalloc.start()
        for turn in range(count // 50):
            for observations in fixed:
                judged.add([_later(observation, turn) for observation in observations])
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(1200) < 1.2 * peak(600)


def test_waiting_requests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One environment that answers one tenant for ever: nobody else confirms its requests."""
    monkeypatch.setattr(opportunities, "_WAITING", 100)
    judged = Judge(plan_for())
    (wave,) = waves("r " + " ".join(["a1"] * 40), plan_for())
    for turn in range(10):
        judged.add([_later(observation, turn) for observation in wave])
    assert len(judged._evidence._opportunities._waiting._ended[0].requests) <= 100


def _later(observation: Observation, turn: int) -> Observation:
    """The same observation in a later part of a long run, under the numbers it has there."""
    request = msgspec.structs.replace(observation.request, seq=observation.request.seq + turn * 1000)
    witness = observation.witness
    if witness is not None and witness.invocation_count is not None:
        count = witness.invocation_count + turn * 201
        witness = msgspec.structs.replace(witness, invocation_count=count, nonce=request.nonce)
    shift = turn * 10**12
    return msgspec.structs.replace(
        observation,
        request=request,
        witness=witness,
        call_ns=observation.call_ns + shift,
        end_ns=observation.end_ns + shift,
    )


def _streamed(**changes: str) -> Edit:
    """A witness with the log stream of its sandbox, and other changes."""

    def edit(observation: Observation) -> Observation:
        changed_ = with_witness(**changes)(observation)
        assert changed_.witness is not None
        stream = f"2026/01/01/[1]{changed_.witness.sandbox_id or '':0>32}"
        return with_witness(log_stream_name=stream)(changed_)

    return edit


@given(
    answers=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 4)), min_size=1, max_size=24),
    replaced=st.dictionaries(
        st.integers(2, 25),
        st.sampled_from(
            [
                {"execution_environment_id": "process-9"},
                {"execution_environment_id": "process-1"},
                {"sandbox_id": "sandbox-1"},
            ]
        ),
    ),
)
@settings(max_examples=150)
def test_identities_that_come_together_are_judged_as_each_would_be(
    answers: list[tuple[str, int]], replaced: dict[int, dict[str, str]]
) -> None:
    """
    Given any history, with processes that are replaced and ids that wander
    When a third identity goes with the second one, so that three identities come together as long as they can
    Then the judgement is the one without it, which places each identity for itself.
    """
    text = "o a1 b2 | r " + " ".join(f"{tenant}{where}" for tenant, where in answers)
    last = len(answers) + 2
    apart = {n: with_witness(**changes) for n, changes in replaced.items() if n < last}
    together = {n: _streamed(**(replaced.get(n, {}) if n < last else {})) for n in range(last)}
    one, other = verdict(text, edit=apart), verdict(text, edit=together)
    assert one.evidence == other.evidence
    found_ = [(f.check, *short(f)) for f in other.findings if f.fields != ("logStreamName",)]
    assert [(f.check, *short(f)) for f in one.findings] == found_
    assert one.tenants == other.tenants
