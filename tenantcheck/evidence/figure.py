"""Evidence of a run, counted wave by wave.

Which identity it stands on is known only at the end (every witness must carry it, nothing may have discredited
it), so all three are counted: together, as long as they agree on every request, side by side from then on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import NamedTuple

from tenantcheck.environments import Environments, Grouped
from tenantcheck.evidence.opportunities import Opportunities
from tenantcheck.evidence.pairs import PairProducts, needed_requests
from tenantcheck.model import IDENTITIES, WITNESS_NAMES, Evidence, Observation, PairFigure, Plan


class _Counted(NamedTuple):
    """What is counted for identities that agree."""

    products: PairProducts
    opportunities: Opportunities


def _agree(wave: Grouped, one: int, other: int) -> bool:
    """Whether two identities say the same of every request: new or known, whose, and idle since when."""
    return all(places is None or places[one] == places[other] for places in wave.places)


class EvidenceCounter:
    """Counts the evidence of a run. Feed it every wave, in order, as `Environments.add` returned it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        tenants = [tenant.index for tenant in plan.tenants]
        people = len(plan.everyone())
        together = _Counted(PairProducts(tenants), Opportunities(len(tenants), people))
        self._counted: list[tuple[tuple[int, ...], _Counted]] = [(tuple(range(len(IDENTITIES))), together)]
        """Positions in `IDENTITIES` that have agreed so far, and what is counted for them."""
        self._ordered_waves = 0
        self._ordered_requests = 0

    def add(self, wave: Grouped) -> None:
        """Take in one ended wave."""
        if not wave.alike or any(wave.lacking):
            self._split(wave)
        for fields, counted in self._counted:
            counted.opportunities.add(wave, fields[0])
        if wave.observations and wave.observations[0].request.kind == "ordered":
            self._ordered(wave)

    def _split(self, wave: Grouped) -> None:
        """Give identities that disagree on a request of this wave counters of their own."""
        counted: list[tuple[tuple[int, ...], _Counted]] = []
        for fields, together in self._counted:
            groups: dict[int, list[int]] = {}
            for field in fields:
                if wave.lacking[field]:
                    continue  # evidence never stands on it, whatever comes
                like = next((first for first in groups if _agree(wave, first, field)), field)
                groups.setdefault(like, []).append(field)
            own = [together, *(deepcopy(together) for _ in range(len(groups) - 1))][: len(groups)]
            counted += [(tuple(group), each) for group, each in zip(groups.values(), own, strict=True)]
        self._counted = counted

    def _of(self, field: int) -> _Counted:
        return next(counted for fields, counted in self._counted if field in fields)

    def _ordered(self, wave: Grouped) -> None:
        plan = self._plan
        each = plan.further_requests if self._ordered_waves else plan.ordered_requests
        self._ordered_waves += 1
        self._ordered_requests += len(wave.observations)
        tenants = _as_drawn(wave.observations, each, len(plan.tenants))
        for fields, counted in self._counted:
            if tenants is not None:
                counted.products.add(each, tenants, _matched(wave, fields[0]))
            else:
                counted.products.spoil()

    def evidence(self, environments: Environments, significance: float) -> Evidence:
        """The figures so far, by the identity that can carry them."""
        identity = environments.identity()
        if identity is None:
            return Evidence(field=None, significance=significance, reason=_why_none(environments))
        position = IDENTITIES.index(identity)
        products, opportunities = self._of(position)
        names = [tenant.id for tenant in self._plan.tenants]
        (one, other), figure = products.weakest()
        reached = figure <= significance and not self._plan.seed_given
        weakest_log = products.weakest_log()
        finite = weakest_log < float("inf")
        return Evidence(
            field=WITNESS_NAMES[identity],
            weakest_pair=PairFigure(tenants=(names[one], names[other]), probability=figure),
            all_tenants=PairFigure(tenants=tuple(names), probability=products.all_tenants()),
            significance=significance,
            strata=opportunities.figures(),
            reached=reached,
            ordered_requests=self._ordered_requests,
            needed_requests=(
                needed_requests(weakest_log, significance, self._plan.further_requests)
                if finite and figure > significance and environments.reuses
                else None
            ),
            reason="the seed was given: a replayed order adds no evidence" if self._plan.seed_given else "",
        )


def _as_drawn(wave: Sequence[Observation], each: int, tenants: int) -> list[int] | None:
    """Whom the requests of a wave were for, if it is one that a plan draws, perhaps cut at its end: slots without a
    gap, only tenants, no more requests per tenant than drawn, and one in flight at a time. Else None."""
    if [o.request.slot for o in wave] != list(range(len(wave))):
        return None
    if any(later.call_ns < earlier.end_ns for earlier, later in pairwise(wave)):
        return None
    drawn = [o.request.tenant for o in wave]
    sizes = Counter(drawn)
    if max(sizes.values()) > each or not sizes.keys() <= set(range(tenants)):
        return None
    return [tenant for tenant in drawn if tenant is not None]


def _matched(wave: Grouped, field: int) -> list[bool]:
    """Of each request, whether its answer is a witness whose environment was known before and belongs to its
    tenant."""
    matched = []
    for observation, places in zip(wave.observations, wave.places, strict=True):
        place = places[field] if places is not None else None
        own = place is not None and place.known and place.owner == observation.request.tenant
        matched.append(own and _answers(observation))
    return matched


def _answers(observation: Observation) -> bool:
    """Whether this is an invocation's own answer: served, and not out of a cache that says so."""
    if not observation.headers:
        return observation.outcome == "served"
    cache, age = observation.headers.get("x-cache", ""), observation.headers.get("age", "0")
    return observation.outcome == "served" and not cache.lower().startswith("hit") and age.strip() in ("", "0")


def _why_none(environments: Environments) -> str:
    if not environments.witnesses:
        return "no answer carried a witness"
    if not any(environments.by_field.values()):
        return "no answer named its environment (a counter alone proves nothing)"
    if environments.discredited:
        return "the only identity that every answer carries does not name one environment"
    return "no identity is carried by every answer"
