"""Meetings that a handler may hide: a tenant whose own environment lies idle is answered by a new one."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tenantcheck.judge.environments.places import Place
from tenantcheck.model import Observation

#: Requests of one tenant that wait for the proof that an own environment was alive.
_WAITING = 256


class Hidden(NamedTuple):
    """A request that met a new environment, and the answer that shows that an own one lay idle meanwhile."""

    observation: Observation
    alive: Observation


class Meetings:
    """Requests of ordered waves that met a new environment while an own one lay idle: its next answer is the proof.

    A pool has little reason for it (a second one behind a balancer has it once per tenant); a handler that makes an
    id per tenant and environment gives this picture again and again.
    """

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        """Such requests by tenant."""
        self.first: dict[int, Hidden] = {}
        self._waiting: dict[int, list[Observation]] = {}

    def alive(self, observation: Observation, place: Place, tenant: int) -> None:
        """An environment of this tenant answered again."""
        waiting = self._waiting.get(tenant)
        if not waiting:
            return
        proven = [each for each in waiting if each.call_ns > place.idle_since_ns]
        self._waiting[tenant] = [each for each in waiting if each.call_ns <= place.idle_since_ns]
        if proven:
            self.first.setdefault(tenant, Hidden(proven[0], observation))
            self.counts[tenant] += len(proven)

    def new(self, observation: Observation, tenant: int) -> None:
        """An environment that no identity knows answered this tenant."""
        if observation.request.kind != "ordered" or observation.outcome != "served":
            return
        waiting = self._waiting.setdefault(tenant, [])
        if len(waiting) < _WAITING:
            waiting.append(observation)
