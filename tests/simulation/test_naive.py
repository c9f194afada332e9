"""Why the obvious schedules prove nothing, on the pool that the lab runs."""

from __future__ import annotations

import random

from tenantcheck.lab.pool import Pool, Reuse
from tests.simulation.naive import fixed_order_passes, one_burst_passes, parallel_pair_passes

RUNS = 1000
REUSES: tuple[Reuse, ...] = ("mru", "fifo", "random")


def blind(reuse: Reuse, rng: random.Random) -> Pool:
    return Pool(isolation="none", reuse=reuse, rng=rng)


def test_one_burst_passes_always() -> None:
    rng = random.Random(1)
    assert all(one_burst_passes(blind(reuse, rng), rng) for reuse in REUSES for _ in range(50))


def test_two_parallel_requests_twice_pass_half_of_the_time() -> None:
    rng = random.Random(2)
    for reuse in REUSES:
        passed = sum(parallel_pair_passes(blind(reuse, rng), rng) for _ in range(RUNS))
        assert 0.45 < passed / RUNS < 0.55


def test_a_fixed_order_passes_for_ever_on_first_in_first_out() -> None:
    assert all(fixed_order_passes(blind("fifo", random.Random(n)), rounds=10) for n in range(20))


def test_they_pass_on_an_isolated_pool_too() -> None:
    rng = random.Random(3)
    assert parallel_pair_passes(Pool(rng=rng), rng)
    assert fixed_order_passes(Pool(rng=rng))
