"""The obvious checks, on the lab's pool: how often each calls a pool isolated."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tenantcheck.lab.pool import Pool, Slot


def together(pool: Pool, tenants: Sequence[str], now_s: float) -> dict[str, int]:
    """Simultaneous requests in this order of arrival; they end in the same order."""
    leases: list[tuple[str, Slot]] = []
    for tenant in tenants:
        lease = pool.acquire(tenant, now_s)
        assert lease is not None
        leases.append((tenant, lease.slot))
    for _, slot in leases:
        pool.release(slot, now_s)
    return {tenant: slot.number for tenant, slot in leases}


def shared(met: Sequence[dict[str, int]]) -> bool:
    """Whether any environment served two tenants."""
    owners: dict[int, str] = {}
    return any(owners.setdefault(slot, tenant) != tenant for wave in met for tenant, slot in wave.items())


def one_burst_passes(pool: Pool, rng: random.Random) -> bool:
    """Four tenants at once."""
    tenants = ["a", "b", "c", "d"]
    rng.shuffle(tenants)
    return not shared([together(pool, tenants, 0)])


def parallel_pair_passes(pool: Pool, rng: random.Random) -> bool:
    """Two parallel requests, twice, arriving in any order."""
    return not shared([together(pool, rng.sample(["a", "b"], 2), now) for now in (0, 1)])


def fixed_order_passes(pool: Pool, rounds: int = 10) -> bool:
    """The same order of tenants in every round, all in flight together."""
    return not shared([together(pool, ["a", "b", "c", "d"], now) for now in range(rounds)])
