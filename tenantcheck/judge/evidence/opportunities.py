"""How often a request could have crossed to another tenant's idle environment.

An opportunity is a witnessed request during whose whole [call, end] an environment of another tenant surely lay
idle and alive: it answered a request that ended before the call, and next answered one called after the end.
So a request waits here until some foreign environment answers again; none does, none is counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from typing import NamedTuple

from tenantcheck.judge.environments import Grouped, Place
from tenantcheck.model import STRATA, Observation, Stratum, StratumFigure

#: Requests per tenant that wait for their confirmation; the oldest are dropped, which only lowers the counts.
_WAITING = 4096


def rate_bound(opportunities: int) -> float | None:
    """The rate that `opportunities` clean requests exclude at 95 %: had each crossed with this chance or more,
    all of them clean would have had a chance of at most 5 %. None when there was none."""
    return 1 - 0.05 ** (1 / opportunities) if opportunities else None


class _Waiting(NamedTuple):
    """A request that waits; the order is that of its end."""

    end_ns: int
    call_ns: int
    tenant: int
    stratum: Stratum


@dataclass(slots=True)
class _Ended:
    """Requests of one tenant that have ended and wait on, in the order of their ends."""

    requests: list[_Waiting] = field(default_factory=list)
    called_by: list[int] = field(default_factory=list)
    """For each of these, a time by which it and all before it were called."""

    def add(self, request: _Waiting) -> None:
        latest_ns = self.called_by[-1] if self.called_by else request.call_ns
        self.requests.append(request)
        self.called_by.append(max(request.call_ns, latest_ns))
        if len(self.requests) > _WAITING:
            del self.requests[: _WAITING // 4], self.called_by[: _WAITING // 4]

    def within(self, idle_since_ns: int, until_ns: float) -> list[_Waiting]:
        """Take out the requests that lie wholly between these times."""
        first = bisect_right(self.called_by, idle_since_ns)
        taken: list[_Waiting] = []
        kept: list[_Waiting] = []
        for request in self.requests[first:]:
            inside = request.call_ns > idle_since_ns and request.end_ns < until_ns
            (taken if inside else kept).append(request)
        if taken:
            del self.requests[first:], self.called_by[first:]
            for request in kept:
                self.add(request)
        return taken


class _WaitingRequests:
    """Requests that wait, while they are in flight and after their end."""

    def __init__(self) -> None:
        self._in_flight: list[_Waiting] = []
        """A heap."""
        self._ended: dict[int, _Ended] = {}
        """By tenant."""

    def add(self, request: _Waiting) -> None:
        """Take one in, as it is called."""
        heappush(self._in_flight, request)

    def confirm(self, owner: int, idle_since_ns: int, until_ns: float, now_ns: int) -> Sequence[_Waiting]:
        """Take out the requests of other tenants than `owner` that lie wholly between `idle_since_ns` and
        `until_ns`, given that it is `now_ns`."""
        while self._in_flight and self._in_flight[0].end_ns < now_ns:
            request = heappop(self._in_flight)
            ended = self._ended.get(request.tenant)
            if ended is None:
                ended = self._ended[request.tenant] = _Ended()
            ended.add(request)
        confirmed: list[_Waiting] = []
        for tenant, ended in self._ended.items():
            if tenant != owner and ended.called_by and ended.called_by[-1] > idle_since_ns:
                confirmed += ended.within(idle_since_ns, until_ns)
        return confirmed


class _Unwitnessed:
    """Requests whose answer does not say which environment served it: each may have been served by any that lay idle,
    and for longer than its client waited."""

    def __init__(self) -> None:
        self._calls: list[int] = []
        self._latest_ends: list[int] = []
        """For each of these, the latest end of it and all before it."""

    def add(self, call_ns: int, end_ns: int) -> None:
        """Take one in, in the order of calls."""
        latest = self._latest_ends[-1] if self._latest_ends else end_ns
        self._calls.append(call_ns)
        self._latest_ends.append(max(latest, end_ns))
        if len(self._calls) > _WAITING:
            # The oldest one stands for all that are dropped, which only lowers the counts.
            self._latest_ends[0] = self._latest_ends[_WAITING // 4 - 1]
            del self._calls[1 : _WAITING // 4], self._latest_ends[1 : _WAITING // 4]

    def first_after(self, idle_since_ns: int) -> float:
        """The call of the first one that an environment may have served which was idle from then on."""
        first = bisect_right(self._latest_ends, idle_since_ns)
        return self._calls[first] if first < len(self._calls) else float("inf")


class Opportunities:
    """Counts opportunities by one identity."""

    def __init__(self, tenants: int, people: int, own: Mapping[int, int] = {}) -> None:
        """`own` are the environments that each tenant has before the first wave that is added."""
        self._tenants = tenants
        self._people = people
        self._waiting = _WaitingRequests()
        self._newest: dict[tuple[int, Stratum], tuple[int, int]] = {}
        self._newest_call_ns = -1
        self._own = dict(own)
        self._unwitnessed = _Unwitnessed()
        self.counts: dict[Stratum, int] = dict.fromkeys(STRATA, 0)
        self.crossed: dict[Stratum, int] = dict.fromkeys(STRATA, 0)
        self.pairs: dict[Stratum, set[tuple[int, int]]] = {stratum: set() for stratum in STRATA}

    def add(self, wave: Grouped, field: int) -> None:
        """Take in one ended wave. `field` is the position of the identity in `IDENTITIES`."""
        placed = _in_call_order(wave, field)
        in_flight = _InFlight(wave)
        for observation, place in placed:
            if place is None or observation.outcome != "served":
                self._unwitnessed.add(observation.call_ns, observation.end_ns)
            tenant = observation.request.tenant
            if place is None or tenant is None:
                continue
            own = self._own.get(tenant, 0)
            stratum: Stratum = "warm" if own else "newcomer"
            if place.known:
                self._answers_again(place, observation.call_ns)
            else:
                self._own[tenant] = own + 1
                if own and in_flight.beside(observation) < own:
                    continue
                stratum = "pressed" if own else "newcomer"
            if place.known and place.owner != tenant:
                self.crossed[stratum] += 1
            elif observation.outcome == "served":
                self._wait(tenant, stratum, observation)

    def _wait(self, tenant: int, stratum: Stratum, observation: Observation) -> None:
        call_ns, end_ns = observation.call_ns, observation.end_ns
        self._waiting.add(_Waiting(end_ns, call_ns, tenant, stratum))
        if self._pairs_are_open(stratum):
            self._newest[tenant, stratum] = (call_ns, end_ns)
            self._newest_call_ns = max(self._newest_call_ns, call_ns)

    def _answers_again(self, place: Place, called_ns: int) -> None:
        """An environment answers a request that was called now: others lay beside it while it was idle."""
        owner, idle_since_ns = place.owner, place.idle_since_ns
        until_ns = min(called_ns, self._unwitnessed.first_after(idle_since_ns))
        for request in self._waiting.confirm(owner, idle_since_ns, until_ns, called_ns):
            self.counts[request.stratum] += 1
            if self._pairs_are_open(request.stratum):
                self._pair(request.stratum, request.tenant, owner)
        # Of requests that another environment has confirmed already, the newest still shows its pair.
        if idle_since_ns >= self._newest_call_ns:
            return
        for (tenant, stratum), (call_ns, end_ns) in self._newest.items():
            if idle_since_ns < call_ns and end_ns < until_ns and tenant != owner:
                self._pair(stratum, tenant, owner)

    def _pairs_are_open(self, stratum: Stratum) -> bool:
        """Whether there are pairs that no opportunity was of."""
        return stratum == "newcomer" or len(self.pairs[stratum]) < self._tenants * (self._tenants - 1)

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


def _in_call_order(wave: Grouped, field: int) -> list[tuple[Observation, Place | None]]:
    """Each observation, and its place by one identity."""
    places = [each[field] if each is not None else None for each in wave.places]
    placed = list(zip(wave.observations, places, strict=True))
    calls = [observation.call_ns for observation in wave.observations]
    if calls != sorted(calls):
        placed.sort(key=lambda each: each[0].call_ns)
    return placed


class _InFlight:
    """For each observation of a wave, how many others of its tenant were in flight together with it, at the last
    moment in its time at which one was sent. Computed when first asked for: on a warm pool nobody asks."""

    def __init__(self, wave: Grouped) -> None:
        self._wave = wave

    def beside(self, observation: Observation) -> int:
        """Others in flight."""
        return self._counts[id(observation)]

    @cached_property
    def _counts(self) -> dict[int, int]:
        by_tenant: dict[int | None, list[Observation]] = {}
        for observation, places in zip(self._wave.observations, self._wave.places, strict=True):
            if places is not None:
                by_tenant.setdefault(observation.request.tenant, []).append(observation)
        counts: dict[int, int] = {}
        for observations in by_tenant.values():
            calls = sorted(o.call_ns for o in observations)
            ends = sorted(o.end_ns for o in observations)
            for o in observations:
                begun = bisect_right(calls, o.end_ns)
                over = bisect_left(ends, calls[begun - 1])
                counts[id(o)] = begun - over - 1
        return counts
