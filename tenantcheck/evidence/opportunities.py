"""How often a request could have crossed to another tenant's idle environment.

An opportunity is a witnessed request during whose whole [call, end] an environment of another tenant surely lay
idle and alive: it answered a request that ended before the call, and next answered one called after the end.
So a request waits here until some foreign environment answers again; none does, none is counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter

from tenantcheck.environments import Placed
from tenantcheck.model import STRATA, Observation, Stratum, StratumFigure

#: Requests per tenant that wait for their confirmation; the oldest are dropped, which only lowers the counts.
_WAITING = 4096
_CALL_ORDER = attrgetter("observation.call_ns")


def rate_bound(opportunities: int) -> float | None:
    """The rate that `opportunities` clean requests exclude at 95 %: had each crossed with this chance or more,
    all of them clean would have had a chance of at most 5 %. None when there was none."""
    return 1 - 0.05 ** (1 / opportunities) if opportunities else None


@dataclass(slots=True)
class _Waiting:
    """Requests of one tenant that wait, in call order."""

    calls: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    strata: list[Stratum] = field(default_factory=list)

    def add(self, call_ns: int, end_ns: int, stratum: Stratum) -> None:
        self.calls.append(call_ns)
        self.ends.append(end_ns)
        self.strata.append(stratum)
        if len(self.calls) > _WAITING:
            self._drop(0, _WAITING // 4)

    def _drop(self, first: int, last: int) -> None:
        del self.calls[first:last], self.ends[first:last], self.strata[first:last]

    def confirm(self, idle_since_ns: int, called_ns: int) -> list[Stratum]:
        """Take out the requests that lie wholly inside an idle time."""
        first = bisect_right(self.calls, idle_since_ns)
        last = bisect_left(self.calls, called_ns)
        if first >= last:
            return []
        inside = [n for n in range(first, last) if self.ends[n] < called_ns]
        confirmed = [self.strata[n] for n in inside]
        if len(inside) == last - first:
            self._drop(first, last)
        else:
            for n in reversed(inside):
                self._drop(n, n + 1)
        return confirmed


class Opportunities:
    """Counts opportunities by one identity."""

    def __init__(self, tenants: int, people: int) -> None:
        self._tenants = tenants
        self._people = people
        self._waiting: dict[int, _Waiting] = {}
        self._newest: dict[tuple[int, Stratum], tuple[int, int]] = {}
        self._newest_call_ns = -1
        self._own: dict[int, int] = {}
        self._lost_calls: list[int] = []
        self._lost_ends: list[int] = []
        self.counts: dict[Stratum, int] = dict.fromkeys(STRATA, 0)
        self.crossed: dict[Stratum, int] = dict.fromkeys(STRATA, 0)
        self.pairs: dict[Stratum, set[tuple[int, int]]] = {stratum: set() for stratum in STRATA}

    def add(self, placed: Sequence[Placed], wave: Sequence[Observation], field: int) -> None:
        """Take in one ended wave: its grouped observations, and all of them. `field` is the position of the
        identity in `IDENTITIES`."""
        witnessed = {
            id(each.observation)
            for each in placed
            if each.places[field] is not None and each.observation.outcome == "served"
        }
        blind: Sequence[tuple[int, int]] = ()
        if len(witnessed) < len(wave):
            blind = _merged((o.call_ns, o.end_ns) for o in wave if id(o) not in witnessed)
        in_flight = _InFlight(placed)
        for each in sorted(placed, key=_CALL_ORDER):
            place = each.places[field]
            if place is None:
                continue
            observation, tenant = each.observation, each.tenant
            if place.known:
                until_ns = self._surely_idle_until(place.idle_since_ns, observation.call_ns)
                self._confirm(place.owner, place.idle_since_ns, until_ns)
            stratum = self._stratum(each, in_flight, known=place.known)
            if not place.known:
                self._own[tenant] = self._own.get(tenant, 0) + 1
            if stratum is None:
                continue
            if place.known and place.owner != tenant:
                self.crossed[stratum] += 1
            elif id(observation) in witnessed and not (
                blind and _overlaps(blind, observation.call_ns, observation.end_ns)
            ):
                self._wait(tenant, stratum, observation)
        lost = [o for o in wave if o.outcome in ("lost", "service-error")]
        if lost:
            self._lost_calls.append(min(o.call_ns for o in lost))
            self._lost_ends.append(max(o.end_ns for o in lost))

    def _wait(self, tenant: int, stratum: Stratum, observation: Observation) -> None:
        interval = (observation.call_ns, observation.end_ns)
        waiting = self._waiting.get(tenant)
        if waiting is None:
            waiting = self._waiting[tenant] = _Waiting()
        waiting.add(*interval, stratum)
        if stratum == "newcomer" or len(self.pairs[stratum]) < self._pairs_total(stratum):
            self._newest[tenant, stratum] = interval
            self._newest_call_ns = max(self._newest_call_ns, observation.call_ns)

    def _surely_idle_until(self, idle_since_ns: int, called_ns: int) -> int:
        """Until when an environment that answered at these two times surely lay idle: a request that was lost in
        between may have been served by it, longer than its client waited."""
        if not self._lost_ends:
            return called_ns
        first = bisect_right(self._lost_ends, idle_since_ns)
        return min(called_ns, self._lost_calls[first]) if first < len(self._lost_calls) else called_ns

    def _stratum(self, placed: Placed, in_flight: _InFlight, *, known: bool) -> Stratum | None:
        own = self._own.get(placed.tenant, 0)
        if own == 0:
            return "newcomer"
        if known:
            return "warm"
        return "pressed" if in_flight.beside(placed.observation) >= own else None

    def _confirm(self, owner: int, idle_since_ns: int, called_ns: int) -> None:
        for tenant, waiting in self._waiting.items():
            if tenant == owner or not waiting.calls or waiting.calls[-1] <= idle_since_ns:
                continue
            for stratum in waiting.confirm(idle_since_ns, called_ns):
                self.counts[stratum] += 1
                self._pair(stratum, tenant, owner)
        # Of requests that another environment has confirmed already, the newest still shows its pair.
        if idle_since_ns >= self._newest_call_ns:
            return
        for (tenant, stratum), (call_ns, end_ns) in self._newest.items():
            if idle_since_ns < call_ns and end_ns < called_ns and tenant != owner:
                self._pair(stratum, tenant, owner)

    def _pair(self, stratum: Stratum, tenant: int, owner: int) -> None:
        """Note which pair an opportunity was of: pairs of tenants, and of newcomers with tenants."""
        if owner < self._tenants and (stratum == "newcomer" or tenant < self._tenants):
            self.pairs[stratum].add((tenant, owner))

    def figures(self) -> dict[str, StratumFigure]:
        """The three strata."""
        return {
            stratum: StratumFigure(
                opportunities=self.counts[stratum],
                pairs=len(self.pairs[stratum]),
                pairs_total=self._pairs_total(stratum),
                crossed=self.crossed[stratum],
                bound_95=None if self.crossed[stratum] else rate_bound(self.counts[stratum]),
            )
            for stratum in STRATA
        }

    def _pairs_total(self, stratum: Stratum) -> int:
        if stratum == "newcomer":
            # A tenant whose first requests brought no answer is a newcomer late.
            late = {tenant for tenant, _ in self.pairs[stratum] if tenant < self._tenants}
            return (self._people - self._tenants) * self._tenants + len(late) * (self._tenants - 1)
        return self._tenants * (self._tenants - 1)


class _InFlight:
    """For each observation of a wave, how many others of its tenant were in flight together with it, at the last
    moment in its time at which one was sent. Computed when first asked for: on a warm pool nobody asks."""

    def __init__(self, placed: Sequence[Placed]) -> None:
        self._placed = placed

    def beside(self, observation: Observation) -> int:
        """Others in flight."""
        return self._counts[id(observation)]

    @cached_property
    def _counts(self) -> dict[int, int]:
        by_tenant: dict[int, list[Observation]] = {}
        for each in self._placed:
            by_tenant.setdefault(each.tenant, []).append(each.observation)
        counts: dict[int, int] = {}
        for observations in by_tenant.values():
            calls = sorted(o.call_ns for o in observations)
            ends = sorted(o.end_ns for o in observations)
            for o in observations:
                begun = bisect_right(calls, o.end_ns)
                over = bisect_left(ends, calls[begun - 1])
                counts[id(o)] = begun - over - 1
        return counts


def _merged(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same times as disjoint intervals, in order."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _overlaps(disjoint: Sequence[tuple[int, int]], call_ns: int, end_ns: int) -> bool:
    at = bisect_right(disjoint, end_ns, key=lambda interval: interval[0])
    return at > 0 and disjoint[at - 1][1] >= call_ns
