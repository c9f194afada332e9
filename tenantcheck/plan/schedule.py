"""Which requests are sent together, and in which order: the five kinds of wave.

Every order is drawn from the plan's seed. Waves are drawn one after the other, since their sizes follow the
number of environments seen so far.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tenantcheck.model import WAVE, Observation, Plan, PlanName, Request, WaveKind
from tenantcheck.model import nonce as nonces
from tenantcheck.model.boundary import Attack, attacks

#: Unused ids asked once each, by plan.
NEWCOMERS: dict[PlanName, int] = {"quick": 0, "standard": 4, "deep": 24}
#: Crowds between the ordered wave and the newcomers, by plan (one more stands before, one after).
_MIDDLE_CROWDS: dict[PlanName, int] = {"quick": 0, "standard": 0, "deep": 2}
#: Random part of a nonce.
_RANDOM_BYTES = 8
#: A request that attacks nothing.
_ORDINARY = Attack(WAVE, None)


@dataclass(frozen=True, kw_only=True)
class Wave:
    """A set of requests with one purpose, in drawn order."""

    number: int
    kind: WaveKind
    requests: tuple[Request, ...]
    idle_before_s: float = 0.0
    planned_left: int = 0
    """Waves of the plan that follow this one; 0 for the last and for further ordered waves."""

    @property
    def together(self) -> bool:
        """All at once; otherwise one in flight at a time."""
        return self.kind in ("opening", "half", "crowd")


@dataclass(frozen=True, kw_only=True)
class _Step:
    kind: WaveKind
    tenants: tuple[int, ...]
    idle_before_s: float = 0.0
    attack: Attack | None = None


class Schedule:
    """Draws the waves of one run.

    Call `next()` for a wave and `ended(observations)` when it is over. After the plan `further()` gives one
    more ordered wave each time.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._random = random.Random(int(plan.seed, 16))  # noqa: S311 - must be reproducible from the seed
        self._tags = {tenant.index: nonces.tag(tenant.id) for tenant in plan.everyone()}
        self._seq = 0
        self._wave = 0
        self._identities: dict[int, set[str]] = {tenant.index: set() for tenant in plan.everyone()}
        self._assumed: dict[int, int] = {}
        self._steps = list(self._planned())
        self._taken = 0

    def _planned(self) -> Iterator[_Step]:
        everyone = tuple(tenant.index for tenant in self.plan.tenants)
        newcomers = tuple(tenant.index for tenant in self.plan.newcomers)
        name = self.plan.plan
        yield _Step(kind="opening", tenants=everyone)
        if name == "quick":
            yield _Step(kind="ordered", tenants=everyone)
            yield from self._idle(everyone)
            yield from self._attacks()
            return
        for _ in range(2):
            yield from (_Step(kind="half", tenants=half) for half in self._split(everyone))
        yield _Step(kind="crowd", tenants=everyone)
        yield _Step(kind="ordered", tenants=everyone)
        yield from (_Step(kind="crowd", tenants=everyone) for _ in range(_MIDDLE_CROWDS[name]))
        yield from self._idle(everyone)
        if newcomers:
            yield _Step(kind="newcomers", tenants=newcomers)
        yield _Step(kind="crowd", tenants=everyone)
        yield from self._attacks()

    def _attacks(self) -> Iterator[_Step]:
        """Attacks on the boundary come last: by then it is known whose each environment is."""
        return (_Step(kind="single", tenants=(), attack=attack) for attack in attacks(self.plan))

    def _idle(self, everyone: tuple[int, ...]) -> Iterator[_Step]:
        for gap in self.plan.idle_s:
            yield _Step(kind="crowd", tenants=everyone, idle_before_s=gap)
            yield from (_Step(kind="half", tenants=half, idle_before_s=gap) for half in self._split(everyone))

    def _split(self, everyone: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        order = list(everyone)
        self._random.shuffle(order)
        middle = (len(order) + self._random.randrange(2)) // 2
        return tuple(order[:middle]), tuple(order[middle:])

    def known(self, tenant: int) -> int:
        """Environments that answered this tenant so far."""
        return max(len(self._identities[tenant]), self._assumed.get(tenant, 0))

    def next(self) -> Wave | None:
        """The next wave of the plan, or None after the last one."""
        if self._taken == len(self._steps):
            return None
        step = self._steps[self._taken]
        self._taken += 1
        return self._draw(step, planned_left=len(self._steps) - self._taken)

    def further(self) -> Wave:
        """One more ordered wave."""
        everyone = tuple(tenant.index for tenant in self.plan.tenants)
        return self._draw(_Step(kind="ordered", tenants=everyone), planned_left=0, further=True)

    def _draw(self, step: _Step, *, planned_left: int, further: bool = False) -> Wave:
        if step.attack is not None:
            return self.single(step.attack, planned_left=planned_left)
        match step.kind:
            case "half":
                sizes = {tenant: self.known(tenant) + 1 for tenant in step.tenants}
            case "crowd":
                sizes = {tenant: max(1, self.known(tenant)) for tenant in step.tenants}
            case "ordered":
                each = self.plan.further_requests if further else self.plan.ordered_requests
                sizes = dict.fromkeys(step.tenants, each)
            case _:
                sizes = dict.fromkeys(step.tenants, 1)
        order = [tenant for tenant, size in sizes.items() for _ in range(size)]
        self._random.shuffle(order)
        number = self._wave
        self._wave += 1
        chances = secrets.token_hex(_RANDOM_BYTES * len(order))
        return Wave(
            number=number,
            kind=step.kind,
            requests=tuple(
                self._request(number, step.kind, slot, tenant, chance)
                for slot, (tenant, chance) in enumerate(zip(order, _cut(chances), strict=True))
            ),
            idle_before_s=step.idle_before_s,
            planned_left=planned_left,
        )

    def single(self, attack: Attack, *, planned_left: int | None = None) -> Wave:
        """One request outside the waves, for the check that it names."""
        number = self._wave
        self._wave += 1
        request = self._request(number, "single", 0, attack.tenant, secrets.token_hex(_RANDOM_BYTES), attack)
        left = len(self._steps) if planned_left is None else planned_left
        return Wave(number=number, kind="single", requests=(request,), planned_left=left)

    def _request(
        self,
        wave: int,
        kind: WaveKind,
        slot: int,
        tenant: int | None,
        chance: str,
        attack: Attack = _ORDINARY,
    ) -> Request:
        seq = self._seq
        self._seq += 1
        forged = attack.claimed is not None or attack.credential is not None
        # The nonce of a request that belongs to nobody for certain is nobody's.
        tag = self._tags[tenant] if tenant is not None and not forged else nonces.tag(None)
        return Request(
            seq=seq,
            wave=wave,
            kind=kind,
            slot=slot,
            tenant=tenant,
            nonce=nonces.compose(self.plan.run, tag, seq, chance),
            purpose=attack.purpose,
            claimed=attack.claimed,
            credential=attack.credential,
        )

    def ended(self, observations: Iterable[Observation]) -> None:
        """Take in what came back, so that later waves have the right size."""
        for observation in observations:
            request = observation.request
            environment = observation.witness.environment() if observation.witness else None
            if request.tenant is not None and not request.forged and environment is not None:
                self._identities[request.tenant].add(environment)

    def assume(self, wave: Wave) -> None:
        """Suppose a healthy pool answered `wave`: as many environments per tenant as fired together."""
        if wave.kind == "single":
            return
        fired: dict[int, int] = {}
        for request in wave.requests:
            if request.tenant is not None:
                fired[request.tenant] = fired.get(request.tenant, 0) + 1
        for tenant, count in fired.items():
            self._assumed[tenant] = max(self.known(tenant), count if wave.together else 1)


def _cut(digits: str) -> Iterator[str]:
    """Random parts of nonces out of one long text."""
    step = 2 * _RANDOM_BYTES
    return (digits[at : at + step] for at in range(0, len(digits), step))


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a plan costs on a healthy pool."""

    waves: tuple[Wave, ...]
    requests: int
    environments: int


def forecast(plan: Plan) -> Forecast:
    """The waves of `plan` as they come out where every tenant keeps as many environments as it needs."""
    schedule = Schedule(plan)
    waves: list[Wave] = []
    while (wave := schedule.next()) is not None:
        waves.append(wave)
        schedule.assume(wave)
    return Forecast(
        waves=tuple(waves),
        requests=sum(len(wave.requests) for wave in waves),
        environments=sum(schedule.known(tenant.index) for tenant in plan.everyone()),
    )
