"""Group observations once, for evidence and checks: which environment answered whom.

State is kept per environment and tenant, never per observation, so that a million observations fit. A wave is
grouped when it has ended; what was decided then is not revised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import NamedTuple

from tenantcheck.environments.processes import Processes
from tenantcheck.environments.recent import Recent
from tenantcheck.environments.tallies import KEPT, Kept, Latencies
from tenantcheck.model import IDENTITIES, WAVE, IdentityField, Observation, Plan, SeenNonce, Witness
from tenantcheck.model import nonce as nonces

_TENANTS_PER_ENVIRONMENT = 16
_MOST_VERSIONS = 8
_MOST_PURPOSES = 32
_DRAWN_ORDER = attrgetter("request.slot", "request.seq")
_CALL_ORDER = attrgetter("call_ns", "request.slot", "request.seq")
_WITNESS_FIELDS = len(Witness.__struct_fields__)


#: The three identities of one answer.
Identities = tuple[str | None, str | None, str | None]


@dataclass(slots=True)
class Environment:
    """Everything that one identity value answered; or several values, as long as they come together only."""

    id: str
    """The value, or the first of them."""
    owner: int
    """Index of the tenant it met first."""
    together: Identities | None = None
    """The values, where they come together."""
    last_end_ns: int = 0
    latest: dict[int, Observation] = field(default_factory=dict)
    """Newest observation of each tenant (a bounded number of them)."""
    crossings: list[tuple[Observation, Observation]] = field(default_factory=list)
    """An observation and the next one of another tenant; the first few."""

    def answered(self, observation: Observation, tenant: int) -> None:
        """It gave one more answer."""
        if observation.end_ns > self.last_end_ns:
            self.last_end_ns = observation.end_ns
        if tenant in self.latest:
            self.latest[tenant] = observation
            return
        if self.latest and len(self.crossings) < _TENANTS_PER_ENVIRONMENT:
            previous = max(self.latest.values(), key=lambda o: o.call_ns)
            self.crossings.append((previous, observation))
        if len(self.latest) < _TENANTS_PER_ENVIRONMENT:
            self.latest[tenant] = observation


class Place(NamedTuple):
    """Where one identity of an observation puts it, as known before the request."""

    owner: int
    """Index of the tenant that its environment met first."""
    known: bool
    idle_since_ns: int
    """End of the environment's latest earlier answer; 0 when it is new."""


#: One place per identity, in the order of `IDENTITIES`.
Places = tuple[Place | None, Place | None, Place | None]


class Placed(NamedTuple):
    """One observation and its places."""

    observation: Observation
    tenant: int
    places: Places


class Foreign(NamedTuple):
    """A response that carries a nonce it should not carry, and the request that nonce belongs to."""

    observation: Observation
    nonce: SeenNonce
    origin: Observation | None
    owner: int | None
    """Index of the tenant the nonce belongs to, where the plan knows it."""


@dataclass(slots=True)
class TenantState:
    """What is counted per tenant."""

    requests: int = 0
    answered: int = 0
    """Requests that the function answered, with or without a witness."""
    counted: int = 0
    """Requests whose answer carried a process id with a count."""
    ordered_witnesses: int = 0
    cold_starts: int = 0
    latencies: Latencies = field(default_factory=Latencies)

    @property
    def uncounted(self) -> int:
        """Requests whose answer carried no count: each may have been an invocation that left no trace."""
        return self.requests - self.counted


class Environments:
    """Observations grouped by identity, process and tenant."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        people = plan.everyone()
        self._tags = {tenant.index: nonces.tag(tenant.id) for tenant in people}
        self._owners_of_tags = {tag: index for index, tag in self._tags.items()}
        self.by_field: dict[IdentityField, dict[str, Environment]] = {name: {} for name in IDENTITIES}
        self._together: dict[Identities, Environment] = {}
        """Environments whose identities have only ever come together."""
        self.missing: dict[IdentityField, int] = dict.fromkeys(IDENTITIES, 0)
        self.people = people
        self.processes = Processes()
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
        self.could_collapse = 0
        self.foreign: Kept[Foreign] = Kept()
        self.could_carry = 0
        """Responses that showed nonces, after another tenant's request had ended."""
        self.replays: Kept[Foreign] = Kept()
        self.replays_within = 0
        self.echoes = 0
        self._for_nobody = 0
        """Requests without a tenant, or forged: each may have been served by any environment."""
        self._recent = Recent()
        self._ended_tenants: set[int] = set()

    # ------------------------------------------------------------------ what was concluded

    @property
    def discredited(self) -> frozenset[str]:
        """Identity fields that were shown not to name one environment."""
        broken = self.processes.clones.total or self.processes.disorders.total
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

    # ------------------------------------------------------------------ grouping

    def add(self, wave: Sequence[Observation]) -> list[Placed]:
        """Group one ended wave. Returns its grouped observations in drawn order for ordered waves, in call
        order for the others."""
        one_by_one = bool(wave) and wave[0].request.kind == "ordered"
        ordered = sorted(wave, key=_DRAWN_ORDER if one_by_one else _CALL_ORDER)
        self.waves += 1
        self._recent.wave = ordered
        placed: list[Placed] = []
        for position, observation in enumerate(ordered):
            self._recent.position = position
            where = self._one(observation)
            if where is not None:
                placed.append(where)
        self._recent.wave_ended()
        self.processes.wave_ended([state.requests for state in self.tenants], self._for_nobody)
        for observation in wave:
            if observation.request.tenant is not None:
                self._ended_tenants.add(observation.request.tenant)
        return placed

    def _one(self, observation: Observation) -> Placed | None:
        request, witness = observation.request, observation.witness
        tenant = request.tenant
        self.requests += 1
        if tenant is not None and not request.forged:
            self.outcomes[observation.outcome] += 1
        self.last_end_ns = max(self.last_end_ns, observation.end_ns)
        if request.purpose != WAVE:
            self._keep_purpose(observation)
        if observation.headers:
            self._keep_version(observation)
        if tenant is None or request.forged:
            self._for_nobody += 1
            return None
        state = self.tenants[tenant]
        state.requests += 1
        if observation.outcome in ("served", "no-witness", "function-error"):
            state.answered += 1
            state.latencies.add(observation.end_ns - observation.call_ns)
        replays = self.replays.total
        is_replay = witness is not None and self._is_replay(observation, tenant)
        if self.replays.total == replays:  # what another tenant's response carries is found already
            self._foreign_nonces(observation, tenant)
        if witness is None or is_replay:
            return None
        return self._witnessed(observation, witness, tenant)

    def _witnessed(self, observation: Observation, witness: Witness, tenant: int) -> Placed:
        """Place an answer with a witness of its own."""
        state = self.tenants[tenant]
        if observation.request.kind == "ordered" and observation.outcome == "served":
            state.ordered_witnesses += 1
        if self.processes.note(observation, self._recent):
            state.counted += 1
        self.witnesses += 1
        self._reported_tenant(observation, tenant)
        if self._other_tenant_known(tenant):
            self.could_share += 1
        if len(self.fields_read) < _WITNESS_FIELDS:
            self.fields_read.update(_carried(witness))
        identities = (witness.execution_environment_id, witness.sandbox_id, witness.log_stream_name)
        environment = self._together.get(identities)
        if environment is not None:
            place = Place(environment.owner, True, environment.last_end_ns)
            environment.answered(observation, tenant)
            places = self._alike(place, identities, observation)
            self.reuses += 1
        else:
            places = self._places(identities, observation, tenant)
            self.reuses += any(place is not None and place.known for place in places)
        self._cold_start(observation, state, places)
        return Placed(observation, tenant, places)

    def _keep_purpose(self, observation: Observation) -> None:
        purpose = observation.request.purpose
        if purpose not in self.purposes and len(self.purposes) >= _MOST_PURPOSES:
            return
        kept = self.purposes.setdefault(purpose, [])
        if len(kept) < KEPT:
            kept.append(observation)

    def _keep_version(self, observation: Observation) -> None:
        version = observation.headers.get("x-amz-executed-version")
        if version and len(self.versions) < _MOST_VERSIONS:
            self.versions.add(version[:64])

    def _other_tenant_known(self, tenant: int) -> bool:
        return len(self._ended_tenants) > 1 or bool(self._ended_tenants - {tenant})

    def _alike(self, place: Place, identities: Identities, observation: Observation) -> Places:
        """The same place for every identity that is there."""
        if None not in identities:
            return place, place, place
        if observation.outcome == "served":
            for name, value in zip(IDENTITIES, identities, strict=True):
                self.missing[name] += value is None
        one, two, three = (place if value is not None else None for value in identities)
        return one, two, three

    def _places(self, identities: Identities, observation: Observation, tenant: int) -> Places:
        """Places of identities that have not come together before."""
        values = {name: value for name, value in zip(IDENTITIES, identities, strict=True) if value is not None}
        if values and not any(value in self.by_field[name] for name, value in values.items()):
            environment = Environment(id=next(iter(values.values())), owner=tenant, together=identities)
            self._together[identities] = environment
            for name, value in values.items():
                self.by_field[name][value] = environment
            environment.answered(observation, tenant)
            return self._alike(Place(tenant, False, 0), identities, observation)
        one, two, three = (
            self._place(name, value, observation, tenant) for name, value in zip(IDENTITIES, identities, strict=True)
        )
        return one, two, three

    def _place(self, name: IdentityField, value: str | None, observation: Observation, tenant: int) -> Place | None:
        if value is None:
            if observation.outcome == "served":
                self.missing[name] += 1
            return None
        environment = self.by_field[name].get(value)
        if environment is not None and environment.together is not None:
            self._part(environment, environment.together)
            environment = self.by_field[name][value]
        known = environment is not None
        if environment is None:
            environment = self.by_field[name][value] = Environment(id=value, owner=tenant)
        place = Place(environment.owner, known, environment.last_end_ns)
        environment.answered(observation, tenant)
        return place

    def _part(self, environment: Environment, identities: Identities) -> None:
        """Give the identities of an environment a record each, now that one of them comes with others."""
        del self._together[identities]
        for name, value in zip(IDENTITIES, identities, strict=True):
            if value is None:
                continue
            self.by_field[name][value] = replace(
                environment,
                id=value,
                together=None,
                latest=dict(environment.latest),
                crossings=list(environment.crossings),
            )

    def _cold_start(self, observation: Observation, state: TenantState, places: Places) -> None:
        if observation.platform is not None and observation.platform.init_ms is not None:
            state.cold_starts += 1
            return
        first_count = observation.witness.invocation_count if observation.witness else None
        if first_count is not None and first_count <= 1:
            state.cold_starts += any(place is not None and not place.known for place in places)

    # ------------------------------------------------------------------ tenants and nonces

    def _reported_tenant(self, observation: Observation, tenant: int) -> None:
        person = self.people[tenant]
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
            self._keep_foreign(self.replays, observation, SeenNonce(nonce=echoed, place="echo"))
        return True

    def _foreign_nonces(self, observation: Observation, tenant: int) -> None:
        own = self._tags[tenant]
        shows = bool(observation.seen) or (observation.witness is not None and observation.witness.residue_read)
        if shows and self._other_tenant_known(tenant):
            self.could_carry += 1
        for seen in observation.seen:
            if seen.place != "echo" and nonces.tag_of(seen.nonce) not in (own, _NOBODY):
                self._keep_foreign(self.foreign, observation, seen)

    def _keep_foreign(self, kept: Kept[Foreign], observation: Observation, seen: SeenNonce) -> None:
        # Beyond the kept ones nobody looks at the origin: the search is spared.
        if kept.full:
            kept.total += 1
        else:
            kept.add(self._foreign(observation, seen))

    def _foreign(self, observation: Observation, seen: SeenNonce) -> Foreign:
        parts = nonces.parse(seen.nonce)
        origin = self._recent.find(parts.seq) if parts and parts.run == self.plan.run else None
        if origin is not None and origin.request.nonce != seen.nonce:
            origin = None
        owner = self._owners_of_tags.get(parts.tag) if parts else None
        return Foreign(observation, seen, origin, owner)

    # ------------------------------------------------------------------ views

    def uncounted(self, tenant: int) -> int:
        """Requests that may have raised a counter of this tenant unseen: its own without a count, and those sent
        for nobody."""
        return self.tenants[tenant].uncounted + self._for_nobody

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


#: The tag of requests that were sent without a tenant: their nonces are nobody's data.
_NOBODY = nonces.tag(None)


def _carried(witness: Witness) -> Iterator[str]:
    """Names of the fields that a witness carries."""
    for name in witness.__struct_fields__:
        value = getattr(witness, name)
        if value is not None and value is not False:
            yield name
