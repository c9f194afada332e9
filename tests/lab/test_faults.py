"""Faults of the pool: each breaks isolation in its own way, and the plans find it at the stated rate."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tenantcheck.errors import UsageError
from tenantcheck.lab import Lab, Settings
from tenantcheck.lab.faults import FAULTS, ActiveFault, Faults, Sent, parse_fault
from tenantcheck.lab.function import check_settings
from tenantcheck.lab.mapping import Mapping, bearer, token
from tenantcheck.lab.pool import Pool
from tenantcheck.lab.tenancy import RefusedError
from tenantcheck.model import PlanName
from tests.lab.test_pool import serve
from tests.simulation import make_plan, simulate

HANDLER = Path(__file__).parent / "handlers" / "proxy.handler"


def pool(*faults: str, max_environments: int = 250) -> Pool:
    active = Faults([parse_fault(fault) for fault in faults])
    return Pool(faults=active, rng=random.Random(1), max_environments=max_environments)


@pytest.mark.parametrize(
    ("fault", "ids"),
    [
        ("shared-pool", ("a", "b")),
        ("hash-buckets:k=1", ("a", "b")),
        ("prefix:n=3", ("acme-1", "acme-2")),
        ("case-folding", ("acme", "ACME")),
        ("trimming", ("acme", "acme.")),
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


def test_cold_starts_at_the_same_time_are_booked_on_each_other() -> None:
    swapping = pool("cold-starts-swapped")
    assert serve(swapping, "a", "b") == [1, 2]
    assert serve(swapping, "a") == [2]
    assert serve(swapping, "b") == [1]
    assert serve(swapping, "c") == [3]
    assert serve(swapping, "c") == [3]


def test_instead_of_a_cold_start_scratch_is_handed_on() -> None:
    handing = pool("scratch-handed-on")
    serve(handing, "a")
    lease = handing.acquire("b", 1)
    assert lease is not None
    assert (lease.slot.number, lease.restarted, lease.cold) == (1, True, False)


def test_a_snapshot_is_of_a_tenants_first_environment() -> None:
    cloning = pool("snapshot-clone")
    images = [lease.slot.image for tenant in "aaba" if (lease := cloning.acquire(tenant, 0)) is not None]
    assert images == [1, 1, 3, 1]


def test_an_environment_takes_up_to_k_requests() -> None:
    packing = pool("several-at-once:k=2")
    leases = [lease for tenant in "aabaa" if (lease := packing.acquire(tenant, 0)) is not None]
    assert [lease.slot.environment for lease in leases] == [1, 1, 3, 4, 4]
    for lease in leases[:2]:
        packing.retire(lease.slot)
    again = packing.acquire("a", 1)
    assert again is not None
    assert again.slot.environment == again.slot.number


def test_retired_after_so_many_answers() -> None:
    short = pool("retired:n=2")
    assert [serve(short, "a")[0] for _ in range(5)] == [1, 1, 2, 2, 3]


class TestMapping:
    """What the front makes of a request."""

    @pytest.mark.parametrize(
        ("fault", "sent", "tenant"),
        [
            ("none", Sent(["a"]), "a"),
            ("none", Sent([]), None),
            ("none", Sent(["a "]), "a"),
            ("none", Sent(["a", "b"], reserved="c"), "a, b"),
            ("first-header", Sent(["a", "b"]), "a"),
            ("last-header", Sent(["a", "b"]), "b"),
            ("reserved-honoured", Sent(["a"], reserved="c"), "c"),
            ("missing-defaulted", Sent([]), "default"),
            ("invalid-cleaned", Sent(["a!b" + "x" * 300]), "ab" + "x" * 254),
            ("percent-decoding", Sent(["a%41"]), "aA"),
            ("plus-decoding", Sent(["a+b"]), "a b"),
        ],
    )
    def test_without_an_authorizer(self, fault: str, sent: Sent, tenant: str | None) -> None:
        assert Mapping(Faults([parse_fault(fault)])).tenant(sent, 0) == tenant

    def test_with_an_authorizer_ids_are_ignored(self) -> None:
        assert Mapping(Faults(), authorizer=True).tenant(Sent(["a"], reserved="c", bearer="b"), 0) == "b"

    def test_an_authorizer_does_not_help_where_the_clients_header_wins(self) -> None:
        mapping = Mapping(Faults([parse_fault("reserved-honoured")]), authorizer=True)
        assert mapping.tenant(Sent([], reserved="c", bearer="b"), 0) == "c"

    def test_an_authorizer_refuses_without_a_token(self) -> None:
        with pytest.raises(RefusedError) as refused:
            Mapping(Faults(), authorizer=True).tenant(Sent(["a"]), 0)
        assert refused.value.status == 401

    def test_a_remembered_authorization_is_everybodys(self) -> None:
        mapping = Mapping(Faults([parse_fault("authorizer-cached:t=10")]), authorizer=True)
        assert [mapping.tenant(Sent([], bearer=tenant), now) for tenant, now in (("a", 0), ("b", 9), ("b", 10))] == [
            "a",
            "a",
            "b",
        ]

    def test_unbound_credentials(self) -> None:
        mapping = Mapping(Faults([parse_fault("credentials-unbound")]), authorizer=True)
        assert mapping.tenant(Sent(["a"], bearer="b"), 0) == "a"

    @pytest.mark.parametrize(
        ("authorization", "tenant"),
        [
            (f"Bearer {token('a')}", "a"),
            (f"bearer {token('a.b')}", "a.b"),
            (f"Bearer {token('a')}x", None),
            (f"Bearer {token('a').replace('-a', '-b')}", None),
            ("Bearer lab-a", None),
            ("Bearer a", None),
            (f"Basic {token('a')}", None),
            (None, None),
        ],
    )
    def test_tokens(self, authorization: str | None, tenant: str | None) -> None:
        assert bearer(authorization) == tenant


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"faults": ("constant-id",), "handler": str(HANDLER)}, "a fault of the built-in handler"),
        ({"faults": ("authorizer-cached",)}, "one of an authorizer"),
        ({"faults": ("shared-pool",), "isolation": "none"}, "needs isolation per-tenant"),
        ({"faults": ("missing-defaulted", "first-header")}, "exclude each other"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_settings(Settings(**settings))


def test_weather_is_for_every_isolation(labs: Callable[..., Lab]) -> None:
    lab = labs(faults=("throttled:p=1", "none"), isolation="broken")
    assert httpx.get(lab.front_url, headers={"x-tenant-id": "a"}, trust_env=False).status_code == 429


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
        ("race:p=2", "p must be between 0 and 1"),
        ("slow-path:ms=-1", "ms must be 0 or more"),
        ("retired:n=nan", "n must be a whole number"),
        ("hash-buckets:k=2.5", "k must be a whole number"),
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
        result = simulate(drawn, Pool(faults=Faults([fault], rng), rng=rng), rng=rng)
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
        ("standard", "hash-buckets:k=8", 1.0),
        ("standard", "hash-buckets:k=64", 0.991),
        ("deep", "hash-buckets:k=64", 1.0),
    ],
)
def test_hashing_is_found_at_the_stated_rate(plan: PlanName, fault: str, rate: float) -> None:
    """Within four standard errors (and one run) of the stated rate."""
    runs = 150
    error = 4 * math.sqrt(rate * (1 - rate) / runs) + 1 / runs
    assert abs(detected(plan, parse_fault(fault), runs) / runs - rate) <= error


def test_no_fault_is_never_accused() -> None:
    assert detected("standard", parse_fault("none"), 60) == 0
