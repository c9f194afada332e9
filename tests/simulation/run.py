"""One simulated run of a plan against the lab's pool."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tenantcheck.checks import CHECK_IDS
from tenantcheck.lab.pool import Pool, Slot
from tenantcheck.model import (
    Budgets,
    End,
    EndReason,
    Header,
    Observation,
    Plan,
    PlanName,
    Request,
    Verdict,
    Witness,
)
from tenantcheck.plan import NEWCOMERS, Schedule, Wave, parse_tenants
from tenantcheck.verdict import Judge

MS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What disturbs a run without being a leak. Tenants are named by their index."""

    delay_ms: Mapping[int, float] = field(default_factory=dict)
    """Later arrival, by tenant."""
    lost: Mapping[int, float] = field(default_factory=dict)
    """Share of answers that never come back, by tenant."""
    throttled: Mapping[int, float] = field(default_factory=dict)
    """Share of requests that are refused before an environment is chosen, by tenant."""
    raises_on_foreign: bool = False
    """The handler fails when its environment has served another tenant."""
    hold_ms: float = 20.0
    retire_after: int | None = None
    """Answers after which an environment is retired."""


class Simulated(NamedTuple):
    """How a simulated run ended."""

    verdict: Verdict
    requests: int


def make_plan(
    *,
    tenants: int = 4,
    plan: PlanName = "standard",
    seed: str,
    significance: float = 1e-6,
    max_requests: int = 500,
    ordered: int = 12,
) -> Plan:
    """A plan as the command line makes it, for fresh tenants."""
    people = parse_tenants(str(tenants))
    newcomers, _ = people.newcomers(NEWCOMERS[plan])
    return Plan(
        run="0a1b2c3d",
        kind="probe",
        target="simulated",
        tenants=people.tenants(),
        newcomers=newcomers,
        plan=plan,
        seed=seed,
        significance=significance,
        budgets=Budgets(max_requests=max_requests, max_time_s=1e9),
        checks=CHECK_IDS,
        ordered_requests=ordered,
    )


class Simulation:
    """The pool under virtual time."""

    def __init__(self, plan: Plan, pool: Pool, weather: Weather, rng: random.Random) -> None:
        self.plan = plan
        self.pool = pool
        self.weather = weather
        self.random = rng
        self.now_ns = 0
        self._served: dict[int, list[int]] = {}

    def fire(self, wave: Wave) -> list[Observation]:
        """Every request of one wave; afterwards all environments are idle."""
        if wave.together:
            return self._together(wave)
        observations: list[Observation] = []
        for request in wave.requests:
            observations += self._together(replace(wave, requests=(request,)))
        return observations

    def _together(self, wave: Wave) -> list[Observation]:
        arrivals: list[tuple[float, int, Request, int]] = []
        for position, request in enumerate(wave.requests):
            call_ns = self.now_ns + position * 1000
            travel = (1 + self.random.random() * 0.2 + self.weather.delay_ms.get(request.tenant or 0, 0)) * MS
            arrivals.append((call_ns + travel, request.seq, request, call_ns))
        heapq.heapify(arrivals)
        leaving: list[tuple[float, int, Slot]] = []
        observations: list[Observation] = []
        while arrivals:
            at, _, request, call_ns = heapq.heappop(arrivals)
            self._leave(leaving, at)
            observations.append(self._serve(request, call_ns, at, leaving))
        self._leave(leaving, float("inf"))
        self.now_ns = int(max(o.end_ns for o in observations)) + MS
        return observations

    def _leave(self, leaving: list[tuple[float, int, Slot]], until: float) -> None:
        while leaving and leaving[0][0] <= until:
            at, _, slot = heapq.heappop(leaving)
            limit = self.weather.retire_after
            if limit is not None and slot.answers >= limit:
                self.pool.retire(slot)
            else:
                self.pool.release(slot, at / 1e9)

    def _serve(
        self, request: Request, call_ns: int, at: float, leaving: list[tuple[float, int, Slot]]
    ) -> Observation:
        tenant = request.tenant or 0
        if self.random.random() < self.weather.throttled.get(tenant, 0):
            return Observation(request=request, call_ns=call_ns, end_ns=int(at), outcome="throttled")
        lease = self.pool.acquire(self.plan.everyone()[tenant].id, at / 1e9)
        if lease is None:
            return Observation(request=request, call_ns=call_ns, end_ns=int(at), outcome="throttled")
        done = at + self.weather.hold_ms * MS
        end_ns = int(done + MS)
        heapq.heappush(leaving, (done, request.seq, lease.slot))
        served = self._served.setdefault(lease.slot.number, [])
        served.append(tenant)
        if self.weather.raises_on_foreign and any(other != tenant for other in served):
            return Observation(request=request, call_ns=call_ns, end_ns=end_ns, outcome="function-error")
        if self.random.random() < self.weather.lost.get(tenant, 0):
            return Observation(request=request, call_ns=call_ns, end_ns=end_ns, outcome="lost")
        witness = Witness(
            execution_environment_id=f"e{lease.slot.number}",
            sandbox_id=f"s{lease.slot.number}",
            invocation_count=len(served),
            tenant_id=self.plan.everyone()[tenant].expect,
            nonce=request.nonce,
        )
        return Observation(request=request, call_ns=call_ns, end_ns=end_ns, outcome="served", witness=witness)


def simulate(
    plan: Plan,
    pool: Pool,
    *,
    weather: Weather | None = None,
    rng: random.Random | None = None,
    after_wave: Callable[[Judge], None] | None = None,
) -> Simulated:
    """Run `plan` to its verdict, with the stopping rule of the real runner."""
    rng = rng or random.Random(0)
    schedule, judge = Schedule(plan), Judge(plan)
    simulation = Simulation(plan, pool, weather or Weather(), rng)
    reason: EndReason = "complete"
    while True:
        wave = schedule.next()
        if wave is None:
            if judge.evidence().reached:
                break
            wave = schedule.further()
        if judge.environments.requests + len(wave.requests) > plan.budgets.max_requests:
            reason = "max-requests"
            break
        observations = simulation.fire(wave)
        schedule.ended(observations)
        judge.add(observations)
        if after_wave is not None:
            after_wave(judge)
        if judge.breached():
            reason = "breach"
            break
    end = End(reason=reason, requests=judge.environments.requests, waves=judge.environments.waves, duration_ns=1)
    header = Header(tool="test", started="2026-01-01T00:00:00Z", plan=plan)
    return Simulated(judge.verdict(header, end), judge.environments.requests)
