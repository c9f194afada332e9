"""Evidence of a run, counted wave by wave.

Which identity a wave counts by is chosen before the wave, from the past: chosen after the run, it would be the
luckiest of three. One product runs on when another identity has to take over because some answer lacked the first;
where the one in use is discredited, the product starts again at 1. Rates start again with every change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from tenantcheck.judge.environments import Environments, Grouped
from tenantcheck.judge.evidence.opportunities import Opportunities
from tenantcheck.judge.evidence.pairs import PairProducts, needed_requests
from tenantcheck.model import (
    IDENTITIES,
    WITNESS_NAMES,
    Evidence,
    NoEvidence,
    Observation,
    PairFigure,
    Plan,
    Randomised,
    Range,
)


class EvidenceCounter:
    """Counts the evidence of a run. Feed it every wave, in order, as `Environments.add` returned it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tenants = [tenant.index for tenant in plan.tenants]
        self._people = len(plan.everyone())
        self._products = PairProducts(self._tenants)
        self._opportunities = Opportunities(len(self._tenants), self._people)
        self._rates_by: int | None = None
        """The identity that the rates are counted by."""
        self._used: set[str] = set()
        """Identities that the product stands on."""
        self._newcomers: list[int] = []
        """Newcomers that were answered, by the group that started together."""
        self._ordered_waves = 0
        self._ordered_requests = 0

    def add(self, wave: Grouped, environments: Environments) -> None:
        """Take in one ended wave; `environments` has taken it in already."""
        kind = wave.observations[0].request.kind if wave.observations else ""
        if kind == "ordered":
            self._ordered(wave)
        elif kind == "newcomers":
            self._newcomers.append(sum(places is not None for places in wave.places))
        if self._used & environments.identities.discredited:
            self._products = PairProducts(self._tenants)
            self._used.clear()
        if wave.field is None:
            return
        if wave.field != self._rates_by:
            met = environments.places.by_field[IDENTITIES[wave.field]].values() if self._rates_by is not None else ()
            known = Counter(environment.owner for environment in met)
            self._opportunities = Opportunities(len(self._tenants), self._people, known)
            self._rates_by = wave.field
        self._opportunities.add(wave, wave.field)

    def _ordered(self, wave: Grouped) -> None:
        plan = self._plan
        each = plan.further_requests if self._ordered_waves else plan.ordered_requests
        self._ordered_waves += 1
        self._ordered_requests += len(wave.observations)
        tenants = _as_drawn(wave.observations, each, len(plan.tenants))
        if tenants is None:
            self._products.spoil()
            return
        matched = [False] * len(tenants) if wave.field is None else _matched(wave, wave.field)
        self._products.add(each, tenants, matched)
        if wave.field is not None:
            self._used.add(IDENTITIES[wave.field])

    def evidence(self, environments: Environments, significance: float) -> Evidence:
        """The figures so far."""
        identity = environments.identities.for_evidence()
        if identity is None or not environments.places.by_field[identity]:
            reason = _why_none(environments)
            return NoEvidence(reason=reason, range=_range(environments), control=environments.control)
        products = self._products
        names = [tenant.id for tenant in self._plan.tenants]
        (one, other), figure = products.weakest()
        reached = figure <= significance and not self._plan.seed_given
        weakest_log = products.weakest_log()
        finite = weakest_log < float("inf")
        return Randomised(
            field=WITNESS_NAMES[identity],
            weakest_pair=PairFigure(tenants=(names[one], names[other]), probability=figure),
            all_tenants=PairFigure(tenants=tuple(names), probability=products.all_tenants()),
            significance=significance,
            strata=self._opportunities.figures(),
            reached=reached,
            ordered_requests=self._ordered_requests,
            needed_requests=(
                needed_requests(weakest_log, significance, self._plan.further_requests)
                if finite and figure > significance and environments.reuses
                else None
            ),
            void="the seed was given: a replayed order adds no evidence" if self._plan.seed_given else "",
            range=_range(environments),
            buckets=self._buckets(),
            control=environments.control,
        )

    def weakest(self) -> float:
        """The chance that a pool which ignores tenants would have passed, for the weakest pair, so far."""
        return self._products.weakest()[1]

    def _buckets(self) -> int | None:
        """Two newcomers of one group that share a bucket are not seen. Of k buckets, n pairs of ids all miss each
        other with a chance of about exp(-n/k), which is 5 % for k = n/3."""
        pairs = (sum(self._newcomers) ** 2 - sum(size**2 for size in self._newcomers)) / 2
        return int(pairs / 3) or None


def _range(environments: Environments) -> Range | None:
    """How far the run went, by the identity that reports count environments by."""
    met = environments.places.by_field[environments.identities.for_reports()].values()
    if not met:
        return None
    exercised = environments.exercised
    return Range(
        environments=len(met),
        answers=max(environment.answers for environment in met),
        age_s=max(environment.last_end_ns - environment.first_call_ns for environment in met) / 1e9,
        busy=exercised.busy,
        cold_starts=exercised.cold_starts,
        soonest_s=None if exercised.soonest_ns is None else exercised.soonest_ns / 1e9,
        longest_idle_s=exercised.longest_idle_ns / 1e9,
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
    return observation.outcome == "served" and not observation.cached


def _why_none(environments: Environments) -> str:
    if not environments.witnesses:
        return "no answer carried a witness"
    if not any(environments.places.by_field.values()):
        return "no answer named its environment (a counter alone proves nothing)"
    if environments.identities.discredited:
        return "the only identity that every answer carries does not name one environment"
    return "no identity is carried by every answer"
