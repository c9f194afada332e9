"""Print the plan of a run, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from tenantcheck.cli.say import say, tell
from tenantcheck.model import HttpRepeat, InvokeRepeat, Plan
from tenantcheck.run.course import LEAST_TIME_S
from tenantcheck.run.plan import NEWCOMERS, Forecast, Wave, forecast
from tenantcheck.run.session import Session

#: Tenant environments, active or idle, per 1,000 concurrent executions configured for the function.
_ENVIRONMENT_CEILING = 2_500
#: Published prices of creating an environment, in USD per GB of memory on x86, by region.
_PRICES = {"ap-northeast-1": 0.000167}
#: Newcomers that are named; the rest is counted.
_MOST_NAMED = 3


class Price(NamedTuple):
    """What environments cost, per GB of memory; None: as published, where that is known for the region."""

    per_gb: float | None
    memory_mb: int


def print_plan(session: Session, price: Price, *, asked_for: bool = False) -> None:
    """What is going to be sent, before anything is: on stderr, or on stdout where it is all that was asked for. What
    is odd about it is said on stderr."""
    control = None if session.control is None else session.control[0].target
    lines = plan_lines(session.plan, forecast(session.plan), control, price)
    if asked_for:
        tell("\n".join(lines))
    else:
        say("\n".join(lines))
    for doubt in session.doubts:
        say(doubt)


def plan_lines(plan: Plan, cast: Forecast, control: str | None, price: Price) -> Sequence[str]:
    """The plan in words."""
    lines = [f"{plan.kind} {plan.target}"]
    if control is not None:
        lines.append(f"control, asked first: {control}")
    lines += [
        f"plan {plan.plan}: {', '.join(_kinds(cast.waves))}",
        f"about {cast.requests} requests (limit {plan.budgets.max_requests}) to {cast.environments} environments "
        f"(ceiling: {_ENVIRONMENT_CEILING:,} per 1,000 concurrency); {_time(plan)}",
        _safety(plan),
        *_cost(plan, cast, price),
        f"tenants: {', '.join(tenant.id for tenant in plan.tenants)}",
        *_pace(plan, cast),
        *_newcomers(plan),
    ]
    if plan.seed_given:
        lines.append("the seed is given: this replays an order and adds no evidence")
    return lines


def seconds_line(plan: Plan, answer_s: float) -> str:
    """How long the plan takes, once the latency of an answer is known."""
    cast = forecast(plan)
    seconds = cast.seconds(answer_s)
    if plan.rate:
        seconds = max(seconds, cast.requests / plan.rate)
    in_all = max(seconds + plan.soak_s, 1)
    return f"the first answers took {answer_s:.2g} s: about {in_all:.0f} s in all if the others take as long"


def _kinds(waves: Sequence[Wave]) -> Iterator[str]:
    """The waves by kind, those outside the waves as one."""
    inside = [wave for wave in waves if wave.kind not in ("single", "together")]
    for (kind, idle_s), group in groupby(inside, key=lambda wave: (wave.kind, wave.idle_before_s)):
        sizes = [len(wave.requests) for wave in group]
        pause = f"{idle_s:g} s idle, " if idle_s else ""
        same = len(sizes) > 2 and len(set(sizes)) == 1
        yield f"{pause}{kind} {f'{len(sizes)} x {sizes[0]}' if same else '+'.join(map(str, sizes))}"
    if outside := sum(len(wave.requests) for wave in waves if wave.kind in ("single", "together")):
        yield f"boundary {outside}"


def _safety(plan: Plan) -> str:
    """What it means for a function in production."""
    repeat = plan.repeat
    if isinstance(repeat, HttpRepeat) and repeat.method in ("GET", "HEAD"):
        return f"safe on production if {repeat.method} changes nothing there: each request runs your handler"
    if isinstance(repeat, InvokeRepeat):
        return "each request runs your handler with this payload: safe on production if that changes nothing"
    method = repeat.method if isinstance(repeat, HttpRepeat) else "request"
    return f"each request runs your handler: what one {method} changes is changed as often"


def _cost(plan: Plan, cast: Forecast, price: Price) -> Iterator[str]:
    """What the environments cost, as far as it is known."""
    region = next((each for each in _PRICES if each in plan.target), None)
    per_gb = price.per_gb if price.per_gb is not None else _PRICES.get(region or "")
    if per_gb is not None:
        cost = per_gb * price.memory_mb / 1024 * cast.environments
        published = "" if price.per_gb is not None else " USD, as published for x86,"
        yield f"creating the environments costs about {cost:.6f}{published} at {price.memory_mb} MB"


def _pace(plan: Plan, cast: Forecast) -> Iterator[str]:
    if plan.soak_s:
        rate = plan.rate or plan.rate_of_soak
        yield (f"then on for {plan.soak_s:g} s, at most {rate:g} requests a second on average")
    if plan.rate:
        yield (f"at most {plan.rate:g} requests a second: {cast.requests / plan.rate:.0f} s at the least")
    if plan.in_flight:
        yield (f"at most {plan.in_flight} requests in flight together")


def _newcomers(plan: Plan) -> Iterator[str]:
    asked = plan.newcomers[: NEWCOMERS[plan.plan]]
    if asked:
        named = [tenant.id if len(tenant.id) <= 60 else f"{tenant.id[:20]}…" for tenant in asked[:_MOST_NAMED]]
        more = f" and {len(asked) - _MOST_NAMED} more" if len(asked) > _MOST_NAMED else ""
        yield f"newcomers, ids that nobody should be using: {', '.join(named)}{more}"


def _time(plan: Plan) -> str:
    if plan.budgets.max_time_s is not None:
        return f"at most {plan.budgets.max_time_s:g} s"
    return f"at most {LEAST_TIME_S:g} s, or as long as that takes at the latency of the first answers"
