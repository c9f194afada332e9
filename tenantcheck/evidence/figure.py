"""Evidence of a run, counted wave by wave.

Which identity it stands on is known only at the end (every witness must carry it, nothing may have discredited
it), so all three are counted: together, as long as they agree on every request, side by side from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from tenantcheck.environments import Environments, Placed
from tenantcheck.evidence.opportunities import Opportunities
from tenantcheck.evidence.pairs import PairProducts, needed_requests
from tenantcheck.model import IDENTITIES, WITNESS_NAMES, Evidence, Observation, PairFigure, Plan

_SLOT = attrgetter("request.slot")


class _Counted(NamedTuple):
    """What is counted for identities that agree."""

    products: PairProducts
    opportunities: Opportunities


def _agree(placed: Sequence[Placed], one: int, other: int) -> bool:
    """Whether two identities say the same of every request: new or known, whose, and idle since when."""
    return all(each.places[one] == each.places[other] for each in placed)


def _lacks(placed: Sequence[Placed], field: int) -> bool:
    """Whether an answer that was served does not carry the identity."""
    return any(each.places[field] is None and each.observation.outcome == "served" for each in placed)


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

    def add(self, placed: Sequence[Placed], wave: Sequence[Observation]) -> None:
        """Take in one ended wave: its grouped observations, and all of them."""
        self._split(placed)
        for fields, counted in self._counted:
            counted.opportunities.add(placed, wave, fields[0])
        if wave and wave[0].request.kind == "ordered":
            self._ordered(placed, wave)

    def _split(self, placed: Sequence[Placed]) -> None:
        """Give identities that disagree on a request of this wave counters of their own."""
        counted: list[tuple[tuple[int, ...], _Counted]] = []
        for fields, together in self._counted:
            groups: dict[int, list[int]] = {}
            for field in fields:
                if _lacks(placed, field):
                    continue  # evidence never stands on it, whatever comes
                like = next((first for first in groups if _agree(placed, first, field)), field)
                groups.setdefault(like, []).append(field)
            own = [together, *(deepcopy(together) for _ in range(len(groups) - 1))][: len(groups)]
            counted += [(tuple(group), each) for group, each in zip(groups.values(), own, strict=True)]
        self._counted = counted

    def _of(self, field: int) -> _Counted:
        return next(counted for fields, counted in self._counted if field in fields)

    def _ordered(self, placed: Sequence[Placed], wave: Sequence[Observation]) -> None:
        plan = self._plan
        each = plan.further_requests if self._ordered_waves else plan.ordered_requests
        self._ordered_waves += 1
        self._ordered_requests += len(wave)
        drawn = sorted(wave, key=_SLOT)
        places = {id(p.observation): p for p in placed}
        was_drawn = _was_drawn(drawn, each, len(plan.tenants))
        sizes = {tenant.index: each for tenant in plan.tenants}
        for fields, counted in self._counted:
            if was_drawn:
                counted.products.add(sizes, _walk(drawn, places, fields[0]))
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


def _was_drawn(drawn: Sequence[Observation], each: int, tenants: int) -> bool:
    """Whether the wave is one that a plan draws, perhaps cut at its end: slots without a gap, only tenants, no
    more requests per tenant than drawn, and one in flight at a time."""
    if any(later.call_ns < earlier.end_ns for earlier, later in pairwise(drawn)):
        return False
    sizes: dict[int, int] = {}
    for slot, observation in enumerate(drawn):
        tenant = observation.request.tenant
        if observation.request.slot != slot or tenant is None or tenant >= tenants:
            return False
        sizes[tenant] = sizes.get(tenant, 0) + 1
    return max(sizes.values()) <= each


def _walk(drawn: Sequence[Observation], places: dict[int, Placed], field: int) -> Iterator[tuple[int, bool]]:
    """(tenant, matched) of each request in drawn order: matched is a witness whose environment was known
    before and belongs to this tenant."""
    for observation in drawn:
        tenant = observation.request.tenant
        placed = places.get(id(observation))
        place = placed.places[field] if placed is not None and _answers(observation) else None
        matched = place is not None and place.known and place.owner == tenant
        if tenant is not None:
            yield tenant, matched


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
