"""Faults of the pool: each breaks isolation in its own way, and the plans find it at the stated rate."""

from __future__ import annotations

import math
import random

import pytest

from tenantcheck.errors import UsageError
from tenantcheck.lab.faults import FAULTS, ActiveFault, parse_fault
from tenantcheck.lab.pool import Pool
from tenantcheck.model import PlanName
from tests.lab.test_pool import serve
from tests.simulation import make_plan, simulate


def pool(*faults: str, max_environments: int = 250) -> Pool:
    active = [parse_fault(fault) for fault in faults]
    return Pool(faults=active, rng=random.Random(1), max_environments=max_environments)


@pytest.mark.parametrize(
    ("fault", "ids"),
    [
        ("shared-pool", ("a", "b")),
        ("hash-buckets:k=1", ("a", "b")),
        ("prefix:n=3", ("acme-1", "acme-2")),
        ("case-folding", ("acme", "ACME")),
        ("trimming", ("acme", " acme ")),
        ("percent-decoding", ("a/b", "a%2Fb")),
    ],
)
def test_ids_that_count_as_one(fault: str, ids: tuple[str, str]) -> None:
    broken, healthy = pool(fault), pool("none")
    assert serve(broken, ids[0]) == serve(broken, ids[1])
    assert serve(healthy, ids[0]) != serve(healthy, ids[1])


def test_steals_when_busy_only() -> None:
    stealing = pool("steals-when-busy")
    assert serve(stealing, "a") == [1]
    assert serve(stealing, "b") == [2]
    assert serve(stealing, "a") == [1]
    assert serve(stealing, "a", "a") == [1, 2]


def test_a_newcomer_steals_once() -> None:
    stealing = pool("newcomer-steals")
    assert serve(stealing, "a") == serve(stealing, "b") == [1]
    assert serve(stealing, "a") == [1]
    assert serve(pool("none"), "a") == [1]


def test_idle_environments_serve_anybody() -> None:
    stealing = pool("idle-steals:t=5")
    serve(stealing, "a", now=0)
    assert serve(stealing, "b", now=4) == [2]
    assert serve(stealing, "b", now=5) == [1]


def test_at_the_cap_a_foreign_one_is_taken() -> None:
    stealing = pool("cap-steals", max_environments=1)
    assert serve(stealing, "a") == serve(stealing, "b") == [1]


def test_a_race_needs_another_tenant_near_by() -> None:
    racing = pool("race-near-arrival:p=1,ms=5")
    serve(racing, "a", now=0)
    assert serve(racing, "b", now=1) == [2]
    assert serve(racing, "a", now=1.004) == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "there is no fault 'nope'"),
        ("race:q=1", "'q' is not a parameter of race"),
        ("race:p=x", "p must be a number"),
        ("none:p=1", "'p' is not a parameter of none"),
    ],
)
def test_faults_that_are_none(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_fault(text)


def detected(plan: PlanName, fault: ActiveFault, runs: int) -> int:
    """Runs of a plan that end in `fail`."""
    failed = 0
    for seed in range(runs):
        rng = random.Random(seed)
        drawn = make_plan(plan=plan, seed=f"{rng.getrandbits(128):032x}")
        result = simulate(drawn, Pool(faults=[fault], rng=rng), rng=rng)
        failed += result.verdict.outcome == "fail"
    return failed


@pytest.mark.parametrize(
    "fault",
    [
        *(fault.name for fault in FAULTS if fault.name in ("shared-pool", "steals-when-busy", "newcomer-steals")),
        "case-folding",
    ],
)
def test_the_standard_plan_finds_it_in_every_run(fault: str) -> None:
    assert detected("standard", parse_fault(fault), 60) == 60


@pytest.mark.parametrize(
    ("plan", "fault", "rate"),
    [
        ("standard", "hash-buckets:k=8", 0.997),
        ("standard", "hash-buckets:k=64", 0.36),
        ("deep", "hash-buckets:k=64", 0.999),
    ],
)
def test_hashing_is_found_at_the_rate_of_the_design(plan: PlanName, fault: str, rate: float) -> None:
    """Within four standard errors (and one run) of the stated rate."""
    runs = 150
    error = 4 * math.sqrt(rate * (1 - rate) / runs) + 1 / runs
    assert abs(detected(plan, parse_fault(fault), runs) / runs - rate) <= error


def test_no_fault_is_never_accused() -> None:
    assert detected("standard", parse_fault("none"), 60) == 0
