"""How far a run went: what was in flight together, and how soon after one tenant's answer another was asked."""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush

from tenantcheck.judge.environments.places import Place
from tenantcheck.model import Observation


class Exercised:
    """The most, and the least, of everything that a run did. Times are in nanoseconds."""

    def __init__(self) -> None:
        self.busy = 0
        """Answers of one tenant, each of an environment of its own, in the making at once."""
        self.cold_starts = 0
        """Answers of new environments in the making at once."""
        self.soonest_ns: int | None = None
        """From the answer to one tenant to the next request for another."""
        self.longest_idle_ns = 0
        """Between two answers of one environment."""
        self._latest: list[tuple[int, int]] = []
        """End and tenant of the latest answers of two different tenants, the latest one first."""

    def add(self, placed: list[tuple[Observation, Place | None]]) -> None:
        """Take in one wave, in call order, each answer with its place."""
        in_flight: list[tuple[int, int, int, bool]] = []
        busy: Counter[int] = Counter()
        cold = 0
        for number, (observation, place) in enumerate(placed):
            tenant = observation.request.tenant
            while in_flight and in_flight[0][0] <= observation.call_ns:
                end_ns, _, other, new = heappop(in_flight)
                busy[other] -= 1
                cold -= new
                self._ended(end_ns, other)
            if tenant is None or place is None:
                continue
            self._soon(observation.call_ns, tenant)
            busy[tenant] += 1
            cold += not place.known
            self.busy = max(self.busy, busy[tenant])
            self.cold_starts = max(self.cold_starts, cold)
            if place.known:
                self.longest_idle_ns = max(self.longest_idle_ns, observation.call_ns - place.idle_since_ns)
            heappush(in_flight, (observation.end_ns, number, tenant, not place.known))
        for end_ns, _, tenant, _ in sorted(in_flight):
            self._ended(end_ns, tenant)

    def _ended(self, end_ns: int, tenant: int) -> None:
        others = [each for each in self._latest if each[1] != tenant]
        self._latest = sorted([(end_ns, tenant), *others], reverse=True)[:2]

    def _soon(self, call_ns: int, tenant: int) -> None:
        for end_ns, other in self._latest:
            if other != tenant:
                after_ns = call_ns - end_ns
                self.soonest_ns = after_ns if self.soonest_ns is None else min(self.soonest_ns, after_ns)
                return
