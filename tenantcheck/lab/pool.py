"""Which environment serves a request: the lab's whole scheduling decision, without I/O.

Times are seconds of any monotonic clock. Simulations run the same code as the lab.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tenantcheck.lab.faults import Candidate, Faults, Sent, Situation
from tenantcheck.lab.tenancy import Isolation

Reuse = Literal["mru", "fifo", "random", "never"]


@dataclass(slots=True, eq=False)
class Slot:
    """One execution environment, as far as choosing one goes."""

    number: int
    key: str | None
    """Whose it is: the tenant in a pool that isolates, None in one that does not."""
    environment: int
    """Number of the execution environment. Its own, unless a fault lets one environment serve several requests at
    once: then several slots belong to it."""
    image: int
    """Number of the memory image it started from; its own, unless a fault clones environments."""
    idle_since_s: float = 0.0
    started_s: float = 0.0
    answers: int = 0


#: Which of the idle environments of other tenants a fault is about: the one with the smallest figure.
_CANDIDATES: dict[Candidate, Callable[[Slot], float]] = {
    "idle longest": lambda slot: slot.idle_since_s,
    "released last": lambda slot: -slot.idle_since_s,
    "most answers": lambda slot: -slot.answers,
    "oldest": lambda slot: slot.started_s,
}


class Lease(NamedTuple):
    """An environment handed out for one request."""

    slot: Slot
    cold: bool
    restarted: bool = False
    """A fault handed on an environment and replaced its process."""
    evicted: Slot | None = None
    """The environment that had to end so that this one could start."""


class Pool:
    """Hands out environments: one request at a time each, a new one when all that may serve are busy.

    `isolation` is how the function behaves: `broken` takes tenant ids and ignores them here. `reuse` is which
    idle environment is taken: the most recent (`mru`), the one idle longest (`fifo`), any (`random`), or none
    (`never`: an environment serves one request). Idle environments expire after `idle_s`. `faults` are ways in
    which a pool that isolates does so badly.
    """

    def __init__(
        self,
        *,
        isolation: Isolation = "per-tenant",
        reuse: Reuse = "mru",
        idle_s: float = 600.0,
        max_environments: int = 250,
        faults: Faults | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.isolation = isolation
        self.reuse = reuse
        self.idle_s = idle_s
        self.max_environments = max_environments
        self.faults = faults or Faults()
        self._random = rng or random.Random()  # noqa: S311 - a scheduling choice, no secret
        self._alive_by_key: Counter[str | None] = Counter()
        self._arrivals: dict[str | None, float] = {}
        self._idle: dict[str | None, deque[Slot]] = {}
        self._first: dict[str | None, int] = {}
        self._members: dict[str | None, list[Slot]] = {}
        self._starting: list[Slot] = []
        self._numbers = 0
        self.alive = 0
        """Environments that exist, idle or busy."""

    def _key(self, tenant: str | None, sent: Sent | None) -> str | None:
        if self.isolation != "per-tenant" or tenant is None:
            return None
        return self.faults.key(tenant, sent) if self.faults else tenant

    def acquire(self, tenant: str | None, now_s: float, sent: Sent | None = None) -> Lease | None:
        """An environment for a request of `tenant`, of which `sent` came in; None when there are too many already."""
        key = self._key(tenant, sent)
        stolen = self._stolen(key, now_s) if self.faults else None
        self._arrivals[key] = now_s
        if stolen is not None:
            return stolen
        idle = self._idle.get(key)
        if idle:
            crashed = bool(self.faults) and self.faults.crashed(tenant)
            return Lease(self._choose(idle), cold=False, restarted=crashed)
        evicted = self._evicted() if self.alive >= self.max_environments else None
        if self.alive >= self.max_environments:
            return None
        slot = self._start(key)
        slot.started_s = now_s
        return Lease(slot, cold=True, evicted=evicted)

    def _evicted(self) -> Slot | None:
        """End the environment that has been idle longest, whosever it is; None where none is idle."""
        oldest = [slots[0] for slots in self._idle.values() if slots]
        if not oldest:
            return None
        slot = min(oldest, key=lambda each: each.idle_since_s)
        self._idle[slot.key].remove(slot)
        self.retire(slot)
        return slot

    def _start(self, key: str | None) -> Slot:
        self.alive += 1
        self._alive_by_key[key] += 1
        self._numbers += 1
        number = self._numbers
        if not self.faults:
            return Slot(number=number, key=key, environment=number, image=number)
        image = self.faults.image(number, self._first.setdefault(key, number))
        slot = Slot(number=number, key=key, environment=number, image=image)
        if self.faults.packed > 1:
            self._pack(slot)
        if self.faults.swaps:
            self._swap(slot)
        return slot

    def _pack(self, slot: Slot) -> None:
        """Join an environment of this tenant that lives and can take one more."""
        members = self._members.setdefault(slot.key, [])
        filled = Counter(each.environment for each in members)
        roomy = (number for number, count in filled.items() if count < self.faults.packed)
        slot.environment = next(roomy, slot.number)
        members.append(slot)

    def _swap(self, slot: Slot) -> None:
        """Book this cold start on a tenant whose own cold start is still running, and that one on this tenant."""
        other = next((each for each in self._starting if each.key != slot.key), None)
        if other is None:
            self._starting.append(slot)
            return
        self._starting.remove(other)
        slot.key, other.key = other.key, slot.key

    def _stolen(self, key: str | None, now_s: float) -> Lease | None:
        """The idle environment of another tenant that a fault gives to this request. It belongs to the thief from
        then on."""
        candidates = [slot for other, slots in self._idle.items() if other != key for slot in slots]
        if not candidates:
            return None
        slot = min(candidates, key=_CANDIDATES[self.faults.takes()])
        foreign_arrivals = [at for other, at in self._arrivals.items() if other != key]
        situation = Situation(
            own_alive=self._alive_by_key[key],
            own_idle=len(self._idle.get(key, ())),
            foreign_idle=sum(len(slots) for other, slots in self._idle.items() if other != key),
            at_cap=self.alive >= self.max_environments,
            alive=self.alive,
            foreign_idle_s=now_s - slot.idle_since_s,
            foreign_answers=slot.answers,
            foreign_age_s=now_s - slot.started_s,
            since_foreign_arrival_s=now_s - max(foreign_arrivals, default=float("-inf")),
            rng=self._random,
        )
        thief = self.faults.steals(situation)
        if thief is None:
            return None
        self._idle[slot.key].remove(slot)
        self._alive_by_key[slot.key] -= 1
        self._alive_by_key[key] += 1
        slot.key = key
        return Lease(slot, cold=False, restarted=thief.fault.restarts)

    def _choose(self, idle: deque[Slot]) -> Slot:
        match self.reuse:
            case "fifo":
                return idle.popleft()
            case "random":
                position = self._random.randrange(len(idle))
                slot = idle[position]
                del idle[position]
                return slot
            case _:
                return idle.pop()

    def release(self, slot: Slot, now_s: float) -> bool:
        """The request has ended. False when the environment is retired instead of kept."""
        slot.answers += 1
        if slot in self._starting:
            self._starting.remove(slot)
        if self.reuse == "never" or self.faults.retired(slot.answers):
            self.retire(slot)
            return False
        slot.idle_since_s = now_s
        self._idle.setdefault(slot.key, deque()).append(slot)
        return True

    def retire(self, slot: Slot) -> None:
        """An environment that is not idle ends."""
        self.alive -= 1
        self._alive_by_key[slot.key] -= 1
        if slot in self._members.get(slot.key, ()):
            self._members[slot.key].remove(slot)

    def expire(self, now_s: float) -> list[Slot]:
        """Retire and return the environments that have been idle for too long."""
        expired: list[Slot] = []
        for key, idle in list(self._idle.items()):
            while idle and now_s - idle[0].idle_since_s >= self.idle_s:
                expired.append(idle.popleft())
            if not idle:
                del self._idle[key]
        for slot in expired:
            self.retire(slot)
        return expired
