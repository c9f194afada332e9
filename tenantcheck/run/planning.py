"""Make the plan of a run: settings, tenants and a target go in, everything that decides what is sent comes out."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, Self, TypeVar

from msgspec import structs

from tenantcheck.errors import UsageError
from tenantcheck.model import Budgets, Plan, Repeat, RunKind
from tenantcheck.run.plan import NEWCOMERS, SOAK_NEWCOMERS, TenantList, TenantRow, forecast, parse_tenants
from tenantcheck.run.settings import RunSettings, chosen_checks
from tenantcheck.run.targets import Target
from tenantcheck.run.witness import WitnessReader

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
    def carries_nonce(self) -> bool:
        """Whether requests have a place for the nonce."""
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

    def with_rows(self, rows: Sequence[TenantRow], /) -> Self:
        """The same target for these tenants and newcomers, in the order of their index. Raises `UsageError` for what
        it can't send."""
        ...

    def twin(self, name: str, /) -> Self:
        """The same requests to another URL or function, which does not isolate."""
        ...

    def repeat(self) -> Repeat:
        """The command that sends a request again (see `Plan`)."""
        ...


R = TypeVar("R", bound=RunTarget)


def make_plan(settings: RunSettings, tenants: TenantList, target: R) -> tuple[Plan, R]:
    """The plan of a run, and the target for its tenants and newcomers. Raises `UsageError`."""
    checks, requested = chosen_checks(settings.only, settings.skip)
    tenants.require_distinct(target.tenant_place)
    newcomers, newcomer_rows = tenants.newcomers(
        NEWCOMERS[settings.plan] + (SOAK_NEWCOMERS if settings.soak else 0),
        target.tenant_place,
        lookalike="lookalike-collapse" in checks,
    )
    target = target.with_rows((*tenants.rows, *newcomer_rows))
    seed = parse_seed(settings.seed)
    WitnessReader(settings.witness, at=settings.witness_at or "")
    plan = Plan(
        run=secrets.token_hex(4),
        kind=target.kind,
        target=target.display,
        tenants=tenants.tenants(),
        newcomers=newcomers,
        plan=settings.plan,
        idle_s=settings.idle,
        soak_s=settings.soak or 0.0,
        rate=settings.rate,
        rate_of_soak=SOAK_RATE if settings.soak and settings.rate is None else None,
        in_flight=settings.in_flight,
        seed=seed if seed is not None else secrets.token_hex(16),
        seed_given=seed is not None,
        significance=settings.significance,
        budgets=Budgets(max_requests=0, max_time_s=settings.max_time),
        timeout_s=settings.timeout,
        checks=checks,
        requested=requested,
        required=settings.require,
        keep_going=settings.keep_going,
        strict=settings.strict,
        witness_paths=dict(settings.witness),
        witness_at=settings.witness_at or "",
        witness_from=settings.witness_from,
        log_wait_s=settings.log_wait,
        tenant_place=target.tenant_place,
        aliases=target.aliases,
        optional=target.optional,
        boundary=target.safe or settings.boundary,
        nonce_in_url=target.nonce_in_url,
        repeat=target.repeat(),
    )
    pauses = sum(wave.idle_before_s for wave in forecast(plan).waves)
    if settings.max_time is not None and pauses >= settings.max_time:
        raise UsageError(
            f"--idle: the gaps alone take {pauses:g} s, --max-time allows {settings.max_time:g} s",
            f"Raise it: --max-time {pauses + 60:g}",
        )
    return _with_budget(plan, settings), target


def _with_budget(plan: Plan, settings: RunSettings) -> Plan:
    """The plan, allowed as many requests as the user says, or as it needs. Raises `UsageError` for fewer than it
    takes to prove anything."""
    most, needed = settings.max_requests, forecast(plan).requests
    if most is None:
        most = max(_LEAST_REQUESTS, math.ceil(_SLACK * needed))
        most += math.ceil(plan.soak_s * (plan.rate or plan.rate_of_soak or 0))
    elif most < needed:
        smaller = "" if plan.plan == "quick" else ", or take a smaller --plan"
        raise UsageError(
            f"--max-requests {most}: the {plan.plan} plan for {len(plan.tenants)} tenants takes {needed} requests",
            f"Allow them: --max-requests {needed}{smaller}.",
        )
    return structs.replace(plan, budgets=structs.replace(plan.budgets, max_requests=most))


def make_control(settings: RunSettings, tenants: TenantList, target: RunTarget) -> tuple[Plan, RunTarget] | None:
    """The plan of the control, if one is wished: asked with fresh ids (with the tenants' own where they have
    credentials), until its breach. Raises `UsageError`."""
    if settings.control is None:
        return None
    twin = target.twin(settings.control)
    own = tenants if tenants.has_credentials else parse_tenants(str(len(tenants.rows)))
    asked = replace(
        settings,
        # The first waves of a standard plan find what a quick one finds at its end: the logs tell at the end only.
        plan="standard" if settings.witness_from == "answers" else "quick",
        idle=(),
        soak=None,
        seed=None,
        require=(),
        keep_going=False,
        only=("shared-environment",),
        skip=(),
    )
    return make_plan(asked, own, twin)


def parse_seed(text: str | None) -> str | None:
    """1 to 32 hexadecimal digits. Raises `UsageError`."""
    if text is None:
        return None
    try:
        value = int(text, 16)
    except ValueError as error:
        raise UsageError(f"--seed {text}: up to 32 hexadecimal digits were expected") from error
    if not 0 <= value < 1 << 128:
        raise UsageError("--seed: at most 128 bits (32 hexadecimal digits)")
    return f"{value:032x}"
