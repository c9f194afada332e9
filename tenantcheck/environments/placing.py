"""Where each answer belongs: the environments by each identity, and what was known of them before a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from msgspec import Struct

from tenantcheck.model import IDENTITIES, IdentityField, Observation, Witness

_TENANTS_PER_ENVIRONMENT = 16

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


#: One place per identity, in the order of `IDENTITIES`.
Places = tuple[Place | None, Place | None, Place | None]


class Placing:
    """The environments by each identity.

    Identities that have only ever come together share one `Environment`, and the answers of one share one `Place`:
    on a healthy function an answer costs one look-up. They part when one of them comes with others.
    """

    def __init__(self) -> None:
        self.by_field: dict[IdentityField, dict[str, Environment]] = {name: {} for name in IDENTITIES}
        self.missing: dict[IdentityField, int] = dict.fromkeys(IDENTITIES, 0)
        """Served answers with a witness that does not carry the identity."""
        self._together: dict[Identities, Environment] = {}

    def place(self, observation: Observation, witness: Witness, tenant: int) -> Places:
        """Place one answer, and note it."""
        identities = (witness.execution_environment_id, witness.sandbox_id, witness.log_stream_name)
        environment = self._together.get(identities)
        if environment is not None:
            place = Place(environment.owner, True, environment.last_end_ns)
        else:
            values = {name: value for name, value in zip(IDENTITIES, identities, strict=True) if value is not None}
            if not values or any(value in self.by_field[name] for name, value in values.items()):
                return self._each(identities, observation, tenant)
            place = Place(tenant, False, 0)
            environment = Environment(id=next(iter(values.values())), owner=tenant, together=identities)
            self._together[identities] = environment
            for name, value in values.items():
                self.by_field[name][value] = environment
        environment.answered(observation, tenant)
        one, two, three = identities
        if one is not None and two is not None and three is not None:
            return place, place, place
        if observation.outcome == "served":
            self._note_missing(identities)
        return (
            place if one is not None else None,
            place if two is not None else None,
            place if three is not None else None,
        )

    def _note_missing(self, identities: Identities) -> None:
        for name, value in zip(IDENTITIES, identities, strict=True):
            if value is None:
                self.missing[name] += 1

    def _each(self, identities: Identities, observation: Observation, tenant: int) -> Places:
        """Places of identities of which one has come with others before."""
        one, two, three = (
            self._one(name, value, observation, tenant) for name, value in zip(IDENTITIES, identities, strict=True)
        )
        return one, two, three

    def _one(self, name: IdentityField, value: str | None, observation: Observation, tenant: int) -> Place | None:
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

    def shared(self) -> Iterator[tuple[Environment, Observation, Observation]]:
        """Every environment, by each identity, that answered more than one tenant, with two neighbouring
        observations of different tenants."""
        for name in IDENTITIES:
            for environment in self.by_field[name].values():
                for earlier, later in environment.crossings:
                    yield environment, earlier, later
