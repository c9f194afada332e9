"""The pool: which environment serves a request."""

from __future__ import annotations

import random

import pytest

from tenantcheck.lab.pool import Pool, Reuse


def serve(pool: Pool, *tenants: str, now: float = 0.0) -> list[int]:
    """Requests in flight together, released in order."""
    slots = [lease.slot for tenant in tenants if (lease := pool.acquire(tenant, now)) is not None]
    for slot in slots:
        pool.release(slot, now)
    return [slot.number for slot in slots]


def test_an_environment_serves_one_request_at_a_time() -> None:
    assert serve(Pool(isolation="none"), "a", "b") == [1, 2]


@pytest.mark.parametrize(("reuse", "expected"), [("mru", 3), ("fifo", 1), ("never", 4)])
def test_which_idle_environment_is_taken(reuse: Reuse, expected: int) -> None:
    pool = Pool(reuse=reuse)
    serve(pool, "a", "a", "a")
    assert serve(pool, "a") == [expected]


def test_random_takes_every_idle_environment() -> None:
    pool = Pool(reuse="random", rng=random.Random(1))
    serve(pool, "a", "a", "a")
    assert {serve(pool, "a")[0] for _ in range(50)} == {1, 2, 3}


def test_tenants_never_meet_when_isolated() -> None:
    pool = Pool()
    assert serve(pool, "a") == [1]
    assert serve(pool, "b") == [2]
    assert serve(pool, "a") == [1]


@pytest.mark.parametrize("isolation", ["none", "broken"])
def test_tenants_meet_when_not(isolation: str) -> None:
    pool = Pool(isolation="none" if isolation == "none" else "broken")
    assert serve(pool, "a") == serve(pool, "b") == [1]


def test_at_the_cap_the_environment_idle_longest_ends() -> None:
    pool = Pool(max_environments=2)
    serve(pool, "a", now=1.0)
    serve(pool, "b", now=0.0)
    lease = pool.acquire("c", 2.0)
    assert lease is not None
    assert lease.evicted is not None
    assert (lease.evicted.number, pool.alive) == (2, 2)
    assert serve(pool, "a") == [1]


def test_at_the_cap_nobody_is_served_while_all_are_busy() -> None:
    pool = Pool(max_environments=1)
    assert pool.acquire("a", 0.0) is not None
    assert pool.acquire("b", 0.0) is None
    assert pool.alive == 1


def test_idle_environments_expire() -> None:
    pool = Pool(idle_s=10)
    serve(pool, "a", now=0)
    assert pool.expire(9.9) == []
    assert [slot.number for slot in pool.expire(10)] == [1]
    assert (pool.alive, serve(pool, "a")) == (0, [2])
