"""Group observations once, for evidence and checks: which environment answered whom.

State is kept per environment and tenant, never per observation, so that a million observations fit. A wave is
grouped when it has ended; what was decided then is not revised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from tenantcheck.judge.environments.attacks import Attacks
from tenantcheck.judge.environments.claims import Claims
from tenantcheck.judge.environments.continuity import Continuity
from tenantcheck.judge.environments.exercised import Exercised
from tenantcheck.judge.environments.identities import Identities
from tenantcheck.judge.environments.meetings import Meetings
from tenantcheck.judge.environments.people import People, TenantState
from tenantcheck.judge.environments.places import Placed, Places
from tenantcheck.judge.environments.processes import Processes
from tenantcheck.judge.environments.recent import Recent
from tenantcheck.judge.environments.shown_nonces import ShownNonces
from tenantcheck.model import IDENTITIES, Control, Observation, Plan, Witness
from tenantcheck.model.sighted import may_have_run

_MOST_VERSIONS = 8
#: Different problems with a field of the witness that are told apart.
_MOST_PROBLEMS = 16
_SEQ = attrgetter("request.seq")
_SLOT = attrgetter("request.slot")
_CALLED = attrgetter("call_ns")
_ENDED = attrgetter("end_ns")


class Grouped(NamedTuple):
    """One ended wave: observations, and the places of each, in step."""

    observations: Sequence[Observation]
    """In drawn order for ordered waves, in call order for the others."""
    places: Sequence[Placed | None]
    """None for an answer without a witness of its own, and for requests that belong to nobody for certain."""
    field: int | None
    """Position in `IDENTITIES` of the identity that the past had singled out when the wave began."""


class Environments:
    """Observations grouped by subject: places, processes, nonces, people. Each subject stands in a file of its own;
    here is the one pass that hands every observation to them, and what is counted over all."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._recent = Recent()
        self.places = Places()
        self.processes = Processes()
        self.identities = Identities(self.places, self.processes, from_logs=plan.witness_from == "logs")
        self.claims = Claims()
        self.people = People(plan)
        self.nonces = ShownNonces(plan, self._recent)
        self.attacks = Attacks()
        self.continuity = Continuity()
        self.meetings = Meetings()
        self.exercised = Exercised()
        self.outcomes: Counter[str] = Counter()
        self.openings = 0
        self._opening_errors = 0
        """Function errors up to the end of the first opening."""
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
        self.ran = self.untold = 0
        """Requests that the function answered, and those among them whose environment is not known."""
        self.waves = 0
        self.last_end_ns = 0
        self.witnesses = 0
        self.reuses = 0
        """Requests served by an environment that had served an earlier one."""
        self.could_share = 0
        """Witnessed requests called after another tenant's environment was known."""
        self.field_problems: dict[str, str] = {}
        """Why a field of the witness could not be used, by its name: the first problem of each."""
        self._never_read: Sequence[str] = Witness.__struct_fields__
        self._ended_tenants: set[int] = set()

    @property
    def fields_read(self) -> set[str]:
        """Fields of `Witness` that some answer carried."""
        return set(Witness.__struct_fields__).difference(self._never_read)

    def environments_of(self, tenant: int) -> int:
        """Environments, as reports count them, that answered this tenant."""
        met = self.places.by_field[self.identities.for_reports()].values()
        return sum(tenant in each.latest for each in met)

    def add(self, wave: Sequence[Observation]) -> Grouped:
        """Group one ended wave."""
        chosen = self.identities.for_evidence()
        # One key after the other: as a rule nothing is left to sort, and none has to be made of several.
        ordered = sorted(wave, key=_SEQ)
        ordered.sort(key=_SLOT)
        if wave and wave[0].request.kind != "ordered":
            ordered.sort(key=_CALLED)
        self.waves += 1
        self.requests += len(ordered)
        self.last_end_ns = max(self.last_end_ns, max(map(_ENDED, ordered), default=0))
        self._recent.wave = ordered
        places: list[Placed | None] = []
        for position, observation in enumerate(ordered):
            self._recent.position = position
            places.append(self._one(observation))
        self._recent.wave_ended()
        self.processes.wave_ended([state.requests for state in self.people.states], self.people.for_nobody)
        self.attacks.add(ordered)
        if wave and wave[0].request.kind == "ordered":
            self.continuity.add(ordered, self.processes.step)
        self.kinds.update(o.request.kind for o in wave[:1])
        if wave and wave[0].request.kind == "opening":
            self.openings += 1
            if self.openings == 1:
                self._opening_errors = self.outcomes["function-error"]
        if len(self._ended_tenants) < len(self.people.everyone):
            self._ended_tenants.update(o.request.tenant for o in wave if o.request.tenant is not None)
        field = None if chosen is None else IDENTITIES.index(chosen)
        self._follow(ordered, places, IDENTITIES.index(self.identities.for_reports()) if field is None else field)
        return Grouped(ordered, places, field)

    @property
    def function_errors(self) -> int:
        """Function errors; where the opening was sent again, those behind the first one: a function may have to warm
        up. A handler that refuses foreign tenants does so later, too."""
        return self.outcomes["function-error"] - (self._opening_errors if self.openings > 1 else 0)

    def _one(self, observation: Observation) -> Placed | None:
        request, witness = observation.request, observation.witness
        tenant = request.tenant
        self.claims.note(observation)
        if may_have_run(observation):
            self.ran += 1
            self.untold += witness is None or witness.log_stream_name is None
        if observation.headers:
            self._keep_version(observation)
        for problem in observation.witness_errors:
            self._keep_problem(problem)
        if tenant is None or request.sent.forged:
            if not self.processes.note_for_nobody(observation):
                self.people.for_nobody += 1
            return None
        self.outcomes[observation.outcome] += 1
        self.cached += observation.cached
        state = self.people.answered(observation, tenant)
        echo = witness.nonce if witness is not None else None
        if echo is not None and not self.nonces.echoed(observation, echo, tenant):
            return None  # what another tenant's response carries is found already
        if observation.seen or (witness is not None and witness.residue_read):
            self.nonces.shown(observation, tenant, others_ended=self._other_tenant_known(tenant))
        if witness is None or echo not in (None, request.nonce):
            return None
        return self._witnessed(observation, witness, tenant, state)

    def _witnessed(self, observation: Observation, witness: Witness, tenant: int, state: TenantState) -> Placed:
        """Place an answer with a witness of its own."""
        if observation.request.kind == "ordered" and observation.outcome == "served":
            state.ordered_witnesses += 1
        if self.processes.note(observation, tenant, state.requests, self._recent):
            state.counted += 1
        self.identities.note(observation)
        self.witnesses += 1
        self.people.reported(observation, witness, tenant)
        if self._other_tenant_known(tenant):
            self.could_share += 1
        for name in self._never_read:
            value = getattr(witness, name)
            if value is not None and value is not False:
                self._never_read = tuple(each for each in self._never_read if each != name)
        places = self.places.place(observation, witness, tenant)
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
            state.cold_latencies.add(observation.end_ns - observation.call_ns)
        return places

    def _follow(self, wave: Sequence[Observation], places: Sequence[Placed | None], field: int) -> None:
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

    def _keep_problem(self, problem: str) -> None:
        field, colon, why = problem.partition(": ")
        if colon and len(self.field_problems) < _MOST_PROBLEMS:
            self.field_problems.setdefault(field, why)

    def _keep_version(self, observation: Observation) -> None:
        version = observation.headers.get("x-amz-executed-version")
        if version and len(self.versions) < _MOST_VERSIONS:
            self.versions.add(version[:64])

    def _other_tenant_known(self, tenant: int) -> bool:
        return len(self._ended_tenants) > 1 or bool(self._ended_tenants - {tenant})
