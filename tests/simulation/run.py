"""One simulated run of a plan against the lab's pool and front."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from tenantcheck.judge import Judge
from tenantcheck.lab.faults import Faults, Sent, parse_fault
from tenantcheck.lab.mapping import Mapping, bearer, claimed
from tenantcheck.lab.pool import Lease, Pool
from tenantcheck.lab.tenancy import RefusedError, check_tenant
from tenantcheck.model import (
    CHECK_IDS,
    SCHEDULE,
    Budgets,
    Control,
    End,
    Header,
    Observation,
    Plan,
    PlanName,
    Reply,
    Request,
    Verdict,
)
from tenantcheck.model.boundary import RESERVED_HEADER
from tenantcheck.model.call import Call
from tenantcheck.run.course import Course, Stop
from tenantcheck.run.plan import NEWCOMERS, Wave, parse_tenants
from tenantcheck.run.senders.sender import LEAST_CONNECTIONS
from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget
from tests.simulation.environment import Answer, Environments

MS = 1_000_000
#: Says what kind of answer a status is, as for every endpoint.
_CLASSIFIER = HttpTarget(HttpRequestSpec(url="http://simulated/"))


class Simulated(NamedTuple):
    """How a simulated run ended."""

    verdict: Verdict
    requests: int
    waves: list[list[Observation]]
    end: End


def make_plan(
    *,
    tenants: int = 4,
    plan: PlanName = "standard",
    seed: str,
    significance: float = 1e-6,
    max_requests: int = 1_000,
    ordered: int = 12,
) -> Plan:
    """The waves of a plan as the command line makes them, for fresh tenants; no boundary is attacked."""
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


def faults(*names: str, rng: random.Random) -> Faults:
    """Faults and weather of the lab, by name."""
    return Faults([parse_fault(name) for name in names], rng)


@dataclass(kw_only=True)
class SimulatedLab:
    """The lab's own pool, mapping and faults, without processes and sockets."""

    pool: Pool
    target: HttpTarget | None = None
    """Builds the calls; without it every request is for its tenant and nothing else."""
    authorizer: bool = False
    hold_ms: float = 20.0
    random: random.Random = field(default_factory=lambda: random.Random(0))
    """Which connection a request is given."""
    environments: Environments = field(init=False)
    mapping: Mapping = field(init=False)

    def __post_init__(self) -> None:
        self.environments = Environments(self.pool.faults.handler_variants())
        self.mapping = Mapping(self.pool.faults, authorizer=self.authorizer)

    def sent(self, plan: Plan, request: Request) -> tuple[Sent, str]:
        """What a client sends that says who it is, and the URL that a cache would know."""
        connection = str(self.random.randrange(LEAST_CONNECTIONS))
        if self.target is None:
            ids = [plan.everyone()[request.tenant].id] if request.tenant is not None else []
            return Sent(ids=ids, connection=connection, nonce=request.nonce), ""
        call = self.target.prepare(request)
        kind, _, name = self.target.tenant_place.partition(":")
        ids = [value for key, value in (call.headers if kind == "header" else _query(call)) if key == name]
        headers = {key.lower(): value for key, value in call.headers}
        return Sent(
            ids=ids,
            reserved=headers.get(RESERVED_HEADER.lower()),
            bearer=bearer(headers.get("authorization")),
            claimed=claimed(headers.get("authorization")),
            connection=connection,
            nonce=request.nonce,
            size=len(call.url) + sum(len(name) + len(value) + 4 for name, value in call.headers) + len(call.body),
        ), call.url


def _query(call: Call) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl, urlsplit

    return parse_qsl(urlsplit(call.url).query, keep_blank_values=True)


@dataclass(order=True)
class _Running:
    """A request that an environment works on."""

    done_ns: float
    seq: int
    request: Request = field(compare=False)
    call_ns: int = field(compare=False)
    lease: Lease = field(compare=False)
    answer: Answer | None = field(compare=False)
    tenant: str | None = field(compare=False)
    url: str = field(compare=False)


class Simulation:
    """The lab under virtual time."""

    def __init__(self, plan: Plan, lab: SimulatedLab, rng: random.Random) -> None:
        self.plan = plan
        self.lab = lab
        self.faults = lab.pool.faults
        self.random = rng
        self.now_ns = 0
        self.recorded: list[list[Observation]] = []
        self._cached: dict[str, Observation] = {}

    def fire(self, wave: Wave, pause_s: float) -> list[Observation]:
        """Every request of one wave, after a pause; afterwards all environments are idle."""
        self.now_ns += max(0, int(pause_s * 1e9))
        observations: list[Observation] = []
        if wave.in_flight_together:
            observations = self._together(wave)
        else:
            for request in wave.requests:
                observations += self._together(replace(wave, requests=(request,)))
        self.recorded.append(observations)
        return observations

    def _together(self, wave: Wave) -> list[Observation]:
        arrivals: list[tuple[float, int, Request, int, Sent, str]] = []
        for position, request in enumerate(wave.requests):
            start_s = wave.starts_s[position] if wave.starts_s else position * 1e-6
            call_ns = self.now_ns + int(start_s * 1e9)
            sent, url = self.lab.sent(self.plan, request)
            travel = (1 + self.random.random() * 0.2) * MS
            late = (self.faults.delay_s(_whose(sent)) + self.faults.distance_s()) * 1e9
            arrivals.append((call_ns + travel + late, request.seq, request, call_ns, sent, url))
        heapq.heapify(arrivals)
        running: list[_Running] = []
        observations: list[Observation] = []
        while arrivals:
            at, _, request, call_ns, sent, url = heapq.heappop(arrivals)
            observations += self._ended(running, at)
            arrived = self._arrive(request, call_ns, at, sent, url)
            if isinstance(arrived, _Running):
                heapq.heappush(running, arrived)
            else:
                observations.append(arrived)
        observations += self._ended(running, float("inf"))
        self.now_ns = max(o.end_ns for o in observations) + MS
        return observations

    def _arrive(self, request: Request, call_ns: int, at: float, sent: Sent, url: str) -> Observation | _Running:
        """A request reaches the front: it is answered there, or an environment begins to work on it."""

        def answered(status: int | None, message: str = "") -> Observation:
            return self._failure(request, call_ns, int(at) + self._back_ns, status, message)

        if self.faults.dropped(_whose(sent)):
            return answered(None)
        cached = self._cached.get(url)
        if cached is not None:
            return msgspec.structs.replace(cached, request=request, call_ns=call_ns, end_ns=int(at) + self._back_ns)
        try:
            tenant = None
            if self.lab.pool.isolation != "none":
                tenant = self.lab.mapping.tenant(sent, at / 1e9)
                check_tenant(self.lab.pool.isolation, tenant, accepts=self.faults.accepts)
        except RefusedError as refused:
            return answered(refused.status, refused.message)
        if self.faults.throttled(tenant):
            return answered(429, "Rate exceeded")
        lease, answer = self._delivered(tenant, at, sent, request.nonce)
        if lease is None:
            return answered(429, "Rate exceeded")
        start_ns = self.faults.start_s() * 1e9 if lease.cold else 0.0
        done_ns = at + start_ns + self.lab.hold_ms * MS
        return _Running(done_ns, request.seq, request, call_ns, lease, answer, _whose(sent), url)

    def _delivered(self, tenant: str | None, at: float, sent: Sent, nonce: str) -> tuple[Lease | None, Answer | None]:
        """The environment that answers in the end, behind a front that may send again, or copies."""
        self.faults.choose(tenant)
        lease, answer = self._acquire(tenant, at, sent, nonce)
        for _ in range(self.faults.resent()):
            if lease is None or answer is not None:
                break
            self.lab.pool.release(lease.slot, at / 1e9)
            lease, answer = self._acquire(tenant, at, sent, nonce)
        if self.faults.mirrors not in (None, tenant):
            self._mirror(self.faults.mirrors, at, sent)
        return lease, answer

    def _acquire(
        self, tenant: str | None, at: float, sent: Sent, nonce: str | None
    ) -> tuple[Lease | None, Answer | None]:
        """An environment for a request, and what the handler in it answers."""
        lease = self.lab.pool.acquire(tenant, at / 1e9, sent)
        if lease is None:
            return None, None
        if lease.restarted:
            self.lab.environments.restart(lease.slot.environment)
        return lease, self.lab.environments.invoke(lease.slot.environment, lease.slot.image, tenant, nonce)

    def _mirror(self, tenant: str | None, at: float, sent: Sent) -> None:
        """A copy of a request, over at once."""
        lease, _ = self._acquire(tenant, at, sent, None)
        if lease is not None:
            self.lab.pool.release(lease.slot, at / 1e9)

    @property
    def _back_ns(self) -> int:
        """How long an answer travels."""
        return MS + int(self.faults.distance_s() * 1e9)

    def _ended(self, running: list[_Running], until: float) -> Iterator[Observation]:
        while running and running[0].done_ns <= until:
            each = heapq.heappop(running)
            self.lab.pool.release(each.lease.slot, each.done_ns / 1e9)
            yield self._answered(each)

    def _answered(self, each: _Running) -> Observation:
        end_ns = int(each.done_ns) + self._back_ns
        if each.answer is None:
            return self._failure(each.request, each.call_ns, end_ns, 502, "Internal server error")
        if self.faults.lost(each.tenant):
            return self._failure(each.request, each.call_ns, end_ns, None, "")
        environments = self.lab.environments
        observation = Observation(
            request=each.request,
            call_ns=each.call_ns,
            end_ns=end_ns,
            outcome="function-error" if each.answer.is_error else "served",
            status=500 if each.answer.is_error else 200,
            witness=each.answer.witness(late_count=environments.late_count),
            seen=each.answer.residue,
        )
        if self.faults.caches:
            self._cached.setdefault(each.url, observation)
        return observation

    def _failure(self, request: Request, call_ns: int, end_ns: int, status: int | None, message: str) -> Observation:
        """An answer without a witness, classified as the HTTP target does; without a status nothing came back."""
        if status is None:
            return Observation(request=request, call_ns=call_ns, end_ns=end_ns, outcome="lost")
        reply = Reply(status=status, body=msgspec.json.encode({"message": message}))
        outcome = _CLASSIFIER.outcome(reply, witnessed=False, proxy_status=None)
        return Observation(
            request=request,
            call_ns=call_ns,
            end_ns=end_ns,
            outcome=outcome.kind,
            status=status,
            error_kind=outcome.error_kind,
            error_text=outcome.error_text,
        )


def _whose(sent: Sent) -> str | None:
    return sent.ids[0] if sent.ids else sent.bearer


def simulate(
    plan: Plan,
    lab: SimulatedLab | Pool,
    *,
    rng: random.Random | None = None,
    after_wave: Callable[[Judge], None] | None = None,
    control: Control | None = None,
) -> Simulated:
    """Run `plan` to its verdict, on the course of the real runner."""
    if isinstance(lab, Pool):
        lab = SimulatedLab(pool=lab)
    if rng is not None:
        lab.random = random.Random(rng.getrandbits(64))
    course, judge = Course(plan), Judge(plan)
    simulation = Simulation(plan, lab, rng or random.Random(0))
    stop: Stop | None = None
    before = began_ns = 0
    while stop is None:
        wave = course.next()
        if isinstance(wave, Stop):
            stop = wave
            break
        # At its rate over a wave, not from one request to the next.
        pause_s = before / course.rate - (simulation.now_ns - began_ns) / 1e9 if course.rate else 0.0
        observations = simulation.fire(wave, max(course.pause_s(wave), pause_s))
        before, began_ns = len(observations), min(o.call_ns for o in observations)
        course.took(wave, observations)
        judge.add(observations)
        if after_wave is not None:
            after_wave(judge)
        stop = course.after(wave, observations, judge.standing())
        if stop is None and simulation.now_ns > course.max_time_s * 1e9:
            stop = Stop(reason="max-time")
    end = End(
        reason=stop.reason,
        requests=judge.environments.requests,
        waves=judge.environments.waves,
        duration_ns=simulation.now_ns,
    )
    header = Header(schedule=SCHEDULE, tool="test", started="2026-01-01T00:00:00Z", plan=plan, control=control)
    return Simulated(judge.verdict(header, end), judge.environments.requests, simulation.recorded, end)
