"""Histories whose environments were read in the logs, in the notation of `tests.notation`: the number behind a
letter is the log stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from tenantcheck.judge import Judge
from tenantcheck.model import SCHEDULE, End, Header, Observation, Plan, Sighting, Verdict, Witness
from tenantcheck.model.sighted import all_sighted
from tests.notation import plan_for, waves

Answer = Callable[[Observation], Witness | None]


def silent(_: Observation) -> Witness | None:
    """The answer of a handler that tells nothing."""
    return None


def honest(observation: Observation) -> Witness | None:
    """The answer of a handler that says what is so."""
    witness = observation.witness
    number = stream_of(observation)
    return None if witness is None else replace(witness, log_stream_name=number)


def stream_of(observation: Observation) -> str:
    assert observation.witness is not None
    assert observation.witness.sandbox_id is not None
    return observation.witness.sandbox_id.replace("sandbox", "2026/11/29/[$LATEST]stream")


def logged(
    text: str,
    answers: Answer = silent,
    *,
    plan: Plan | None = None,
    told: Mapping[int, Sighting | None] | None = None,
    ended: bool = True,
) -> Verdict:
    """The verdict on `text` as the logs tell it; `told` are other sightings than those, by request."""
    plan = replace(plan or plan_for(), witness_from="logs")
    judge = Judge(plan)
    sightings: dict[int, Sighting] = {}
    for wave in waves(text, plan):
        for each in wave:
            if each.witness is not None and each.request.tenant is not None:
                sightings[each.request.seq] = Sighting(
                    seq=each.request.seq,
                    log_stream_name=stream_of(each),
                    tenant=plan.everyone()[each.request.tenant].id,
                    by="json",
                    time_ms=1,
                )
        for seq, other in (told or {}).items():
            if other is None:
                sightings.pop(seq, None)
            elif seq in sightings:
                sightings[seq] = other
        raw = [
            replace(each, witness=answers(each), outcome="served" if answers(each) is not None else "no-witness")
            if each.witness is not None
            else each
            for each in wave
        ]
        judge.add(all_sighted(raw, sightings))
    environments = judge.environments
    end = End(reason="complete", requests=environments.requests, waves=environments.waves, duration_ns=1)
    header = Header(schedule=SCHEDULE, tool="test", started="2026-01-01T00:00:00.000Z", plan=plan, log_group="/g")
    return judge.verdict(header, end if ended else None)
