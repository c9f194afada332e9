"""Group observations once, for evidence and checks: which environment answered whom.

State is kept per environment and tenant, never per observation, so that a million observations fit. A wave is
grouped when it has ended; what was decided then is not revised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from tenantcheck.judge.environments.continuity import Continuity
from tenantcheck.judge.environments.exercised import Exercised
from tenantcheck.judge.environments.identities import Identities
from tenantcheck.judge.environments.meetings import Meetings
from tenantcheck.judge.environments.placing import Environment, Places, Placing
from tenantcheck.judge.environments.processes import Processes
from tenantcheck.judge.environments.recent import Recent
from tenantcheck.judge.environments.tallies import KEPT, Kept, Latencies
from tenantcheck.model import (
    FRAME,
    IDENTITIES,
    REFUSED,
    WAVE,
    Control,
    IdentityField,
    Observation,
    Plan,
    SeenNonce,
    Witness,
)
from tenantcheck.model import nonce as nonces

_MOST_VERSIONS = 8
_MOST_PURPOSES = 32
#: Names of one tenant that are told apart.
_NAMES = 4
_SEQ = attrgetter("request.seq")
_SLOT = attrgetter("request.slot")
_CALLED = attrgetter("call_ns")
_ENDED = attrgetter("end_ns")


class Grouped(NamedTuple):
    """One ended wave: observations, and the places of each, in step."""

    observations: Sequence[Observation]
    """In drawn order for ordered waves, in call order for the others."""
    places: Sequence[Places | None]
    """None for an answer without a witness of its own, and for requests that belong to nobody for certain."""
    field: int | None
    """Position in `IDENTITIES` of the identity that the past had singled out when the wave began."""


class Framed(NamedTuple):
    """A request that attacks the boundary, and the ordinary requests of the same tenant before and after it."""

    observation: Observation
    before: Observation | None = None
    after: Observation | None = None

    @property
    def proves(self) -> bool:
        """Whether both were served: only then a refusal in between means anything."""
        return all(each is not None and each.outcome == "served" for each in (self.before, self.after))


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
    refused: int = 0
    """Requests that were refused in front of the handler, which did not run."""
    names: dict[str, Observation] = field(default_factory=dict)
    """Names of the tenant that the handler saw, each with the first answer (a bounded number of them)."""
    ordered_witnesses: int = 0
    cold_starts: int = 0
    latencies: Latencies = field(default_factory=Latencies)

    @property
    def uncounted(self) -> int:
        """Requests whose answer carried no count: each may have been an invocation that left no trace."""
        return self.requests - self.counted - self.refused


class Environments:
    """Observations grouped by identity, process and tenant."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        people = plan.everyone()
        self._tags = {tenant.index: nonces.tag(tenant.id) for tenant in people}
        self._owners_of_tags = {tag: index for index, tag in self._tags.items()}
        self._placing = Placing()
        self.people = people
        self.processes = Processes()
        self.identities = Identities()
        self.continuity = Continuity()
        self.meetings = Meetings()
        self.exercised = Exercised()
        self.tenants = [TenantState() for _ in people]
        self.outcomes: Counter[str] = Counter()
        self.purposes: dict[str, list[Framed]] = {}
        self.openings = 0
        self.kinds: set[str] = set()
        """Kinds of wave that were sent."""
        self.control: Control | None = None
        """How a function that does not isolate came out, where one was asked."""
        self.cached = 0
        """Answers that came out of a cache, by its own word."""
        self.whole = True
        """Every request that was sent has its record here, as far as the history itself can tell."""
        self.versions: set[str] = set()
        self.requests = 0
        self.waves = 0
        self.last_end_ns = 0
        self.witnesses = 0
        self.reuses = 0
        """Requests served by an environment that had served an earlier one."""
        self._never_read: Sequence[str] = Witness.__struct_fields__
        self.could_share = 0
        """Witnessed requests called after another tenant's environment was known."""
        self.tenant_reports = 0
        self.tenantless: Kept[Observation] = Kept()
        """Answers whose handler reported a tenant that is null or empty."""
        self.nameless: Kept[Observation] = Kept()
        """Served answers with a witness that has no tenant at all."""
        self.wrong_tenant: Kept[Observation] = Kept()
        self.could_collapse = 0
        self.foreign: Kept[Foreign] = Kept()
        self.could_carry = 0
        """Responses that showed nonces, after another tenant's request had ended."""
        self.replays: Kept[Foreign] = Kept()
        self.replays_within = 0
        self.echoes = 0
        self._for_nobody = 0
        """Requests without a tenant, or forged, whose answer shows no count: each may have been served by any
        environment."""
        self._recent = Recent()
        self._ended_tenants: set[int] = set()

    # ------------------------------------------------------------------ what was concluded

    @property
    def by_field(self) -> dict[IdentityField, dict[str, Environment]]:
        """Every environment, by each identity."""
        return self._placing.by_field

    @property
    def fields_read(self) -> set[str]:
        """Fields of `Witness` that some answer carried."""
        return set(Witness.__struct_fields__).difference(self._never_read)

    @property
    def discredited(self) -> frozenset[str]:
        """Identities that were shown not to name one environment."""
        broken: set[str] = set(self.identities.contradictions)
        if self.processes.clones.total or self.processes.disorders.total:
            broken.add("execution_environment_id")
        return frozenset(broken)

    @property
    def constants(self) -> tuple[IdentityField, ...]:
        """Discredited identities that are the same in every answer, whoever was asked for."""
        return tuple(
            name
            for name in IDENTITIES
            if name in self.discredited
            and len(self.by_field[name]) == 1
            and len(next(iter(self.by_field[name].values())).latest) > 1
        )

    @property
    def renamed(self) -> dict[int, str]:
        """The other name of each tenant, where the handler calls them consistently so, one to one; else empty."""
        names = {n: next(iter(state.names)) for n, state in enumerate(self.tenants) if len(state.names) == 1}
        if any(len(state.names) > 1 for state in self.tenants) or len(set(names.values())) < len(names):
            return {}
        renamed = {index: name for index, name in names.items() if name != self.people[index].expect}
        ours = {name for person in self.people for name in (person.id, person.expect)}
        told = any(self.people[index].expect != self.people[index].id for index in renamed)
        return {} if told or ours & set(renamed.values()) else renamed

    def person_named(self, name: str) -> int | None:
        """Index of the tenant that the handler calls so."""
        called = {other: index for index, other in self.renamed.items()}
        if name in called:
            return called[name]
        return next((person.index for person in self.people if person.expect == name), None)

    def identity(self) -> IdentityField | None:
        """The identity evidence stands on: the first that every served witness carried so far and nothing has
        discredited. None where there is none."""
        return next((name for name in IDENTITIES if self._may_carry(name)), None)

    def _may_carry(self, name: IdentityField) -> bool:
        return not self._placing.missing[name] and name not in self.discredited

    def shown_identity(self) -> IdentityField:
        """The identity that reports count environments by, even where it carries no evidence."""
        most: IdentityField = max(IDENTITIES, key=lambda name: len(self.by_field[name]))
        chosen = self.identity()
        return chosen if chosen is not None and self.by_field[chosen] else most

    # ------------------------------------------------------------------ grouping

    def add(self, wave: Sequence[Observation]) -> Grouped:
        """Group one ended wave."""
        chosen = self.identity()
        # One key after the other: as a rule nothing is left to sort, and none has to be made of several.
        ordered = sorted(wave, key=_SEQ)
        ordered.sort(key=_SLOT)
        if wave and wave[0].request.kind != "ordered":
            ordered.sort(key=_CALLED)
        self.waves += 1
        self.requests += len(ordered)
        self.last_end_ns = max(self.last_end_ns, max(map(_ENDED, ordered), default=0))
        self._recent.wave = ordered
        places: list[Places | None] = []
        for position, observation in enumerate(ordered):
            self._recent.position = position
            places.append(self._one(observation))
        self._recent.wave_ended()
        self.processes.wave_ended([state.requests for state in self.tenants], self._for_nobody)
        self._outside(ordered)
        if wave and wave[0].request.kind == "ordered":
            self.continuity.add(ordered, self.processes.step)
        self.kinds.update(o.request.kind for o in wave[:1])
        self.openings += bool(wave) and wave[0].request.kind == "opening"
        if len(self._ended_tenants) < len(self.people):
            self._ended_tenants.update(o.request.tenant for o in wave if o.request.tenant is not None)
        field = None if chosen is None else IDENTITIES.index(chosen)
        self._follow(ordered, places, IDENTITIES.index(self.shown_identity()) if field is None else field)
        return Grouped(ordered, places, field)

    def _follow(self, wave: Sequence[Observation], places: Sequence[Places | None], field: int) -> None:
        """Note how far the wave went, by one identity, and what it hides."""
        called = sorted(zip(wave, places, strict=True), key=lambda each: each[0].call_ns)
        self.exercised.add([(observation, each[field] if each is not None else None) for observation, each in called])
        for observation, each in called:
            tenant = observation.request.tenant
            place = each[field] if each is not None else None
            if each is None or place is None or tenant is None:
                continue
            if place.known and place.owner == tenant:
                self.meetings.alive(observation, place, tenant)
            elif not any(by_one is not None and by_one.known for by_one in each):
                self.meetings.new(observation, tenant)

    def _outside(self, wave: Sequence[Observation]) -> None:
        """Keep the requests outside the waves, each with the ordinary ones before and after it."""
        before: Observation | None = None
        open_: list[Observation] = []
        for observation in wave:
            purpose = observation.request.purpose
            if purpose == WAVE:
                return
            if purpose != FRAME:
                open_.append(observation)
                continue
            for each in open_:
                self._keep_purpose(Framed(each, before, observation))
            before, open_ = observation, []
        for each in open_:
            self._keep_purpose(Framed(each, before))

    def _one(self, observation: Observation) -> Places | None:
        request, witness = observation.request, observation.witness
        tenant = request.tenant
        if observation.headers:
            self._keep_version(observation)
        if tenant is None or request.sent.forged:
            if not self.processes.note_for_nobody(observation):
                self._for_nobody += 1
            return None
        outcome = observation.outcome
        self.outcomes[outcome] += 1
        self.cached += observation.cached
        state = self.tenants[tenant]
        state.requests += 1
        if outcome in (*REFUSED, "throttled") and (witness is None or witness.invocation_count is None):
            state.refused += 1
        if outcome in _ANSWERED:
            state.answered += 1
            state.latencies.add(observation.end_ns - observation.call_ns)
        replay = False
        if witness is not None and witness.nonce is not None:
            self.echoes += 1
            replay = witness.nonce != request.nonce
            if replay and self._replayed(observation, witness.nonce, tenant):
                return None  # what another tenant's response carries is found already
        if observation.seen or (witness is not None and witness.residue_read):
            self._shown_nonces(observation, tenant)
        if witness is None or replay:
            return None
        return self._witnessed(observation, witness, tenant, state)

    def _witnessed(self, observation: Observation, witness: Witness, tenant: int, state: TenantState) -> Places:
        """Place an answer with a witness of its own."""
        if observation.request.kind == "ordered" and observation.outcome == "served":
            state.ordered_witnesses += 1
        if self.processes.note(observation, tenant, state.requests, self._recent):
            state.counted += 1
        self.identities.note(observation)
        self.witnesses += 1
        self._reported_tenant(observation, witness, tenant)
        if self._other_tenant_known(tenant):
            self.could_share += 1
        for name in self._never_read:
            value = getattr(witness, name)
            if value is not None and value is not False:
                self._never_read = tuple(each for each in self._never_read if each != name)
        places = self._placing.place(observation, witness, tenant)
        known = new = False
        for place in places:
            if place is not None:
                known |= place.known
                new |= not place.known
        self.reuses += known
        count, platform = witness.invocation_count, observation.platform
        initialised = platform is not None and platform.init_ms is not None
        if initialised or (new and count is not None and count <= 1):
            state.cold_starts += 1
        return places

    def _keep_purpose(self, framed: Framed) -> None:
        purpose = framed.observation.request.purpose
        if purpose not in self.purposes and len(self.purposes) >= _MOST_PURPOSES:
            return
        kept = self.purposes.setdefault(purpose, [])
        if len(kept) < KEPT:
            kept.append(framed)

    def _keep_version(self, observation: Observation) -> None:
        version = observation.headers.get("x-amz-executed-version")
        if version and len(self.versions) < _MOST_VERSIONS:
            self.versions.add(version[:64])

    def _other_tenant_known(self, tenant: int) -> bool:
        return len(self._ended_tenants) > 1 or bool(self._ended_tenants - {tenant})

    # ------------------------------------------------------------------ tenants and nonces

    def _reported_tenant(self, observation: Observation, witness: Witness, tenant: int) -> None:
        person = self.people[tenant]
        if person.sibling is not None:
            self.could_collapse += 1
        if witness.tenant_null:
            self.tenantless.add(observation)
            return
        if witness.tenant_id is None:
            if observation.outcome == "served":
                self.nameless.add(observation)
            return
        self.tenant_reports += 1
        names = self.tenants[tenant].names
        if witness.tenant_id not in names and len(names) < _NAMES:
            names[witness.tenant_id] = observation
        if witness.tenant_id != person.expect:
            self.wrong_tenant.add(observation)

    def _replayed(self, observation: Observation, echoed: str, tenant: int) -> bool:
        """Note the echo of another request; True when that one was another tenant's."""
        if nonces.tag_of(echoed) == self._tags[tenant]:
            self.replays_within += 1
            return False
        self._keep_foreign(self.replays, observation, SeenNonce(nonce=echoed, place="echo"))
        return True

    def _shown_nonces(self, observation: Observation, tenant: int) -> None:
        """Look at the nonces that a response shows."""
        if self._other_tenant_known(tenant):
            self.could_carry += 1
        for seen in observation.seen:
            if seen.place != "echo" and nonces.tag_of(seen.nonce) not in (self._tags[tenant], _NOBODY):
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
        return self._placing.shared()


_ANSWERED = frozenset({"served", "no-witness", "function-error"})
#: The tag of requests that were sent without a tenant: their nonces are nobody's data.
_NOBODY = nonces.tag(None)
