"""Which environment serves a request: the lab's whole scheduling decision, without I/O.

Times are seconds of any monotonic clock. Simulations run the same code as the lab.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

Isolation = Literal["per-tenant", "none", "broken"]
Reuse = Literal["mru", "fifo", "random", "never"]


@dataclass(slots=True, eq=False)
class Slot:
    """One execution environment, as far as choosing one goes."""

    number: int
    key: str | None
    """Whose it is: the tenant in a pool that isolates, None in one that does not."""
    idle_since_s: float = 0.0
    answers: int = 0


class Lease(NamedTuple):
    """An environment handed out for one request."""

    slot: Slot
    cold: bool


class Pool:
    """Hands out environments: one request at a time each, a new one when all that may serve are busy.

    `isolation` is how the function behaves: `broken` takes tenant ids and ignores them here. `reuse` is which
    idle environment is taken: the most recent (`mru`), the one idle longest (`fifo`), any (`random`), or none
    (`never`: an environment serves one request). Idle environments expire after `idle_s`.
    """

    def __init__(
        self,
        *,
        isolation: Isolation = "per-tenant",
        reuse: Reuse = "mru",
        idle_s: float = 600.0,
        max_environments: int = 250,
        rng: random.Random | None = None,
    ) -> None:
        self.isolation = isolation
        self.reuse = reuse
        self.idle_s = idle_s
        self.max_environments = max_environments
        self._random = rng or random.Random()  # noqa: S311 - a scheduling choice, no secret
        self._idle: dict[str | None, deque[Slot]] = {}
        self._numbers = 0
        self.alive = 0
        """Environments that exist, idle or busy."""

    def _key(self, tenant: str | None) -> str | None:
        return tenant if self.isolation == "per-tenant" else None

    def acquire(self, tenant: str | None) -> Lease | None:
        """An environment for a request of `tenant`; None when there are too many already."""
        key = self._key(tenant)
        idle = self._idle.get(key)
        if idle:
            return Lease(self._choose(idle), cold=False)
        if self.alive >= self.max_environments:
            return None
        self.alive += 1
        self._numbers += 1
        return Lease(Slot(number=self._numbers, key=key), cold=True)

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
        if self.reuse == "never":
            self.alive -= 1
            return False
        slot.idle_since_s = now_s
        self._idle.setdefault(slot.key, deque()).append(slot)
        return True

    def expire(self, now_s: float) -> list[Slot]:
        """Retire and return the environments that have been idle for too long."""
        expired: list[Slot] = []
        for key, idle in list(self._idle.items()):
            while idle and now_s - idle[0].idle_since_s >= self.idle_s:
                expired.append(idle.popleft())
            if not idle:
                del self._idle[key]
        self.alive -= len(expired)
        return expired
