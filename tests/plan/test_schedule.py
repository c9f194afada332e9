"""The schedule: sizes of the five kinds of wave, drawn orders, forecasts."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tenantcheck.model import PlanName
from tenantcheck.model import nonce as nonces
from tenantcheck.model.boundary import Attack
from tenantcheck.plan import Schedule, forecast
from tests.notation import plan_for, waves
from tests.simulation import make_plan

SEED = "5eed"


@pytest.mark.parametrize(
    ("plan", "requests", "environments", "kinds"),
    [
        ("quick", 52, 4, "opening4 ordered48"),
        ("standard", 100, 16, "opening4 half4 half4 half6 half6 crowd12 ordered48 newcomers4 crowd12"),
        (
            "deep",
            144,
            36,
            "opening4 half4 half4 half6 half6 crowd12 ordered48 crowd12 crowd12 newcomers24 crowd12",
        ),
    ],
)
def test_what_the_plans_send(plan: PlanName, requests: int, environments: int, kinds: str) -> None:
    cast = forecast(make_plan(plan=plan, seed=SEED))
    assert (cast.requests, cast.environments) == (requests, environments)
    assert " ".join(f"{wave.kind}{len(wave.requests)}" for wave in cast.waves) == kinds
    assert [wave.planned_left for wave in cast.waves] == list(range(len(cast.waves)))[::-1]


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
    assert (wave.kind, wave.together, len(wave.requests), wave.planned_left) == ("ordered", False, 8, 0)


def test_nonces_are_unique_of_one_length_and_name_their_tenant() -> None:
    requests = [request for wave in forecast(make_plan(seed=SEED)).waves for request in wave.requests]
    assert {len(request.nonce) for request in requests} == {nonces.LENGTH}
    assert len({request.nonce for request in requests}) == 100
    assert [request.seq for request in requests] == list(range(100))
    assert all(one.wave <= other.wave for one, other in pairwise(requests))


def test_a_single_request_for_nobody() -> None:
    (request,) = Schedule(plan_for("ab", seed=SEED)).single(Attack("not-isolated", None)).requests
    assert (request.tenant, request.purpose, request.kind) == (None, "not-isolated", "single")
