"""Why the obvious schedules prove nothing, on the pool that the lab runs."""

from __future__ import annotations

import random

import pytest

from tenantcheck.lab.pool import Pool, Reuse
from tests.simulation import faults
from tests.simulation.naive import EIGHT_BURSTS, FIXED_ORDER, NAIVE, ONE_BURST, PARALLEL_PAIR

RUNS = 1000
REUSES: tuple[Reuse, ...] = ("mru", "fifo", "random")


def blind(reuse: Reuse, rng: random.Random) -> Pool:
    return Pool(isolation="none", reuse=reuse, rng=rng)


def test_one_burst_passes_always() -> None:
    rng = random.Random(1)
    assert all(ONE_BURST.passes(blind(reuse, rng), rng) for reuse in REUSES for _ in range(50))


def test_two_parallel_requests_twice_pass_half_of_the_time() -> None:
    rng = random.Random(2)
    for reuse in REUSES:
        passed = sum(PARALLEL_PAIR.passes(blind(reuse, rng), rng) for _ in range(RUNS))
        assert 0.45 < passed / RUNS < 0.55


def test_a_fixed_order_passes_for_ever_on_first_in_first_out() -> None:
    rng = random.Random(3)
    assert all(FIXED_ORDER.passes(blind("fifo", rng), rng) for _ in range(20))


def test_bursts_that_arrive_sorted_by_tenant_pass_where_the_same_ones_in_any_order_do_not() -> None:
    rng = random.Random(4)
    assert all(PARALLEL_PAIR.passes(blind("fifo", rng), rng, late=True) for _ in range(20))
    assert not any(EIGHT_BURSTS.passes(blind("fifo", rng), rng) for _ in range(20))


@pytest.mark.parametrize("fault", ["steals-when-busy", "newcomer-steals"])
def test_bursts_of_all_tenants_leave_no_foreign_environment_idle_under_pressure(fault: str) -> None:
    rng = random.Random(6)
    assert all(EIGHT_BURSTS.passes(Pool(faults=faults(fault, rng=rng), rng=rng), rng) for _ in range(50))


def test_they_pass_on_an_isolated_pool_too() -> None:
    rng = random.Random(5)
    assert all(naive.passes(Pool(rng=rng), rng, late=late) for naive in NAIVE for late in (False, True))
