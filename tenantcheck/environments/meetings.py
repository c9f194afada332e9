"""Meetings that a handler may hide: a tenant whose own environment lies idle is answered by a new one."""

from __future__ import annotations

from typing import NamedTuple

from tenantcheck.environments.placing import Place
from tenantcheck.environments.tallies import Kept
from tenantcheck.model import Observation

#: Requests that wait for the proof that an own environment was alive.
_WAITING = 256


class Hidden(NamedTuple):
    """A request that met a new environment, and the answer that shows that an own one lay idle meanwhile."""

    observation: Observation
    alive: Observation


class Meetings:
    """Requests of ordered waves that met a new environment while an own one lay idle: that one's next answer is the
    proof. A pool has no reason for it; a handler that makes an id per tenant and environment gives this picture."""

    def __init__(self) -> None:
        self.hidden: Kept[Hidden] = Kept()
        self._waiting: dict[int, list[Observation]] = {}

    def add(self, observation: Observation, place: Place, tenant: int) -> None:
        """Take in one answer, in call order, with its place."""
        if place.known and place.owner == tenant:
            waiting = self._waiting.get(tenant)
            if waiting:
                proven = [each for each in waiting if each.call_ns > place.idle_since_ns]
                self._waiting[tenant] = [each for each in waiting if each.call_ns <= place.idle_since_ns]
                for each in proven:
                    self.hidden.add(Hidden(each, observation))
        elif not place.known and observation.request.kind == "ordered" and observation.outcome == "served":
            waiting = self._waiting.setdefault(tenant, [])
            if len(waiting) < _WAITING:
                waiting.append(observation)
