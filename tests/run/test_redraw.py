"""A history that was edited is found out: it does not hold the requests that its seed draws."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from tenantcheck.judge import Judge
from tenantcheck.lab.pool import Pool
from tenantcheck.model import SCHEDULE, End, Header, Observation, Plan, Verdict
from tenantcheck.model import nonce as nonces
from tenantcheck.run.redraw import Redraw
from tests.cases import Case
from tests.simulation import make_plan, simulate

Waves = list[list[Observation]]


def run(seed: int = 1, *, reuse: str = "mru", case: Case | None = None) -> tuple[Plan, Waves, End]:
    rng = random.Random(seed)
    if case is not None:
        plan, lab = case.simulated("standard", rng)
        result = simulate(plan, lab, rng=rng)
    else:
        plan = make_plan(seed=f"{rng.getrandbits(128):032x}")
        result = simulate(plan, Pool(rng=rng), rng=rng)
    return plan, result.waves, result.end


def problem(plan: Plan, waves: Waves, end: End | None) -> str:
    redraw = Redraw(plan)
    for wave in waves:
        redraw.add(wave)
    return redraw.ended(end.reason if end is not None else None)


def judged(plan: Plan, waves: Waves, end: End | None) -> Verdict:
    judge = Judge(plan)
    for wave in waves:
        judge.add(wave)
    requests = sum(map(len, waves))
    if end is None:
        return judge.verdict(
            Header(schedule=SCHEDULE, tool="t", started="", plan=plan), None, altered=problem(plan, waves, None)
        )
    corrected = End(reason=end.reason, requests=requests, waves=len(waves), duration_ns=end.duration_ns)
    header = Header(schedule=SCHEDULE, tool="t", started="", plan=plan)
    return judge.verdict(header, corrected, altered=problem(plan, waves, corrected))


@pytest.mark.parametrize(
    "case",
    [
        None,
        Case(()),
        Case((), authorizer=True),
        Case((), nonce="query:tenantcheckNonce"),
        Case(("lost-responses:p=0.1",)),
        Case(("throttled:p=0.02",)),
        Case(("retired:n=3",)),
        Case(("slow-start:ms=6000",)),
        Case((), reuse="never"),
        Case((), idle_s="4"),
    ],
    ids=lambda case: case.name if case is not None else "plan alone",
)
def test_what_was_run_is_what_is_drawn(case: Case | None) -> None:
    for seed in range(2):
        plan, waves, end = run(seed, case=case)
        for wave in waves:
            random.Random(seed).shuffle(wave)  # in a file, order inside a wave is free
        assert problem(plan, waves, end) == ""


def test_a_run_that_was_cut_is_as_drawn_as_far_as_it_went() -> None:
    plan, waves, _ = run()
    assert problem(plan, waves[:9], None) == ""
    assert problem(plan, [*waves[:9], waves[9][:5]], None) == ""


def change(observation: Observation, **parts: object) -> Observation:
    return msgspec.structs.replace(observation, request=msgspec.structs.replace(observation.request, **parts))


def ordered(waves: Waves) -> int:
    return next(n for n, wave in enumerate(waves) if wave[0].request.kind == "ordered")


def delete_a_line(waves: Waves) -> None:
    del waves[ordered(waves)][7]


def delete_a_wave(waves: Waves) -> None:
    del waves[3]


def delete_the_end(waves: Waves) -> None:
    del waves[-1]


def append_an_ordered_wave_twice(waves: Waves) -> None:
    again = waves[ordered(waves)]
    first = max(o.request.seq for o in waves[-1]) + 1
    number = waves[-1][0].request.wave + 1
    later = waves[-1][-1].end_ns
    waves.append(
        [
            msgspec.structs.replace(
                change(o, seq=first + n, wave=number), call_ns=o.call_ns + later, end_ns=o.end_ns + later
            )
            for n, o in enumerate(again)
        ]
    )


def swap_slots(waves: Waves) -> None:
    wave = waves[ordered(waves)]
    one, other = next((a, b) for a in wave for b in wave if a.request.tenant != b.request.tenant)
    wave[wave.index(one)] = change(one, slot=other.request.slot)
    wave[wave.index(other)] = change(other, slot=one.request.slot)


def relabel(waves: Waves) -> None:
    wave = waves[ordered(waves)]
    wave[5] = change(wave[5], tenant=1 - (wave[5].request.tenant or 0) % 2)


def nonce_of_another_run(waves: Waves) -> None:
    wave = waves[ordered(waves)]
    nonce = nonces.parse(wave[5].request.nonce)
    assert nonce is not None
    wave[5] = change(wave[5], nonce=nonces.compose("ffffffff", nonce.tag, nonce.seq, nonce.random))


EDITS: list[Callable[[Waves], None]] = [
    delete_a_line,
    delete_a_wave,
    delete_the_end,
    append_an_ordered_wave_twice,
    swap_slots,
    relabel,
    nonce_of_another_run,
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edited_history_never_passes(edit: Callable[[Waves], None]) -> None:
    """
    Given a history that passes
    When it is edited, and its end line corrected
    Then it does not pass, and says that these are not the requests that its seed draws.
    """
    plan, waves, end = run()
    assert judged(plan, waves, end).outcome == "pass"
    edit(waves)
    result = judged(plan, waves, end)
    assert result.outcome == ("fail" if edit is relabel else "inconclusive")
    assert any("the history does not hold the requests that its seed draws" in reason for reason in result.reasons)


def test_another_seed_draws_other_requests() -> None:
    plan, waves, end = run()
    other = msgspec.structs.replace(plan, seed="0" * 32)
    assert problem(other, waves, end) != ""


def test_an_edited_history_that_fails_says_both() -> None:
    rng = random.Random(1)
    plan = make_plan(seed="5eed")
    result = simulate(plan, Pool(isolation="broken", rng=rng), rng=rng)
    del result.waves[0][0]
    verdict = judged(plan, result.waves, result.end)
    assert verdict.outcome == "fail"
    assert "does not hold the requests" in verdict.reasons[-1]


@pytest.mark.statistics
@pytest.mark.parametrize("how", ["a slice is gone", "lines are gone", "it was killed", "waves are gone"])
@pytest.mark.parametrize("told", [True, False], ids=["the end line says so", "the end line was corrected"])
@pytest.mark.parametrize(
    "case",
    [Case((), invoke=True), Case(()), Case(("restarts:p=0.05",), invoke=True)],
    ids=["invoke", "probe", "with restarts"],
)
def test_what_is_missing_never_accuses(case: Case, how: str, told: bool) -> None:
    """
    Given the history of an isolated function
    When some of it is missing, at the end, in the middle or here and there
    Then nothing is found in it, and it does not pass.
    """
    for seed in range(12):
        rng = random.Random(seed)
        plan, waves, whole_end = run(seed, case=case)
        end: End | None = whole_end
        if how == "it was killed":
            flat = [o for wave in waves for o in wave]
            left = flat[: rng.randrange(10, len(flat) - 1)]
            waves = [[o for o in wave if o in left] for wave in waves]
            end = None
        elif how == "waves are gone":
            del waves[rng.randrange(1, len(waves) - 1)]
        elif how == "a slice is gone":
            victim = max(waves, key=len)
            at = rng.randrange(len(victim) - 3)
            del victim[at : at + 3]
        else:
            waves = [[o for o in wave if rng.random() > 0.05] for wave in waves]
        waves = [wave for wave in waves if wave]
        verdict = judged(plan, waves, end) if not told or end is None else _as_told(plan, waves, end)
        assert [f.check for f in verdict.findings if f.severity == "breach"] == [], seed
        assert verdict.outcome == "inconclusive"


def _as_told(plan: Plan, waves: Waves, end: End) -> Verdict:
    """The verdict by an end line that knows how many requests there were."""
    judge = Judge(plan)
    for wave in waves:
        judge.add(wave)
    return judge.verdict(Header(schedule=SCHEDULE, tool="t", started="", plan=plan), end)
