"""The course of a run: which wave comes next, and why it ends."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from tenantcheck.lab.pool import Pool
from tenantcheck.model import Budgets, Observation, Plan, Standing
from tenantcheck.run.course import LEAST_TIME_S, Course, Stop, retry_after_s
from tenantcheck.run.plan import Wave
from tests.notation import changed, plan_for, waves
from tests.simulation import faults, make_plan, simulate

SEED = "5eed"


def opened(plan: Plan, **edit: Any) -> tuple[Course, Wave, list[Observation]]:
    """A course whose opening wave has been answered, every answer changed so."""
    course = Course(plan)
    wave = course.next()
    assert isinstance(wave, Wave)
    letters = "".join(tenant.id for tenant in plan.tenants)
    text = "o " + " ".join(f"{letters[request.tenant or 0]}{n}" for n, request in enumerate(wave.requests))
    observations = [changed(**edit)(o) for o in waves(text, plan)[0]]
    course.took(wave, observations)
    return course, wave, observations


def after(standing: Standing, **changes: Any) -> Stop | None:
    course, wave, observations = opened(plan_for(seed=SEED, **changes))
    return course.after(wave, observations, standing)


def test_a_confirmed_breach_ends_the_run() -> None:
    assert after(Standing(breached=True)) == Stop(reason="breach")
    assert after(Standing(breached=True), keep_going=True) is None


def test_a_breach_by_one_identity_alone_is_followed_by_one_more_wave() -> None:
    """
    Given a breach that stands on one identity, which may be a constant
    When the wave is over
    Then one more is fired, in which a constant contradicts itself; then the run ends, if the breach still stands.
    """
    course, wave, observations = opened(plan_for(seed=SEED))
    alone = Standing(breached=True, confirmed=False)
    assert course.after(wave, observations, alone) is None
    following = course.next()
    assert isinstance(following, Wave)
    course.took(following, observations)
    assert course.after(following, observations, alone) == Stop(reason="breach")
    other, wave, observations = opened(plan_for(seed=SEED))
    assert other.after(wave, observations, alone) is None
    assert other.after(wave, observations, Standing()) is None


def test_a_target_that_says_it_does_not_isolate_ends_the_run() -> None:
    assert after(Standing(not_isolated=True)) == Stop(reason="not-isolated")


@pytest.mark.parametrize("status", [501, 400, 431])
def test_an_opening_that_is_refused_is_sent_once_more_without_what_is_optional(status: int) -> None:
    """SAM's local Lambda answers 501 to whoever asks for a log tail."""
    plan = plan_for(seed=SEED, optional=("log tail",))
    failed = {"outcome": "service-error", "status": status, "witness": None}
    course, wave, observations = opened(plan, **failed)
    assert course.left_out == ("log tail",)
    assert course.after(wave, observations, Standing()) is None
    again = course.next()
    assert isinstance(again, Wave)
    assert (again.kind, again.number) == ("opening", 1)
    course.took(again, observations)
    stop = course.after(again, observations, Standing())
    assert stop is not None
    assert stop.reason == "no-witness"


@pytest.mark.parametrize(
    ("optional", "edit"),
    [
        ((), {"outcome": "service-error", "status": 501, "witness": None}),
        (("log tail",), {"outcome": "refused", "status": 404, "witness": None}),
        (("log tail",), {}),
    ],
)
def test_nothing_is_left_out_without_need(optional: tuple[str, ...], edit: dict[str, Any]) -> None:
    course, _, _ = opened(plan_for(seed=SEED, optional=optional), **edit)
    assert course.left_out == ()


def test_time_grows_with_the_plan_at_the_latency_of_the_first_answers() -> None:
    plan = plan_for(seed=SEED, budgets=Budgets(max_requests=500))
    quick, _, _ = opened(plan)
    slow, _, _ = opened(plan, end_ns=10 * 10**9)
    assert quick.max_time_s == LEAST_TIME_S
    assert 24 * 10 < slow.max_time_s < 24 * 10 * 4
    given, _, _ = opened(plan_for(seed=SEED, budgets=Budgets(max_requests=500, max_time_s=9)), end_ns=10 * 10**9)
    assert given.max_time_s == 9


@pytest.mark.parametrize("tenants", [21, 100])
def test_many_tenants_finish_within_the_default_budgets(tenants: int) -> None:
    from tenantcheck.run.plan import parse_tenants
    from tenantcheck.run.planning import make_plan
    from tenantcheck.run.settings import RunSettings
    from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget

    target = HttpTarget(HttpRequestSpec(url="http://simulated/"))
    plan, _ = make_plan(RunSettings(), parse_tenants(str(tenants)), target)
    plan = msgspec.structs.replace(plan, tenant_place="")  # the boundary needs a target
    rng = random.Random(tenants)
    result = simulate(plan, Pool(rng=rng, max_environments=10_000), rng=rng)
    assert (result.verdict.outcome, result.end.reason) == ("pass", "complete")
    assert result.requests < plan.budgets.max_requests


def soaked(seconds: float, rate: float, *names: str) -> Any:
    rng = random.Random(3)
    plan = msgspec.structs.replace(
        make_plan(seed=f"{rng.getrandbits(128):032x}", max_requests=100_000), soak_s=seconds, rate_of_soak=rate
    )
    return simulate(plan, Pool(faults=faults(*names, rng=rng), rng=rng), rng=rng), plan


def test_a_soak_goes_on_for_its_time_at_its_rate() -> None:
    result, _ = soaked(60.0, 10.0)
    after_plan = [wave for wave in result.waves if wave[0].call_ns > 3 * 10**9]
    kinds = {wave[0].request.kind for wave in after_plan}
    assert {"half", "surge", "crowd", "ordered"} <= kinds
    sent = sum(map(len, after_plan))
    assert 300 < sent <= 660
    assert 60 < result.end.duration_ns / 1e9 < 75
    assert (result.verdict.outcome, result.end.reason) == ("pass", "complete")
    assert "idle gaps" in result.verdict.run.covered


def test_a_soak_ends_at_a_breach() -> None:
    result, _ = soaked(600.0, 10.0, "idle-steals:t=5")
    assert (result.verdict.outcome, result.end.reason) == ("fail", "breach")
    assert result.end.duration_ns / 1e9 < 300


@pytest.mark.parametrize(
    ("told", "waits"),
    [("7", 7.0), ("999999", 60.0), ("soon", 0.0), ("1e999", 0.0), ("-1", 0.0), ("\u0663", 0.0), ("", 0.0)],
)
def test_how_long_a_service_wants_to_be_left_alone(told: str, waits: float) -> None:
    """Whatever a history says of it."""
    ((observation,),) = waves("r a~", plan_for())
    assert retry_after_s(changed(headers={"retry-after": told})(observation)) == waits
