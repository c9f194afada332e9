"""Waiting for the logs: until every request is found, or the time for it is over. A fake log and clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from tenantcheck.errors import TargetError
from tenantcheck.model import Observation, RunKind, Sighting
from tenantcheck.run.interruption import Interruption
from tenantcheck.run.log_witness import LogWitness
from tests.notation import plan_for, waves


class FakeLogs:
    """Each look takes a tenth of a second and tells what `answers` has next; the last one again and again."""

    def __init__(self, *answers: Sequence[Sighting] | TargetError, interrupts: Interruption | None = None) -> None:
        self.answers = answers
        self.looks: list[bool] = []
        self.since: set[int] = set()
        self.now_ns = 0
        self.recorded: list[Sighting] = []
        self._interrupts = interrupts

    async def look(self, _: Sequence[Observation], since_ms: int, *, widely: bool) -> Sequence[Sighting]:
        self.now_ns += 100_000_000
        self.since.add(since_ms)
        answer = self.answers[min(len(self.looks), len(self.answers) - 1)]
        self.looks.append(widely)
        if self._interrupts is not None:
            self._interrupts.set()
        if isinstance(answer, TargetError):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)

    def sighting(self, sighting: Sighting) -> None:
        self.recorded.append(sighting)

    def flush(self) -> None: ...


def sighting(seq: int, stream: str = "s", tenant: str | None = None) -> Sighting:
    return Sighting(seq=seq, log_stream_name=stream, tenant=tenant, by="json" if tenant else "function", time_ms=1)


def placed(
    logs: FakeLogs, text: str = "o a1 b2", kind: RunKind = "invoke", interrupted: Interruption | None = None
) -> LogWitness:
    plan = replace(plan_for(), witness_from="logs", kind=kind)
    witness = LogWitness(
        plan, logs, logs, now_ns=lambda: logs.now_ns, sleep=logs.sleep, interrupted=interrupted or Interruption()
    )
    observations = [each for wave in waves(text, plan) for each in wave]
    found = asyncio.run(witness.of(observations, 1_000))
    assert list(found.values()) == logs.recorded
    return witness


def test_it_looks_until_every_request_is_found() -> None:
    logs = FakeLogs([], [sighting(0)], [sighting(0), sighting(1)])
    placed(logs)
    assert [each.seq for each in logs.recorded] == [0, 1]
    assert logs.looks == [False] * 3
    assert logs.since == {1_000}


def test_a_nonce_is_looked_for_once_more_when_all_are_found() -> None:
    """What sent a request again shows up behind it."""
    logs = FakeLogs([sighting(0), sighting(1)], [sighting(0), sighting(0, "other"), sighting(1)])
    placed(logs, kind="probe")
    assert [(each.seq, each.others) for each in logs.recorded] == [(0, ("other",)), (1, ())]


def test_the_tenant_that_comes_later_is_kept() -> None:
    logs = FakeLogs([sighting(0), sighting(1)], [sighting(0, tenant="a"), sighting(1)])
    placed(logs, kind="probe")
    assert [(each.tenant, each.by) for each in logs.recorded] == [("a", "json"), (None, "function")]


def test_it_gives_up_when_the_time_is_over_and_keeps_what_it_found() -> None:
    logs = FakeLogs([sighting(0)])
    placed(logs)
    assert [each.seq for each in logs.recorded] == [0]
    assert 60 <= logs.now_ns / 1e9 < 62


def test_where_nothing_is_found_it_looks_widely_behind_half_of_the_time() -> None:
    logs = FakeLogs([])
    placed(logs)
    assert logs.recorded == []
    assert logs.looks == sorted(logs.looks)
    assert 0.4 < sum(logs.looks) / len(logs.looks) < 0.6


def test_requests_that_never_ran_are_not_waited_for() -> None:
    logs = FakeLogs([sighting(0), sighting(1)])
    placed(logs, "o a1 b-")
    assert len(logs.looks) == 1
    assert [each.seq for each in logs.recorded] == [0, 1]  # a lost one that ran all the same is found
    nobody = FakeLogs([])
    placed(nobody, "o a- bx")
    assert nobody.looks == []


def test_an_interruption_ends_the_waiting() -> None:
    interrupted = Interruption()
    logs = FakeLogs([], interrupts=interrupted)
    placed(logs, interrupted=interrupted)
    assert len(logs.looks) == 1


def test_logs_that_cannot_be_read_are_a_problem_said_once() -> None:
    logs = FakeLogs(TargetError("not allowed", "Allow it."))
    witness = placed(logs)
    assert witness.problem == "not allowed"
    assert len(logs.looks) == 1
