"""Make the plan of a run from what the command line says, and print it."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from tenantcheck.cli.files import read_file
from tenantcheck.cli.options import (
    chosen_checks,
    parse_idle,
    parse_required,
    parse_seed,
    parse_witness_paths,
)
from tenantcheck.cli.root import Common
from tenantcheck.cli.say import say
from tenantcheck.errors import UsageError
from tenantcheck.model import Budgets, Plan, PlanName, Repeat, RunKind
from tenantcheck.run.course import LEAST_TIME_S
from tenantcheck.run.plan import NEWCOMERS, SOAK_NEWCOMERS, Forecast, Row, TenantList, forecast, parse_tenants
from tenantcheck.run.plan.tenants import MAX_FILE_BYTES
from tenantcheck.run.targets import Target
from tenantcheck.run.witness import WitnessReader

#: Tenant environments, active or idle, per 1,000 concurrent executions configured for the function.
_ENVIRONMENT_CEILING = 2_500
#: A run may always send so many requests, and half as many again as its plan needs.
_LEAST_REQUESTS = 500
_SLACK = 1.5
#: Requests per second of a soak, where the user names no rate.
SOAK_RATE = 10.0


class RunTarget(Target, Protocol):
    """A target that a whole run can be planned for."""

    kind: RunKind

    @property
    def display(self) -> str:
        """How reports name it."""
        ...

    @property
    def tenant_place(self) -> str:
        """How ids travel (see `Plan`)."""
        ...

    @property
    def safe(self) -> bool:
        """Whether requests change nothing."""
        ...

    @property
    def nonce_in_url(self) -> bool:
        """Whether requests could be cached, but for the nonce (see `Plan`)."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names of the tenant that are tried (see `Plan`)."""
        ...

    @property
    def optional(self) -> tuple[str, ...]:
        """Parts of requests that can be left out (see `Plan`)."""
        ...

    def bind(self, rows: Sequence[Row]) -> None:
        """Take the tenants and newcomers, in the order of their index."""
        ...

    def twin(self, name: str, /) -> Self:
        """The same requests to another URL or function, which does not isolate."""
        ...

    def repeat(self) -> Repeat:
        """The command that sends a request again (see `Plan`)."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `run_options` and `judging_options`, as the command line gives them."""

    tenants: str = "4"
    plan: PlanName = "standard"
    idle: str | None = None
    soak: float | None = None
    rate: float | None = None
    in_flight: int | None = None
    control: str | None = None
    require: tuple[str, ...] = ()
    max_requests: int | None = None
    max_time: float | None = None
    timeout: float = 30.0
    seed: str | None = None
    keep_going: bool = False
    boundary: bool = False
    price_per_gb: float | None = None
    memory: int = 128
    witness: tuple[str, ...] = ()
    show_errors: bool = False
    dry_run: bool = False
    history: Path | None = None
    significance: float | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    strict: bool = False


def read_tenants(option: str) -> TenantList:
    """`--tenants`, with the file of an `@FILE` read. Raises `UsageError`."""
    if not option.startswith("@"):
        return parse_tenants(option)
    name = option[1:]
    try:
        content = read_file(Path(name), MAX_FILE_BYTES)
    except OSError as error:
        raise UsageError(f"--tenants {option}: {error.strerror}", "Name a readable file.") from error
    return parse_tenants(option, {name: content})


def make_plan(options: RunOptions, tenants: TenantList, target: RunTarget) -> Plan:
    """The plan of a run against `target`, which is given the rows of its tenants and newcomers. Raises
    `UsageError`."""
    target.bind(tenants.rows)
    checks, requested = chosen_checks(options.only, options.skip)
    tenants.require_distinct(target.tenant_place)
    newcomers, newcomer_rows = tenants.newcomers(
        NEWCOMERS[options.plan] + (SOAK_NEWCOMERS if options.soak else 0),
        target.tenant_place,
        lookalike="lookalike-collapse" in checks,
    )
    target.bind((*tenants.rows, *newcomer_rows))
    seed = parse_seed(options.seed)
    paths = parse_witness_paths(options.witness)
    WitnessReader(paths)
    plan = Plan(
        run=secrets.token_hex(4),
        kind=target.kind,
        target=target.display,
        tenants=tenants.tenants(),
        newcomers=newcomers,
        plan=options.plan,
        idle_s=parse_idle(options.idle),
        soak_s=options.soak or 0.0,
        rate=options.rate,
        rate_of_soak=SOAK_RATE if options.soak and options.rate is None else None,
        in_flight=options.in_flight,
        seed=seed if seed is not None else secrets.token_hex(16),
        seed_given=seed is not None,
        significance=options.significance if options.significance is not None else 1e-6,
        budgets=Budgets(max_requests=0, max_time_s=options.max_time),
        timeout_s=options.timeout,
        checks=checks,
        requested=requested,
        required=parse_required(options.require),
        keep_going=options.keep_going,
        strict=options.strict,
        witness_paths=paths,
        tenant_place=target.tenant_place,
        aliases=target.aliases,
        optional=target.optional,
        boundary=target.safe or options.boundary,
        nonce_in_url=target.nonce_in_url,
        repeat=target.repeat(),
    )
    pauses = sum(wave.idle_before_s for wave in forecast(plan).waves)
    if options.max_time is not None and pauses >= options.max_time:
        raise UsageError(
            f"--idle: the gaps alone take {pauses:g} s, --max-time allows {options.max_time:g} s",
            f"Raise it: --max-time {pauses + 60:g}",
        )
    return _with_budget(plan, options)


def _with_budget(plan: Plan, options: RunOptions) -> Plan:
    """The plan, allowed as many requests as the user says, or as it needs."""
    from msgspec import structs

    most = options.max_requests
    if most is None:
        most = max(_LEAST_REQUESTS, math.ceil(_SLACK * forecast(plan).requests))
        most += math.ceil(plan.soak_s * (plan.rate or plan.rate_of_soak or 0))
    return structs.replace(plan, budgets=structs.replace(plan.budgets, max_requests=most))


def make_control(options: RunOptions, tenants: TenantList, target: RunTarget) -> tuple[Plan, RunTarget] | None:
    """The plan of the control, if one is wished: asked with fresh ids (with the tenants' own where they have
    credentials), until its breach. Raises `UsageError`."""
    if options.control is None:
        return None
    twin = target.twin(options.control)
    own = tenants if tenants.has_credentials else parse_tenants(str(len(tenants.rows)))
    asked = replace(
        options,
        plan="standard",  # its first waves find what a quick one finds at its end
        idle=None,
        soak=None,
        seed=None,
        require=(),
        keep_going=False,
        only=("shared-environment",),
        skip=(),
    )
    return make_plan(asked, own, twin), twin


def print_plan(plan: Plan, options: RunOptions, common: Common) -> None:
    """What is going to be sent, on stderr, before anything is."""
    if common.quiet and not options.dry_run:
        return
    for line in plan_lines(plan, forecast(plan), options):
        say(line)


def plan_lines(plan: Plan, cast: Forecast, options: RunOptions) -> Sequence[str]:
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
    if options.control is not None:
        lines.insert(1, f"control, asked first: {options.control}")
    lines += _pace_lines(plan, cast)
    if plan.newcomers:
        asked = plan.newcomers[: NEWCOMERS[plan.plan]]
        ids = ", ".join(tenant.id if len(tenant.id) <= 60 else f"{tenant.id[:20]}…" for tenant in asked)
        lines.append(f"newcomers, ids that nobody should be using: {ids}")
    if options.price_per_gb is not None:
        cost = options.price_per_gb * options.memory / 1024 * cast.environments
        lines.append(f"creating them costs about {cost:.6f} at {options.memory} MB")
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
