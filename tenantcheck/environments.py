"""Group observations once, for evidence and checks: which environment answered whom.

State is kept per environment and tenant, never per observation, so that a million observations fit. A wave is
grouped when it has ended; what was decided then is not revised.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from tenantcheck.model import IDENTITIES, IdentityField, Observation, Plan, SeenNonce
from tenantcheck.model import nonce as nonces

#: Findings kept per check; the total is counted on.
KEPT = 100
_RECENT = 4096
_TENANTS_PER_ENVIRONMENT = 16
_MAX_RANGES = 4096

T = TypeVar("T")


@dataclass(slots=True)
class Kept(Generic[T]):
    """The first `KEPT` of something, and how many there were."""

    items: list[T] = field(default_factory=list)
    total: int = 0

    def add(self, item: T) -> None:
        self.total += 1
        if len(self.items) < KEPT:
            self.items.append(item)


class Counts:
    """A set of counter values, kept as ranges: a healthy process needs one."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.size = 0

    def add(self, count: int) -> bool:
        """Add a value; False when it was there already."""
        at = bisect_right(self._starts, count)
        if at and count <= self._ends[at - 1]:
            return False
        joins_left = at > 0 and self._ends[at - 1] == count - 1
        joins_right = at < len(self._starts) and self._starts[at] == count + 1
        if joins_left and joins_right:
            self._ends[at - 1] = self._ends.pop(at)
            self._starts.pop(at)
        elif joins_left:
            self._ends[at - 1] = count
        elif joins_right:
            self._starts[at] = count
        elif len(self._starts) < _MAX_RANGES:
            self._starts.insert(at, count)
            self._ends.insert(at, count)
        self.size += 1
        return True

    @property
    def lowest(self) -> int:
        return self._starts[0]

    @property
    def highest(self) -> int:
        return self._ends[-1]

    @property
    def unseen(self) -> int:
        """Values between the lowest and the highest that were not seen."""
        return self.highest - self.lowest + 1 - self.size


@dataclass(slots=True)
class Environment:
    """Everything that one identity value answered."""

    id: str
    identity: IdentityField
    owner: int
    """Index of the tenant it met first."""
    last_end_ns: int
    answers: int = 0
    latest: dict[int, Observation] = field(default_factory=dict)
    """Newest observation of each tenant (a bounded number of them)."""
    crossings: list[tuple[Observation, Observation]] = field(default_factory=list)
    """An observation and the next one of another tenant; the first few."""


@dataclass(slots=True)
class Process:
    """Everything that one `executionEnvironmentId` counted."""

    id: str
    counts: Counts = field(default_factory=Counts)
    highest: Observation | None = None
    """The observation with the highest count of all earlier waves."""
    tenants: set[int] = field(default_factory=set)
    last: Observation | None = None


class Place(NamedTuple):
    """Where one identity of an observation puts it, as known before the request."""

    environment: Environment
    known: bool
    idle_since_ns: int
    """End of the environment's latest earlier answer; 0 when it is new."""


class Placed(NamedTuple):
    """One observation and its places, in the order of `IDENTITIES`."""

    observation: Observation
    tenant: int
    places: tuple[Place | None, Place | None, Place | None]


class Disorder(NamedTuple):
    """Two observations of one process that can't both be right."""

    earlier: Observation | None
    later: Observation
    own_nonces: bool


class Foreign(NamedTuple):
    """A response that carries a nonce it should not carry, and the request that nonce belongs to."""

    observation: Observation
    nonce: SeenNonce
    origin: Observation | None
    owner: int | None
    """Index of the tenant the nonce belongs to, where the plan knows it."""


class Latencies:
    """Latencies in buckets 2 % wide: bounded memory, quantiles right to 1 %."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.highest_ns = 0

    def add(self, nanoseconds: int) -> None:
        self._buckets[round(math.log(max(nanoseconds, 1)) / _LOG_STEP)] += 1
        self.highest_ns = max(self.highest_ns, nanoseconds)

    def median_ns(self) -> float | None:
        half = self._buckets.total() / 2
        for bucket in sorted(self._buckets):
            half -= self._buckets[bucket]
            if half <= 0:
                return min(math.exp(bucket * _LOG_STEP), self.highest_ns)
        return None


_LOG_STEP = math.log(1.02)


@dataclass(slots=True)
class TenantState:
    """What is counted per tenant."""

    requests: int = 0
    answered: int = 0
    """Requests that the function answered, with or without a witness."""
    unwitnessed: int = 0
    """Requests without a usable witness: each may have been an invocation that left no trace."""
    ordered_witnesses: int = 0
    cold_starts: int = 0
    latencies: Latencies = field(default_factory=Latencies)


class Environments:
    """Observations grouped by identity, process and tenant."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        people = plan.everyone()
        self._tags = {tenant.index: nonces.tag(tenant.id) for tenant in people}
        self._owners_of_tags = {tag: index for index, tag in self._tags.items()}
        self.by_field: dict[IdentityField, dict[str, Environment]] = {name: {} for name in IDENTITIES}
        self.missing: dict[IdentityField, int] = dict.fromkeys(IDENTITIES, 0)
        self.processes: dict[str, Process] = {}
        self.tenants = [TenantState() for _ in people]
        self.outcomes: Counter[str] = Counter()
        self.purposes: dict[str, list[Observation]] = {}
        self.versions: set[str] = set()
        self.requests = 0
        self.waves = 0
        self.last_end_ns = 0
        self.witnesses = 0
        self.reuses = 0
        """Requests served by an environment that had served an earlier one."""
        self.fields_read: set[str] = set()
        """Fields of `Witness` that some answer carried."""
        self.could_share = 0
        """Witnessed requests called after another tenant's environment was known."""
        self.tenant_reports = 0
        self.tenantless: Kept[Observation] = Kept()
        self.wrong_tenant: Kept[Observation] = Kept()
        self.collapsed: Kept[tuple[Observation, Observation | None]] = Kept()
        self.could_collapse = 0
        self.foreign: Kept[Foreign] = Kept()
        self.could_carry = 0
        """Responses that showed nonces, after another tenant's request had ended."""
        self.replays: Kept[Foreign] = Kept()
        self.replays_within = 0
        self.echoes = 0
        self.clones: Kept[Disorder] = Kept()
        self.disorders: Kept[Disorder] = Kept()
        self.overcounts: Kept[Observation] = Kept()
        self.counted = 0
        self._recent: dict[int, Observation] = {}
        self._ended_tenants: set[int] = set()

    # ------------------------------------------------------------------ what was concluded

    @property
    def discredited(self) -> frozenset[str]:
        """Identity fields that were shown not to name one environment."""
        broken = self.clones.total or self.disorders.total
        return frozenset({"execution_environment_id"} if broken else ())

    def identity(self) -> IdentityField | None:
        """The identity evidence stands on: the first that every served witness carries and nothing has
        discredited."""
        for name in IDENTITIES:
            if self.by_field[name] and not self.missing[name] and name not in self.discredited:
                return name
        return None

    def shown_identity(self) -> IdentityField:
        """The identity that reports count environments by, even where it carries no evidence."""
        most: IdentityField = max(IDENTITIES, key=lambda name: len(self.by_field[name]))
        return self.identity() or most

    def count_base(self) -> int:
        """Where counters of this function start: 0 if a 0 was ever seen, else 1."""
        return min((process.counts.lowest for process in self.processes.values()), default=1) and 1

    # ------------------------------------------------------------------ grouping

    def add(self, wave: Sequence[Observation]) -> list[Placed]:
        """Group one ended wave. Returns its grouped observations in drawn order for ordered waves, in call
        order for the others."""
        one_by_one = bool(wave) and wave[0].request.kind == "ordered"
        ordered = sorted(
            wave, key=lambda o: (o.request.slot if one_by_one else o.call_ns, o.request.slot, o.request.seq)
        )
        self.waves += 1
        placed: list[Placed] = []
        by_process: dict[str, list[Observation]] = {}
        for observation in ordered:
            where = self._one(observation)
            if where is not None:
                placed.append(where)
                self._note_process(observation, by_process)
        for id_, observations in by_process.items():
            self._counter_order(self.processes[id_], observations)
            self._overcount(self.processes[id_], observations)
        for observation in wave:
            if observation.request.tenant is not None:
                self._ended_tenants.add(observation.request.tenant)
        return placed

    def _one(self, observation: Observation) -> Placed | None:
        request, witness = observation.request, observation.witness
        tenant = request.tenant
        self.requests += 1
        if tenant is not None:
            self.outcomes[observation.outcome] += 1
        self.last_end_ns = max(self.last_end_ns, observation.end_ns)
        self._remember(observation)
        if request.purpose != "wave":
            self.purposes.setdefault(request.purpose, [])[KEPT:] = []
            self.purposes[request.purpose].append(observation)
        if version := observation.headers.get("x-amz-executed-version"):
            self.versions.add(version[:64])
        if tenant is None or request.claimed is not None or request.credential is not None:
            return None
        state = self.tenants[tenant]
        state.requests += 1
        if observation.outcome in ("served", "no-witness", "function-error"):
            state.answered += 1
            state.latencies.add(observation.end_ns - observation.call_ns)
        self._foreign_nonces(observation, tenant)
        if witness is None or self._is_replay(observation, tenant):
            state.unwitnessed += 1
            return None
        if request.kind == "ordered":
            state.ordered_witnesses += 1
        self.witnesses += 1
        self._reported_tenant(observation, tenant)
        if self._other_tenant_known(tenant):
            self.could_share += 1
        if len(self.fields_read) < len(witness.__struct_fields__):
            self.fields_read.update(name for name in witness.__struct_fields__ if getattr(witness, name))
        places = tuple(self._place(name, observation, tenant) for name in IDENTITIES)
        self.reuses += any(place is not None and place.known for place in places)
        self._cold_start(observation, state, places)
        return Placed(observation, tenant, places)  # type: ignore[arg-type]  # one place per identity

    def _remember(self, observation: Observation) -> None:
        self._recent[observation.request.seq] = observation
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]

    def _other_tenant_known(self, tenant: int) -> bool:
        return len(self._ended_tenants) > 1 or bool(self._ended_tenants - {tenant})

    def _place(self, name: IdentityField, observation: Observation, tenant: int) -> Place | None:
        value = getattr(observation.witness, name)
        if value is None:
            if observation.outcome == "served":
                self.missing[name] += 1
            return None
        environment = self.by_field[name].get(value)
        known = environment is not None
        if environment is None:
            environment = Environment(id=value, identity=name, owner=tenant, last_end_ns=0)
            self.by_field[name][value] = environment
        place = Place(environment, known, environment.last_end_ns)
        environment.answers += 1
        environment.last_end_ns = max(environment.last_end_ns, observation.end_ns)
        latest = environment.latest
        if latest and tenant not in latest and len(environment.crossings) < _TENANTS_PER_ENVIRONMENT:
            previous = max(latest.values(), key=lambda o: o.call_ns)
            environment.crossings.append((previous, observation))
        if tenant in latest or len(latest) < _TENANTS_PER_ENVIRONMENT:
            latest[tenant] = observation
        return place

    def _cold_start(
        self, observation: Observation, state: TenantState, places: tuple[Place | None, ...]
    ) -> None:
        first_count = observation.witness.invocation_count if observation.witness else None
        initialised = observation.platform is not None and observation.platform.init_ms is not None
        new = any(place is not None and not place.known for place in places)
        if initialised or (new and first_count is not None and first_count <= 1):
            state.cold_starts += 1

    # ------------------------------------------------------------------ tenants and nonces

    def _reported_tenant(self, observation: Observation, tenant: int) -> None:
        person = self.plan.everyone()[tenant]
        reported = observation.witness.tenant_id if observation.witness else None
        if person.sibling is not None:
            self.could_collapse += 1
        if reported is None:
            if any(error.startswith("tenantId: null") for error in observation.witness_errors):
                self.tenantless.add(observation)
            return
        self.tenant_reports += 1
        if reported != person.expect:
            self.wrong_tenant.add(observation)

    def _is_replay(self, observation: Observation, tenant: int) -> bool:
        echoed = observation.witness.nonce if observation.witness else None
        if echoed is None:
            return False
        self.echoes += 1
        if echoed == observation.request.nonce:
            return False
        if nonces.tag_of(echoed) == self._tags[tenant]:
            self.replays_within += 1
        else:
            self.replays.add(self._foreign(observation, SeenNonce(nonce=echoed, place="echo")))
        return True

    def _foreign_nonces(self, observation: Observation, tenant: int) -> None:
        own = self._tags[tenant]
        shows = bool(observation.seen) or (observation.witness is not None and observation.witness.residue_read)
        if shows and self._other_tenant_known(tenant):
            self.could_carry += 1
        for seen in observation.seen:
            if seen.place != "echo" and nonces.tag_of(seen.nonce) != own:
                self.foreign.add(self._foreign(observation, seen))

    def _foreign(self, observation: Observation, seen: SeenNonce) -> Foreign:
        parts = nonces.parse(seen.nonce)
        origin = self._recent.get(parts.seq) if parts and parts.run == self.plan.run else None
        if origin is not None and origin.request.nonce != seen.nonce:
            origin = None
        owner = self._owners_of_tags.get(parts.tag) if parts else None
        return Foreign(observation, seen, origin, owner)

    # ------------------------------------------------------------------ counters

    def _note_process(self, observation: Observation, by_process: dict[str, list[Observation]]) -> None:
        witness = observation.witness
        if witness is None or witness.execution_environment_id is None or witness.invocation_count is None:
            return
        process = self.processes.get(witness.execution_environment_id)
        if process is None:
            process = Process(id=witness.execution_environment_id)
            self.processes[process.id] = process
        self.counted += 1
        if not process.counts.add(witness.invocation_count):
            earlier = self._same_count(observation, process)
            own = witness.nonce is not None and (
                earlier is None or (earlier.witness is not None and earlier.witness.nonce is not None)
            )
            self.clones.add(Disorder(earlier, observation, own))
        if observation.request.tenant is not None:
            process.tenants.add(observation.request.tenant)
        process.last = observation
        by_process.setdefault(process.id, []).append(observation)

    def _same_count(self, observation: Observation, process: Process) -> Observation | None:
        witness = observation.witness
        for earlier in reversed(self._recent.values()):
            if (
                earlier is not observation
                and earlier.witness is not None
                and witness is not None
                and earlier.witness.execution_environment_id == process.id
                and earlier.witness.invocation_count == witness.invocation_count
            ):
                return earlier
        return None

    def _counter_order(self, process: Process, observations: list[Observation]) -> None:
        """Find counts that contradict real time: a higher one returned before a lower one was called. A count
        back at the base is a restart."""
        highest = process.highest
        restarted_ns = -1
        ended = sorted(observations, key=lambda o: o.end_ns)
        position = 0
        for later in sorted(observations, key=lambda o: o.call_ns):
            if _count(later) <= 1:
                highest, restarted_ns = None, later.call_ns
            while position < len(ended) and ended[position].end_ns < later.call_ns:
                candidate = ended[position]
                position += 1
                if candidate.call_ns >= restarted_ns and (
                    highest is None or _count(candidate) > _count(highest)
                ):
                    highest = candidate
            if highest is not None and _count(highest) > _count(later):
                self.disorders.add(Disorder(highest, later, own_nonces=False))
        alive = [o for o in observations if o.call_ns >= restarted_ns]
        process.highest = max(alive + ([highest] if highest is not None else []), key=_count)

    def _overcount(self, process: Process, observations: list[Observation]) -> None:
        """Note a count above everything this run ever sent for its tenant."""
        highest = max(observations, key=_count)
        tenant = highest.request.tenant
        sent = sum(self.tenants[index].requests for index in process.tenants)
        if tenant is not None and _count(highest) > sent:
            self.overcounts.add(highest)

    # ------------------------------------------------------------------ views

    def environments_of(self, tenant: int) -> int:
        """Environments (by the shown identity) that answered this tenant."""
        return sum(tenant in each.latest for each in self.by_field[self.shown_identity()].values())

    def shared(self) -> Iterator[tuple[Environment, Observation, Observation]]:
        """Every environment, by each identity, that answered more than one tenant, with two neighbouring
        observations of different tenants."""
        for name in IDENTITIES:
            for environment in self.by_field[name].values():
                for earlier, later in environment.crossings:
                    yield environment, earlier, later


def _count(observation: Observation) -> int:
    count = observation.witness.invocation_count if observation.witness else None
    return count if count is not None else 0
