"""Which requests are sent together, and in which order: the six kinds of wave.

Every order is drawn from the plan's seed. Waves are drawn one after the other, since their sizes follow what came
back so far: the number of environments, how long a cold start takes.
"""

from __future__ import annotations

import math
import random
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tenantcheck.model import WAVE, Observation, Plan, PlanName, Request, WaveKind
from tenantcheck.model import nonce as nonces
from tenantcheck.model.boundary import Attack, Group, groups, opening_moves

#: Unused ids asked once each, by plan.
NEWCOMERS: dict[PlanName, int] = {"quick": 0, "standard": 20, "deep": 40}
#: Ids asked once each while a run goes on after its plan.
SOAK_NEWCOMERS = 100
#: Times that two tenants are asked beyond what they need, and crowds before the ordered wave, by plan.
_SURGES: dict[PlanName, int] = {"quick": 0, "standard": 1, "deep": 2}
_CROWDS: dict[PlanName, int] = {"quick": 0, "standard": 1, "deep": 3}
#: Requests of a surge beyond the tenant's known environments.
_SURGE = 5
#: Newcomers that start together. Two of one group that are taken for one another are not seen: more than two, and
#: fewer than 99 % of pools that hash ids into 64 buckets are found (`python -m benchmarks.detection`).
_GROUP = 2
#: All newcomers' cold starts together may take so many seconds; groups are larger where a cold start is slow.
_NEWCOMERS_S = 12.0
#: Crowds start spread over so many times of a warm answer.
_SPREAD = 2.0
#: Requests of one tenant in a wave after the plan, at most: more would only make more environments.
_SOAK_MOST = 16
#: Shortest pause after the plan.
_SHORTEST_S = 0.01
#: Answers whose times are kept for the medians.
_KEPT_TIMES = 512
#: Random part of a nonce.
_RANDOM_BYTES = 8


@dataclass(frozen=True, kw_only=True)
class Wave:
    """A set of requests with one purpose, in drawn order."""

    number: int
    kind: WaveKind
    requests: tuple[Request, ...]
    idle_before_s: float = 0.0
    starts_s: tuple[float, ...] = ()
    """When each request starts, from the beginning of the wave; empty: all at once, or one after the other."""
    planned_left: int = 0
    """Waves of the plan that follow this one; 0 for the last and for all after the plan."""

    @property
    def in_flight_together(self) -> bool:
        """Requests overlap; otherwise one is in flight at a time."""
        return self.kind not in ("ordered", "single")


@dataclass(frozen=True, kw_only=True)
class _Step:
    kind: WaveKind
    tenants: tuple[int, ...] = ()
    idle_before_s: float = 0.0
    group: Group | None = None
    each: int = 0
    """Requests per tenant in an ordered wave."""
    soaking: bool = False
    grouped: bool = False
    """Newcomers that start together: not to be parted into groups any more."""


class Schedule:
    """Draws the waves of one run.

    Call `next()` for a wave and `ended(observations)` when it is over. After the plan `further()` gives one more
    ordered wave each time, `soak()` one wave of the rounds that go on.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._random = random.Random(int(plan.seed, 16))  # noqa: S311 - must be reproducible from the seed
        self._tags = {tenant.index: nonces.tag(tenant.id) for tenant in plan.everyone()}
        self._everyone = tuple(tenant.index for tenant in plan.tenants)
        self._seq = 0
        self._wave = 0
        self._identities: dict[int, set[str]] = {tenant.index: set() for tenant in plan.everyone()}
        self._assumed: dict[int, int] = {}
        self._cold_s: deque[float] = deque(maxlen=_KEPT_TIMES)
        self._warm_s: deque[float] = deque(maxlen=_KEPT_TIMES)
        asked = NEWCOMERS[plan.plan] if plan.soak_s else len(plan.newcomers)
        self._newcomers = plan.newcomers[:asked]
        self._unused = deque(tenant.index for tenant in plan.newcomers[asked:])
        self._steps = deque(self._planned())
        self._round: deque[_Step] = deque()

    # ------------------------------------------------------------------ the plan

    def _planned(self) -> Iterator[_Step]:
        everyone, name = self._everyone, self.plan.plan
        yield from self._opening()
        if name == "quick":
            yield self._ordered(self.plan.ordered_requests)
            yield from self._idle()
            yield from self._outside()
            return
        for _ in range(2):
            yield from (_Step(kind="half", tenants=half) for half in self._split())
        for _ in range(_SURGES[name]):
            yield from self._surge()
        yield from (_Step(kind="crowd", tenants=everyone) for _ in range(_CROWDS[name]))
        yield self._ordered(self.plan.ordered_requests)
        yield from self._idle()
        if self._newcomers:
            yield _Step(kind="newcomers", tenants=tuple(tenant.index for tenant in self._newcomers))
        yield _Step(kind="crowd", tenants=everyone)
        yield from self._outside()

    def _opening(self) -> Iterator[_Step]:
        for opening_move in opening_moves(self.plan):
            yield _Step(kind="single", group=Group((opening_move,)))
        yield _Step(kind="opening", tenants=self._everyone)

    def _outside(self) -> Iterator[_Step]:
        """Attacks on the boundary come last: by then it is known whose each environment is."""
        return (_Step(kind="together" if each.together else "single", group=each) for each in groups(self.plan))

    def _idle(self) -> Iterator[_Step]:
        for gap in self.plan.idle_s:
            yield _Step(kind="crowd", tenants=self._everyone, idle_before_s=gap)
            yield from (_Step(kind="half", tenants=half, idle_before_s=gap) for half in self._split())

    def _ordered(self, each: int) -> _Step:
        return _Step(kind="ordered", tenants=self._everyone, each=each)

    def _split(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        order = list(self._everyone)
        self._random.shuffle(order)
        middle = (len(order) + self._random.randrange(2)) // 2
        return tuple(order[:middle]), tuple(order[middle:])

    def _surge(self, *, soaking: bool = False) -> Iterator[_Step]:
        for tenant in self._random.sample(self._everyone, 2):
            yield _Step(kind="surge", tenants=(tenant,), soaking=soaking)

    def repeat_opening(self) -> None:
        """Send the opening once more, before everything else."""
        self._steps.extendleft(reversed([*self._opening()]))

    # ------------------------------------------------------------------ what came back

    def known(self, tenant: int) -> int:
        """Environments that answered this tenant so far."""
        return max(len(self._identities[tenant]), self._assumed.get(tenant, 0))

    def ended(self, observations: Iterable[Observation]) -> None:
        """Take in what came back, so that later waves have the right size."""
        if self.plan.witness_from == "logs":
            self._in_flight(tuple(observations))
            return
        for observation in observations:
            request = observation.request
            environment = observation.witness.environment() if observation.witness else None
            if request.tenant is None or request.sent.forged or environment is None:
                continue
            known = self._identities[request.tenant]
            times = self._warm_s if environment in known else self._cold_s
            times.append((observation.end_ns - observation.call_ns) / 1e9)
            known.add(environment)

    def _in_flight(self, observations: Sequence[Observation]) -> None:
        """Count environments where only the logs will tell them: as many as requests were in flight together."""
        edges: list[tuple[int, int, int]] = []
        for observation in observations:
            request = observation.request
            if request.tenant is None or request.sent.forged or observation.outcome not in ("served", "no-witness"):
                continue
            times = self._cold_s if request.kind == "opening" else self._warm_s
            times.append((observation.end_ns - observation.call_ns) / 1e9)
            edges += [(observation.call_ns, 1, request.tenant), (observation.end_ns, -1, request.tenant)]
        flying: dict[int, int] = {}
        for _, step, tenant in sorted(edges):
            flying[tenant] = flying.get(tenant, 0) + step
            self._assumed[tenant] = max(self._assumed.get(tenant, 0), flying[tenant])

    def assume(self, wave: Wave) -> None:
        """Suppose a healthy pool answered `wave`: as many environments per tenant as fired together."""
        if wave.kind in ("single", "together"):
            return
        fired: dict[int, int] = {}
        for request in wave.requests:
            if request.tenant is not None:
                fired[request.tenant] = fired.get(request.tenant, 0) + 1
        for tenant, count in fired.items():
            self._assumed[tenant] = max(self.known(tenant), count if wave.in_flight_together else 1)

    @property
    def cold_s(self) -> float:
        """How long the first answer of an environment takes: the median so far, in seconds."""
        return median(self._cold_s) if self._cold_s else 0.0

    @property
    def warm_s(self) -> float:
        """How long an answer of a known environment takes: the median so far, in seconds."""
        return median(self._warm_s) if self._warm_s else self.cold_s

    # ------------------------------------------------------------------ drawing

    def next(self) -> Wave | None:
        """The next wave of the plan, or None after the last one."""
        if not self._steps:
            return None
        step = self._steps.popleft()
        if step.kind == "newcomers" and not step.grouped:
            steps = [_Step(kind="newcomers", tenants=group, grouped=True) for group in self._grouped(step.tenants)]
            self._steps.extendleft(reversed(steps[1:]))
            step = steps[0]
        return self._draw(step, planned_left=len(self._steps))

    def further(self) -> Wave:
        """One more ordered wave."""
        return self._draw(self._ordered(self.plan.further_requests))

    def soak(self, left_s: float) -> Wave:
        """One more wave of the rounds that go on after the plan, `left_s` before their end."""
        if not self._round:
            self._round.extend(self._soaked())
        longest = max(left_s / 10, _SHORTEST_S)
        pause = _SHORTEST_S * (longest / _SHORTEST_S) ** self._random.random()
        return self._draw(self._round.popleft(), pause_s=pause)

    def _soaked(self) -> Iterator[_Step]:
        yield from (_Step(kind="half", tenants=half, soaking=True) for half in self._split())
        yield from self._surge(soaking=True)
        yield _Step(kind="crowd", tenants=self._everyone, soaking=True)
        yield self._ordered(self.plan.further_requests)
        group = [self._unused.popleft() for _ in range(min(_GROUP, len(self._unused)))]
        if group:
            yield _Step(kind="newcomers", tenants=tuple(group))

    def _grouped(self, newcomers: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Newcomers that start together, in their order; one that looks like another comes after that one's group,
        whose environment is idle then."""
        most = math.ceil(len(newcomers) / _GROUP)
        affordable = most if not self.cold_s else int(_NEWCOMERS_S / self.cold_s)
        size = math.ceil(len(newcomers) / max(2, min(most, affordable)))
        waiting = list(newcomers)
        people = self.plan.everyone()
        while waiting:
            group: list[int] = []
            for newcomer in waiting:
                if len(group) < size and people[newcomer].sibling not in (*group, *waiting):
                    group.append(newcomer)
            # A sibling that is among those who wait comes first: there is always one that has none.
            group = group or waiting[:1]
            waiting = [newcomer for newcomer in waiting if newcomer not in group]
            yield tuple(group)

    def _size(self, step: _Step, tenant: int) -> int:
        """Requests for one tenant in a wave."""
        known = self.known(tenant)
        match step.kind:
            case "half":
                size = known + 1
            case "surge":
                size = known + _SURGE
            case "crowd":
                size = max(1, known)
            case "ordered":
                return step.each
            case _:
                return 1
        return min(size, _SOAK_MOST) if step.soaking else size

    def _draw(self, step: _Step, *, planned_left: int = 0, pause_s: float = 0.0) -> Wave:
        number = self._wave
        self._wave += 1
        if step.group is not None:
            attacks: Sequence[Attack] = step.group.attacks
        else:
            attacks = [Attack(WAVE, tenant) for tenant in step.tenants for _ in range(self._size(step, tenant))]
            self._random.shuffle(attacks)
        starts: tuple[float, ...] = ()
        if step.kind == "crowd":
            spread_s = _SPREAD * self.warm_s
            starts = tuple(sorted(self._random.random() * spread_s for _ in attacks))
        chances = secrets.token_hex(_RANDOM_BYTES * len(attacks))
        return Wave(
            number=number,
            kind=step.kind,
            requests=tuple(
                self._request(number, step.kind, slot, attack, chance)
                for slot, (attack, chance) in enumerate(zip(attacks, _cut(chances), strict=True))
            ),
            idle_before_s=step.idle_before_s or pause_s,
            starts_s=starts,
            planned_left=planned_left,
        )

    def _request(self, wave: int, kind: WaveKind, slot: int, attack: Attack, chance: str) -> Request:
        seq = self._seq
        self._seq += 1
        return Request(
            seq=seq,
            wave=wave,
            kind=kind,
            slot=slot,
            tenant=attack.tenant,
            nonce=nonces.compose(self.plan.run, self.tag_for(attack), seq, chance),
            purpose=attack.purpose,
            sent=attack.sent,
        )

    def tag_for(self, each: Attack | Request) -> str:
        """The tag in the nonce of a request: of one that belongs to nobody for certain it is nobody's."""
        if each.tenant is None or each.sent.forged:
            return nonces.tag(None)
        return self._tags[each.tenant]


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

    def seconds(self, answer_s: float) -> float:
        """How long the waves take when every answer takes so long: those in flight together count once."""
        one_by_one = sum(1 if wave.in_flight_together else len(wave.requests) for wave in self.waves)
        return one_by_one * answer_s + sum(wave.idle_before_s for wave in self.waves)


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
