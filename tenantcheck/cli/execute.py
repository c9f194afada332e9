"""Carry out one run: plan, runner, judge, verdict. `probe`, `invoke` and `demo` share it."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Coroutine, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from tenantcheck import __version__
from tenantcheck.checks import refuses_tenants
from tenantcheck.cli.options import chosen_checks, parse_idle, parse_seed, parse_witness_paths
from tenantcheck.cli.progress import Progress
from tenantcheck.cli.root import Common
from tenantcheck.errors import UsageError
from tenantcheck.history import HistoryWriter, default_path
from tenantcheck.model import Budgets, Header, Observation, Plan, PlanName, RunKind, Verdict
from tenantcheck.model.boundary import Attack
from tenantcheck.plan import NEWCOMERS, Forecast, Row, TenantList, Wave, forecast, parse_tenants
from tenantcheck.runner import Runner, Stop
from tenantcheck.senders import SenderSettings, open_sender
from tenantcheck.targets import Target
from tenantcheck.verdict import CORE_CHECK, Judge
from tenantcheck.witness import WitnessReader

T = TypeVar("T")

#: Tenant environments, active or idle, per 1,000 concurrent executions configured for the function.
_ENVIRONMENT_CEILING = 2_500


class RunTarget(Target, Protocol):
    """A target that a whole run can be planned for."""

    kind: RunKind
    preludes: Sequence[Attack]
    """Requests before the waves."""

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

    def bind(self, rows: Sequence[Row]) -> None:
        """Take the tenants and newcomers, in the order of their index."""
        ...

    def repeat(self) -> str:
        """The command that sends a request again (see `Plan`)."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of `run_options` and `judging_options`, as the command line gives them."""

    tenants: str = "4"
    plan: PlanName = "standard"
    idle: str | None = None
    max_requests: int = 500
    max_time: float = 120.0
    timeout: float = 30.0
    seed: str | None = None
    keep_going: bool = False
    boundary: bool = False
    price_per_gb: float | None = None
    memory: int = 128
    witness: tuple[str, ...] = ()
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
        with Path(name).open("rb") as file:
            content = file.read((1 << 20) + 1)
    except OSError as error:
        raise UsageError(f"--tenants {option}: {error.strerror}", "Name a readable file.") from error
    return parse_tenants(option, {name: content})


def make_plan(options: RunOptions, tenants: TenantList, target: RunTarget) -> Plan:
    """The plan of a run against `target`, which is given the rows of its tenants and newcomers. Raises
    `UsageError`."""
    target.bind(tenants.rows)
    newcomers, newcomer_rows = tenants.newcomers(NEWCOMERS[options.plan], target.tenant_place)
    checks, requested = chosen_checks(options.only, options.skip)
    idle = parse_idle(options.idle)
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
        idle_s=idle,
        seed=seed if seed is not None else secrets.token_hex(16),
        seed_given=seed is not None,
        significance=options.significance if options.significance is not None else 1e-6,
        budgets=Budgets(max_requests=options.max_requests, max_time_s=options.max_time),
        timeout_s=options.timeout,
        checks=checks,
        requested=requested,
        keep_going=options.keep_going,
        strict=options.strict,
        witness_paths=paths,
        tenant_place=target.tenant_place,
        boundary=target.safe or options.boundary,
        nonce_in_url=target.nonce_in_url,
        repeat=target.repeat(),
    )
    pauses = sum(wave.idle_before_s for wave in forecast(plan).waves)
    if pauses >= options.max_time:
        raise UsageError(
            f"--idle: the gaps alone take {pauses:g} s, --max-time allows {options.max_time:g} s",
            f"Raise it: --max-time {pauses + 60:g}",
        )
    target.bind((*tenants.rows, *newcomer_rows))
    return plan


def print_plan(plan: Plan, target: RunTarget, options: RunOptions, common: Common) -> None:
    """What is going to be sent, on stderr, before anything is."""
    if common.quiet and not options.dry_run:
        return
    cast = forecast(plan)
    for line in plan_lines(plan, cast, options, preludes=len(target.preludes)):
        click.echo(line, err=True)


def plan_lines(plan: Plan, cast: Forecast, options: RunOptions, *, preludes: int) -> Sequence[str]:
    """The plan in words; `preludes` are the requests before its waves."""
    kinds: list[str] = []
    singles = [wave for wave in cast.waves if wave.kind == "single"]
    for wave in cast.waves[: len(cast.waves) - len(singles)]:
        pause = f"{wave.idle_before_s:g} s idle, " if wave.idle_before_s else ""
        kinds.append(f"{pause}{wave.kind} {len(wave.requests)}")
    if singles:
        kinds.append(f"boundary {len(singles)}")
    requests = cast.requests + preludes
    lines = [
        f"{plan.kind} {plan.target}",
        f"plan {plan.plan}: {', '.join(kinds)}",
        f"on a healthy pool {requests} requests (at most {plan.budgets.max_requests}), each runs the handler",
        f"{cast.environments} environments there (ceiling: {_ENVIRONMENT_CEILING:,} per 1,000 concurrency)",
        f"tenants: {', '.join(tenant.id for tenant in plan.tenants)}",
    ]
    if plan.newcomers:
        ids = ", ".join(tenant.id for tenant in plan.newcomers)
        lines.append(f"newcomers, ids that nobody should be using: {ids}")
    if options.price_per_gb is not None:
        cost = options.price_per_gb * options.memory / 1024 * cast.environments
        lines.append(f"creating them costs about {cost:.6f} at {options.memory} MB")
    if requests > plan.budgets.max_requests:
        lines.append(f"the plan does not fit into {plan.budgets.max_requests} requests: it will be inconclusive")
    if plan.seed_given:
        lines.append("the seed is given: this replays an order and adds no evidence")
    return lines


def execute(
    plan: Plan,
    target: RunTarget,
    options: RunOptions,
    common: Common,
    settings: SenderSettings,
) -> Verdict:
    """Run the plan to its verdict; the history is on disk before it is judged."""
    started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    header = Header(tool=__version__, started=started, plan=plan)
    path = options.history or default_path(started, plan.run)
    judge = Judge(plan)
    with HistoryWriter(path, header) as writer:
        with Progress(quiet=common.quiet, no_color=common.no_color) as progress:

            def on_wave(wave: Wave, observations: Sequence[Observation]) -> Stop | None:
                judge.add(observations)
                progress.wave(wave, judge)
                return judge_stop(judge, wave)

            async def go() -> Any:
                sender = open_sender(settings, target.url)
                interrupted = asyncio.Event()
                try:
                    with interruptible(interrupted):
                        runner = Runner(
                            plan, target, sender, writer, on_wave, preludes=target.preludes, interrupted=interrupted
                        )
                        return await runner.run()
                finally:
                    await sender.close()

            end = run_async(go())
        return judge.verdict(header, end, history=str(path), sha256=writer.sha256)


def judge_stop(judge: Judge, wave: Wave) -> Stop | None:
    """Whether the run has done its work after this wave."""
    plan = judge.plan
    if any(refuses_tenants(o) for o in judge.environments.purposes.get("not-isolated", ())):
        return Stop(reason="not-isolated")
    if wave.kind == "single" and wave.requests[0].purpose == "not-isolated":
        return None  # served without a tenant, say: the waves show what that leads to
    breached = judge.breached()
    if breached and not plan.keep_going:
        return Stop(reason="breach")
    if wave.planned_left:
        return None
    evidence = judge.evidence()
    if not judge.environments.reuses:
        return Stop(reason="no-reuse")
    if evidence.reached or evidence.field is None or plan.seed_given or breached or CORE_CHECK not in plan.checks:
        return Stop(reason="complete")
    return None


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


@contextmanager
def interruptible(event: asyncio.Event) -> Any:
    """Ctrl-C and SIGTERM set the event instead of breaking off."""
    loop = asyncio.get_running_loop()
    installed: list[signal.Signals] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # Only the main thread of some systems can do this; elsewhere Ctrl-C breaks off as usual.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, event.set)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
