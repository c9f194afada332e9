"""Tenants: what was sent for each, what came of it, and the names that the handler calls them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tenantcheck.judge.environments.tallies import FirstFew, Latencies
from tenantcheck.model import REFUSED, Observation, Plan, Witness

#: Names of one tenant that are told apart.
_NAMES = 4
_ANSWERED = frozenset({"served", "no-witness", "function-error"})
_NOT_RUN = frozenset({*REFUSED, "throttled"})


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
    cold_latencies: Latencies = field(default_factory=Latencies)
    """Those of its cold starts."""

    @property
    def uncounted(self) -> int:
        """Requests whose answer carried no count: each may have been an invocation that left no trace."""
        return self.requests - self.counted - self.refused


class People:
    """Everybody whom a plan sends requests for, by index: its tenants, then its newcomers."""

    def __init__(self, plan: Plan) -> None:
        self.everyone = plan.everyone()
        self.states = [TenantState() for _ in self.everyone]
        self.reports = 0
        """Answers whose handler named the tenant it saw."""
        self.tenantless: FirstFew[Observation] = FirstFew()
        """Answers whose handler reported a tenant that is null or empty."""
        self.nameless: FirstFew[Observation] = FirstFew()
        """Served answers with a witness that has no tenant at all."""
        self.misnamed: FirstFew[Observation] = FirstFew()
        """Answers whose handler saw another tenant than the one expected."""
        self.could_collapse = 0
        """Answers to an id that looks like another one."""
        self.for_nobody = 0
        """Requests without a tenant, or forged, whose answer shows no count: each may have been served by any
        environment."""

    def answered(self, observation: Observation, tenant: int) -> TenantState:
        """Count a request that was sent for this tenant."""
        state = self.states[tenant]
        state.requests += 1
        witness = observation.witness
        if observation.outcome in _NOT_RUN and (witness is None or witness.invocation_count is None):
            state.refused += 1
        if observation.outcome in _ANSWERED:
            state.answered += 1
            state.latencies.add(observation.end_ns - observation.call_ns)
        return state

    def reported(self, observation: Observation, witness: Witness, tenant: int) -> None:
        """Look at the tenant that the handler saw."""
        person = self.everyone[tenant]
        if person.sibling is not None:
            self.could_collapse += 1
        if witness.tenant_null:
            self.tenantless.add(observation)
            return
        if witness.tenant_id is None:
            if observation.outcome == "served":
                self.nameless.add(observation)
            return
        self.reports += 1
        names = self.states[tenant].names
        if witness.tenant_id not in names and len(names) < _NAMES:
            names[witness.tenant_id] = observation
        if witness.tenant_id != person.expect:
            self.misnamed.add(observation)

    def uncounted(self, tenant: int) -> int:
        """Requests that may have raised a counter of this tenant unseen: its own without a count, and those sent
        for nobody."""
        return self.states[tenant].uncounted + self.for_nobody

    @property
    def renamed(self) -> dict[int, str]:
        """The other name of each tenant, where the handler calls them consistently so, one to one; else empty."""
        names = {n: next(iter(state.names)) for n, state in enumerate(self.states) if len(state.names) == 1}
        if any(len(state.names) > 1 for state in self.states) or len(set(names.values())) < len(names):
            return {}
        renamed = {index: name for index, name in names.items() if name != self.everyone[index].expect}
        ours = {name for person in self.everyone for name in (person.id, person.expect)}
        told = any(self.everyone[index].expect != self.everyone[index].id for index in renamed)
        return {} if told or ours & set(renamed.values()) else renamed

    def named(self, name: str) -> int | None:
        """Index of the tenant that the handler calls so."""
        called = {other: index for index, other in self.renamed.items()}
        if name in called:
            return called[name]
        return next((person.index for person in self.everyone if person.expect == name), None)
