"""Where each answer belongs: the environments by each identity, and what was known of them before a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec import Struct

from tenantcheck.model import IDENTITIES, IdentityField, Observation, Witness

_TENANTS_PER_ENVIRONMENT = 16


@dataclass(slots=True)
class Environment:
    """Everything that one identity value answered."""

    id: str
    owner: int
    """Index of the tenant it met first."""
    last_end_ns: int = 0
    first_call_ns: int = 0
    answers: int = 0
    latest: dict[int, Observation] = field(default_factory=dict)
    """Newest observation of each tenant (a bounded number of them)."""
    crossings: list[tuple[Observation, Observation]] = field(default_factory=list)
    """An observation and the next one of another tenant; the first few."""

    def answered(self, observation: Observation, tenant: int) -> None:
        """It gave one more answer."""
        if not self.answers:
            self.first_call_ns = observation.call_ns
        self.answers += 1
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


class Place(Struct, frozen=True, gc=False):
    """Where one identity of an observation puts it, as known before the request."""

    owner: int
    """Index of the tenant that its environment met first."""
    known: bool
    idle_since_ns: int
    """End of the environment's latest earlier answer; 0 when it is new."""


#: Where one observation belongs: a place per identity, in the order of `IDENTITIES`.
Placed = tuple[Place | None, Place | None, Place | None]


class Places:
    """The environments by each identity."""

    def __init__(self) -> None:
        self.by_field: dict[IdentityField, dict[str, Environment]] = {name: {} for name in IDENTITIES}
        self.missing: dict[IdentityField, int] = dict.fromkeys(IDENTITIES, 0)
        """Served answers with a witness that does not carry the identity."""

    def place(self, observation: Observation, witness: Witness, tenant: int) -> Placed:
        """Place one answer, and note it."""
        return (
            self._place("execution_environment_id", witness.execution_environment_id, observation, tenant),
            self._place("sandbox_id", witness.sandbox_id, observation, tenant),
            self._place("log_stream_name", witness.log_stream_name, observation, tenant),
        )

    def _place(self, name: IdentityField, value: str | None, observation: Observation, tenant: int) -> Place | None:
        if value is None:
            if observation.outcome == "served":
                self.missing[name] += 1
            return None
        environment = self.by_field[name].get(value)
        if environment is None:
            environment = self.by_field[name][value] = Environment(id=value, owner=tenant)
            place = Place(tenant, False, 0)
        else:
            place = Place(environment.owner, True, environment.last_end_ns)
        environment.answered(observation, tenant)
        return place

    def shared(self) -> Iterator[tuple[Environment, Observation, Observation]]:
        """Every environment, by each identity, that answered more than one tenant, with two neighbouring
        observations of different tenants."""
        for name in IDENTITIES:
            for environment in self.by_field[name].values():
                for earlier, later in environment.crossings:
                    yield environment, earlier, later
