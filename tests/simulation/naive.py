"""The obvious checks, on the lab's pool: how often each calls a pool isolated."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tenantcheck.lab.pool import Pool, Slot

FOUR = ("a", "b", "c", "d")


def together(pool: Pool, tenants: Sequence[str], now_s: float) -> list[tuple[str, int]]:
    """Simultaneous requests in this order of arrival; they end in the same order."""
    leases: list[tuple[str, Slot]] = []
    for tenant in tenants:
        lease = pool.acquire(tenant, now_s)
        assert lease is not None
        leases.append((tenant, lease.slot))
    for _, slot in leases:
        pool.release(slot, now_s)
    return [(tenant, slot.number) for tenant, slot in leases]


def shared(met: Sequence[tuple[str, int]]) -> bool:
    """Whether any environment served two tenants."""
    owners: dict[int, str] = {}
    return any(owners.setdefault(slot, tenant) != tenant for tenant, slot in met)


class Naive(NamedTuple):
    """Bursts, one after the other; it passes when no environment answered two tenants."""

    name: str
    burst: Sequence[str]
    times: int
    arrive: Callable[[Sequence[str], random.Random], Sequence[str]]
    """The order in which one burst arrives."""

    @property
    def requests(self) -> int:
        return len(self.burst) * self.times

    def passes(self, pool: Pool, rng: random.Random, *, late: bool = False) -> bool:
        """Whether it calls `pool` isolated; with `late`, the requests of one tenant arrive after the others."""
        met: list[tuple[str, int]] = []
        for now_s in range(self.times):
            order = self.arrive(self.burst, rng)
            met += together(pool, sorted(order, key=lambda tenant: tenant == "a") if late else order, now_s)
        return not shared(met)


def _any_order(burst: Sequence[str], rng: random.Random) -> Sequence[str]:
    return rng.sample(burst, len(burst))


def _as_written(burst: Sequence[str], _: random.Random) -> Sequence[str]:
    return burst


PARALLEL_PAIR = Naive("two parallel requests, twice", ("a", "b"), 2, _any_order)
FIXED_ORDER = Naive("fixed order, ten rounds", FOUR, 10, _as_written)
ONE_BURST = Naive("one big burst", FOUR * 12, 1, _any_order)
EIGHT_BURSTS = Naive("eight bursts of all tenants", FOUR * 3, 8, _any_order)
NAIVE = (PARALLEL_PAIR, FIXED_ORDER, ONE_BURST, EIGHT_BURSTS)
