"""The schedule: sizes of the five kinds of wave, drawn orders, forecasts."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tenantcheck.model import PlanName
from tenantcheck.model import nonce as nonces
from tenantcheck.run.plan import Schedule, forecast
from tests.notation import changed, plan_for, waves
from tests.simulation import make_plan

SEED = "5eed"


@pytest.mark.parametrize(
    ("plan", "requests", "environments", "kinds"),
    [
        ("quick", 52, 4, "opening4 ordered48"),
        (
            "standard",
            152,
            42,
            "opening4 half4 half4 half6 half6 surge8 surge8 crowd22 ordered48" + 10 * " newcomers2" + " crowd22",
        ),
    ],
)
def test_what_the_plans_send(plan: PlanName, requests: int, environments: int, kinds: str) -> None:
    cast = forecast(make_plan(plan=plan, seed=SEED))
    assert (cast.requests, cast.environments) == (requests, environments)
    assert " ".join(f"{wave.kind}{len(wave.requests)}" for wave in cast.waves) == kinds
    assert [wave.planned_left == 0 for wave in cast.waves] == [False] * (len(cast.waves) - 1) + [True]


def test_idle_gaps_come_before_a_crowd_and_two_halves() -> None:
    plan = make_plan(seed=SEED)
    plan = plan.__class__(**{name: getattr(plan, name) for name in plan.__struct_fields__} | {"idle_s": (1.0, 10.0)})
    idle = [(wave.kind, wave.idle_before_s) for wave in forecast(plan).waves if wave.idle_before_s]
    assert idle == [
        ("crowd", 1.0),
        ("half", 1.0),
        ("half", 1.0),
        ("crowd", 10.0),
        ("half", 10.0),
        ("half", 10.0),
    ]


def test_two_halves_are_all_tenants_once() -> None:
    for seed in range(20):
        halves = [w for w in forecast(make_plan(tenants=5, seed=f"{seed:x}")).waves if w.kind == "half"]
        for one, other in zip(halves[::2], halves[1::2], strict=True):
            first = {request.tenant for request in one.requests}
            second = {request.tenant for request in other.requests}
            assert first | second == set(range(5))
            assert not first & second
            assert abs(len(first) - len(second)) == 1


def test_the_order_is_drawn_from_the_seed() -> None:
    def order(seed: str) -> list[int | None]:
        return [request.tenant for wave in forecast(make_plan(seed=seed)).waves for request in wave.requests]

    assert order("1") == order("1")
    assert order("1") != order("2")


def test_every_order_of_a_wave_is_as_likely() -> None:
    """The first of the opening wave, over many seeds."""
    first = Counter(
        forecast(make_plan(plan="quick", seed=f"{seed:x}")).waves[0].requests[0].tenant for seed in range(800)
    )
    assert all(150 < count < 250 for count in first.values())


def test_sizes_follow_the_environments_seen() -> None:
    plan = plan_for("ab", seed=SEED)
    schedule = Schedule(plan)
    schedule.next()
    schedule.ended(waves("o a1 b2 | c a3 a4 a- a?", plan)[1])
    assert (schedule.known(0), schedule.known(1)) == (2, 0)
    sizes = Counter(
        request.tenant for half in (schedule.next(), schedule.next()) if half for request in half.requests
    )
    assert sizes == {0: 3, 1: 1}


def test_further_waves_are_ordered_and_small() -> None:
    schedule = Schedule(plan_for("ab", seed=SEED))
    while schedule.next() is not None:
        pass
    wave = schedule.further()
    assert (wave.kind, wave.in_flight_together, len(wave.requests), wave.planned_left) == ("ordered", False, 8, 0)


def test_nonces_are_unique_of_one_length_and_name_their_tenant() -> None:
    requests = [request for wave in forecast(make_plan(seed=SEED)).waves for request in wave.requests]
    assert {len(request.nonce) for request in requests} == {nonces.LENGTH}
    assert len({request.nonce for request in requests}) == 152
    assert [request.seq for request in requests] == list(range(152))
    assert all(one.wave <= other.wave for one, other in pairwise(requests))


def test_no_part_of_a_nonce_follows_its_tenant() -> None:
    """
    Given the nonces of one tenant's requests
    When any prefix of them is looked at that is long enough to tell requests apart
    Then it differs from request to request: a balancer keyed by one is no pool per tenant.
    """
    requests = [request for wave in forecast(make_plan(seed=SEED)).waves for request in wave.requests]
    own = [request.nonce for request in requests if request.tenant == 0]
    assert len({nonce[14:26] for nonce in own}) == len(own)
    assert len({nonces.tag_of(nonce) for nonce in own}) == 1


def test_deep_surges_twice_and_crowds_four_times() -> None:
    kinds = Counter(wave.kind for wave in forecast(make_plan(plan="deep", seed=SEED)).waves)
    assert (kinds["surge"], kinds["crowd"], kinds["newcomers"]) == (4, 4, 20)


def test_a_surge_asks_two_tenants_in_turn() -> None:
    tenants = [{r.tenant for r in w.requests} for w in forecast(make_plan(seed=SEED)).waves if w.kind == "surge"]
    assert [len(each) for each in tenants] == [1, 1]
    assert tenants[0] != tenants[1]


def answered(schedule: Schedule, cold_s: float) -> None:
    """The opening wave, answered by cold starts that take so long."""
    wave = schedule.next()
    assert wave is not None
    text = "o " + " ".join(f"{'abcd'[request.tenant or 0]}{n}" for n, request in enumerate(wave.requests))
    schedule.ended(changed(end_ns=int(cold_s * 1e9) + o.call_ns)(o) for o in waves(text, plan_for("abcd"))[0])


@pytest.mark.parametrize(("cold_s", "groups"), [(0.05, 10), (1.0, 10), (2.0, 5), (6.0, 2), (60.0, 2)])
def test_newcomers_start_in_larger_groups_where_cold_starts_are_slow(cold_s: float, groups: int) -> None:
    """Their cold starts add up to about 12 seconds at most; the two of 256 characters never share a group."""
    plan = make_plan(seed=SEED)
    schedule = Schedule(plan)
    answered(schedule, cold_s)
    drawn = []
    while (wave := schedule.next()) is not None:
        if wave.kind == "newcomers":
            drawn.append([request.tenant or 0 for request in wave.requests])
    assert len(drawn) == groups
    assert sorted(tenant for group in drawn for tenant in group) == [tenant.index for tenant in plan.newcomers]
    people = plan.everyone()
    assert not any(people[one].sibling in group for group in drawn for one in group)


def test_rounds_go_on_after_the_plan() -> None:
    plan = plan_for("abcd", newcomers="abcd", seed=SEED, soak_s=60.0, plan="quick")
    schedule = Schedule(plan)
    while (wave := schedule.next()) is not None:
        schedule.assume(wave)
    drawn = [schedule.soak(60.0) for _ in range(21)]
    kinds = [wave.kind for wave in drawn]
    assert kinds[:7] == ["half", "half", "surge", "surge", "crowd", "ordered", "newcomers"]
    assert kinds.count("newcomers") == 2  # until there are no more ids
    assert all(0.01 <= wave.idle_before_s <= 6.0 for wave in drawn)
    assert all(wave.planned_left == 0 for wave in drawn)


def test_calls_before_the_waves_of_invoke() -> None:
    drawn = forecast(plan_for("ab", seed=SEED, kind="invoke", tenant_place="invoke")).waves
    assert [(w.kind, w.requests[0].purpose, w.requests[0].tenant) for w in drawn[:3]][:2] == [
        ("single", "not-isolated", None),
        ("single", "not-isolated", 0),
    ]
    assert drawn[2].kind == "opening"
