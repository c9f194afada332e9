"""Print the plan of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tenantcheck.cli.say import say
from tenantcheck.model import Plan
from tenantcheck.run.course import LEAST_TIME_S
from tenantcheck.run.plan import NEWCOMERS, Forecast, forecast
from tenantcheck.run.session import Session

#: Tenant environments, active or idle, per 1,000 concurrent executions configured for the function.
_ENVIRONMENT_CEILING = 2_500


class Price(NamedTuple):
    """What environments cost."""

    per_gb: float
    memory_mb: int


def print_plan(session: Session, price: Price | None = None) -> None:
    """What is going to be sent, on stderr, before anything is."""
    control = None if session.control is None else session.control[0].target
    for line in plan_lines(session.plan, forecast(session.plan), control, price):
        say(line)


def plan_lines(plan: Plan, cast: Forecast, control: str | None, price: Price | None) -> Sequence[str]:
    """The plan in words."""
    kinds: list[str] = []
    outside = [wave for wave in cast.waves if wave.kind in ("single", "together")]
    for wave in cast.waves:
        if wave not in outside:
            pause = f"{wave.idle_before_s:g} s idle, " if wave.idle_before_s else ""
            kinds.append(f"{pause}{wave.kind} {len(wave.requests)}")
    if outside:
        kinds.append(f"boundary {sum(len(wave.requests) for wave in outside)}")
    lines = [
        f"{plan.kind} {plan.target}",
        f"plan {plan.plan}: {', '.join(kinds)}",
        f"about {cast.requests} requests (limit {plan.budgets.max_requests}); each one runs your handler",
        _time_line(plan),
        f"{cast.environments} environments there (ceiling: {_ENVIRONMENT_CEILING:,} per 1,000 concurrency)",
        f"tenants: {', '.join(tenant.id for tenant in plan.tenants)}",
    ]
    if control is not None:
        lines.insert(1, f"control, asked first: {control}")
    lines += _pace_lines(plan, cast)
    if plan.newcomers:
        asked = plan.newcomers[: NEWCOMERS[plan.plan]]
        ids = ", ".join(tenant.id if len(tenant.id) <= 60 else f"{tenant.id[:20]}…" for tenant in asked)
        lines.append(f"newcomers, ids that nobody should be using: {ids}")
    if price is not None:
        cost = price.per_gb * price.memory_mb / 1024 * cast.environments
        lines.append(f"creating them costs about {cost:.6f} at {price.memory_mb} MB")
    if cast.requests > plan.budgets.max_requests:
        lines.append(f"the plan does not fit into {plan.budgets.max_requests} requests: it will be inconclusive")
    if plan.seed_given:
        lines.append("the seed is given: this replays an order and adds no evidence")
    return lines


def _pace_lines(plan: Plan, cast: Forecast) -> Iterator[str]:
    if plan.soak_s:
        rate = plan.rate or plan.rate_of_soak
        yield (f"then on for {plan.soak_s:g} s, at most {rate:g} requests a second on average")
    if plan.rate:
        yield (f"at most {plan.rate:g} requests a second: {cast.requests / plan.rate:.0f} s at the least")
    if plan.in_flight:
        yield (f"at most {plan.in_flight} requests in flight together")


def _time_line(plan: Plan) -> str:
    if plan.budgets.max_time_s is not None:
        return f"at most {plan.budgets.max_time_s:g} s"
    return f"at most {LEAST_TIME_S:g} s, or as long as that takes at the latency of the first answers"
