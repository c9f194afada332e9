"""The faults of one lab: the place its parts ask."""

from __future__ import annotations

import difflib
import math
import random
from collections.abc import Callable, Sequence

from tenantcheck.errors import UsageError
from tenantcheck.lab.faults.fault import ActiveFault, Candidate, Fault, Parameters, Passing, Sent, Situation
from tenantcheck.lab.faults.known import FAULTS


class Faults:
    """The active faults, combined: what any one of them does is done."""

    def __init__(self, active: Sequence[ActiveFault] = (), rng: random.Random | None = None) -> None:
        self.active = active
        self.random = rng or random.Random()  # noqa: S311 - chance, no secret
        self._chosen: str | None = None
        self._ranks: dict[str, int] = {}
        """Ids in the order in which they came."""

    def __bool__(self) -> bool:
        return bool(self.active)

    def first(self, hook: Callable[[Fault], object]) -> ActiveFault | None:
        """The first active fault that has this hook."""
        return next((each for each in self.active if hook(each.fault)), None)

    @property
    def swaps(self) -> bool:
        """Whether simultaneous cold starts are booked on each other."""
        return self.first(lambda fault: fault.swaps) is not None

    @property
    def accepts(self) -> bool:
        """Whether ids are not refused for their characters."""
        return self.first(lambda fault: fault.accepts) is not None

    @property
    def caches(self) -> bool:
        """Whether the front caches responses under their URL."""
        return self.first(lambda fault: fault.caches) is not None

    def key(self, tenant: str, sent: Sent | None = None) -> str:
        """What a request's environments are filed under."""
        rank = self._ranks.setdefault(tenant, len(self._ranks))
        key = tenant
        for each in self.active:
            fault, parameters = each.fault, each.parameters
            if fault.key is not None:
                key = fault.key(key, parameters)
            if fault.ranked_key is not None:
                key = fault.ranked_key(key, rank, parameters)
            if fault.affinity is not None and sent is not None:
                key = fault.affinity(sent, parameters)
            if fault.strays is not None and fault.strays(self.random, parameters):
                key = ""
            if fault.backends > 1 and sent is not None:
                key = f"{key} at {sum(sent.connection.encode()) % fault.backends}"
        return key

    def takes(self) -> Candidate:
        """Which idle environment of another tenant is the one that may be stolen."""
        thief = self.first(lambda fault: fault.steals)
        return thief.fault.takes if thief is not None else "idle longest"

    def steals(self, situation: Situation) -> ActiveFault | None:
        """The fault that gives this request the foreign environment."""
        for each in self.active:
            if each.fault.steals is not None and each.fault.steals(situation, each.parameters):
                return each
        return None

    def image(self, number: int, first: int) -> int:
        """Which memory image environment `number` starts from, where `first` is its tenant's first one."""
        for each in self.active:
            if each.fault.image is not None:
                return each.fault.image(number, first)
        return number

    @property
    def packed(self) -> int:
        """Requests that one environment serves at once."""
        packing = self.first(lambda fault: fault.packs)
        return int(packing.parameters["k"]) if packing is not None else 1

    def tenant(self, sent: Sent) -> str | None:
        """The tenant that the front maps. Two ids are combined as HTTP combines header lines (RFC 9110, 5.3): the
        result is no valid id."""
        sent = sent._replace(ids=[self._read(id_) for id_ in sent.ids])
        tenant = ", ".join(sent.ids) if sent.ids else None
        for each in self.active:
            if each.fault.maps is not None:
                tenant = each.fault.maps(sent)
        return tenant

    def _read(self, id_: str) -> str:
        for each in self.active:
            if each.fault.reads is not None:
                id_ = each.fault.reads(id_)
        return id_

    def handler_variants(self) -> tuple[str, ...]:
        """Names of the faults that the built-in handler carries out."""
        return tuple(each.fault.name for each in self.active if each.fault.handler)

    def throttled(self, tenant: str | None) -> bool:
        """Whether a request is refused for going too fast."""
        return self._strikes(tenant, lambda each: each.fault.throttles)

    def dropped(self, tenant: str | None) -> bool:
        """Whether a connection is closed before the request is looked at."""
        return self._strikes(tenant, lambda each: each.fault.drops)

    def crashed(self, tenant: str | None) -> bool:
        """Whether an environment gets a new process before this request."""
        return self._strikes(tenant, lambda each: each.fault.crashes)

    def lost(self, tenant: str | None) -> bool:
        """Whether a connection is closed instead of answering."""
        return self._strikes(tenant, lambda each: each.fault.loses)

    def _strikes(
        self,
        tenant: str | None,
        hook: Callable[[ActiveFault], Callable[[Passing, Parameters], bool] | None],
    ) -> bool:
        hooks = [(found, each.parameters) for each in self.active if (found := hook(each)) is not None]
        return bool(hooks) and any(found(self._passing(tenant), parameters) for found, parameters in hooks)

    def delay_s(self, tenant: str | None) -> float:
        """How much later a request arrives."""
        return sum(
            each.fault.delays_s(self._passing(tenant), each.parameters)
            for each in self.active
            if each.fault.delays_s is not None
        )

    def distance_s(self) -> float:
        """How long a request travels, and its answer again."""
        return sum(
            each.fault.distance_s(each.parameters) for each in self.active if each.fault.distance_s is not None
        )

    @property
    def merges(self) -> bool:
        """Whether the front merges requests for one URL that are in flight together."""
        return self.first(lambda fault: fault.merges) is not None

    def resent(self) -> int:
        """How often what the handler refuses is sent again."""
        resending = self.first(lambda fault: fault.resends)
        return int(resending.parameters["n"]) if resending is not None else 0

    @property
    def mirrors(self) -> str | None:
        """The tenant that gets a copy of every request: the first that the lab was asked for."""
        return self._chosen if self.first(lambda fault: fault.mirrors) is not None else None

    def choose(self, tenant: str | None) -> None:
        """Let this tenant be the one that some faults are about, unless there is one already."""
        if self._chosen is None:
            self._chosen = tenant

    @property
    def sets_cookie(self) -> bool:
        """Whether every answer sets a cookie."""
        return self.first(lambda fault: fault.sets_cookie) is not None

    def start_s(self) -> float:
        """How much longer a cold start takes."""
        return sum(each.fault.starts_s(each.parameters) for each in self.active if each.fault.starts_s is not None)

    def retired(self, answers: int) -> bool:
        """Whether an environment ends after so many answers."""
        return any(
            each.fault.retires(answers, each.parameters) for each in self.active if each.fault.retires is not None
        )

    def _passing(self, tenant: str | None) -> Passing:
        self.choose(tenant)
        return Passing(chosen=tenant is not None and tenant == self._chosen, rng=self.random)


def _problem(name: str, value: float) -> str | None:
    """What a parameter has to be and is not."""
    if name == "p" and not 0 <= value <= 1:
        return "between 0 and 1"
    if name in ("k", "n") and not (value >= 1 and value.is_integer()):
        return "a whole number, 1 or more"
    return None if 0 <= value < math.inf else "0 or more, and finite"


def parse_fault(text: str) -> ActiveFault:
    """`NAME` or `NAME:param=value,…`. Raises `UsageError`."""
    name, _, rest = text.partition(":")
    fault = next((fault for fault in FAULTS if fault.name == name), None)
    if fault is None:
        names = [fault.name for fault in FAULTS]
        like = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean {like[0]}?" if like else f"Faults: {', '.join(names)}."
        raise UsageError(f"there is no fault '{name}'", hint)
    parameters = dict(fault.defaults)
    for part in rest.split(",") if rest else ():
        key, equals, value = part.partition("=")
        if key not in parameters or not equals:
            known = ", ".join(parameters) or "it has none"
            raise UsageError(f"--fault {text}: '{key}' is not a parameter of {name}", f"Parameters: {known}.")
        try:
            parameters[key] = float(value)
        except ValueError as error:
            raise UsageError(f"--fault {text}: {key} must be a number") from error
        problem = _problem(key, parameters[key])
        if problem:
            raise UsageError(f"--fault {text}: {key} must be {problem}")
    return ActiveFault(fault=fault, parameters=parameters)
