"""One run from its plan to its verdict: the control first, each history on disk before it is judged.

Who judges is handed in: a run does not know the judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from msgspec import structs

from tenantcheck.errors import TargetError
from tenantcheck.history import HistoryWriter, default_path, earlier_runs
from tenantcheck.model import (
    SCHEDULE,
    Control,
    End,
    Header,
    IdentityField,
    Observation,
    Plan,
    Sighting,
    Standing,
    Verdict,
)
from tenantcheck.model.sighted import may_have_run
from tenantcheck.model.text import shown_id
from tenantcheck.run.interruption import BrokenOff, Interruption
from tenantcheck.run.plan import TenantList, Wave, forecast
from tenantcheck.run.planning import RunTarget, make_control, make_plan
from tenantcheck.run.runner import OnReply, Runner
from tenantcheck.run.senders import SenderSettings, open_sender
from tenantcheck.run.settings import RunSettings
from tenantcheck.run.targets.logs import LogSource
from tenantcheck.version import __version__

T = TypeVar("T")

#: Ends of a control's run that say nothing of its witness: nobody answered, or nobody was let in.
_NOT_ASKED = frozenset(
    {"unreachable", "no-credentials", "no-function", "not-lambda", "redirected", "limited", "failed"}
)
#: Connections that do not close in so many seconds are left to the system.
_CLOSING_S = 0.5


class Judge(Protocol):
    """What judges a run, wave by wave."""

    def add(self, wave: Sequence[Observation], /) -> object:
        """Take in one ended wave."""
        ...

    def standing(self) -> Standing:
        """How things stand."""
        ...

    def verdict(self, header: Header, end: End | None, /, *, history: str = "", sha256: str = "") -> Verdict:
        """The verdict on everything taken in."""
        ...

    def caught_by(self, verdict: Verdict, /) -> tuple[IdentityField, ...]:
        """The identities by which an environment was seen to serve two tenants."""
        ...


J = TypeVar("J", bound=Judge)


@dataclass(frozen=True, kw_only=True)
class Session:
    """A run that is ready to start."""

    plan: Plan
    target: RunTarget
    control: tuple[Plan, RunTarget] | None
    sender: SenderSettings
    history: Path | None
    """Where the run is recorded; None: a new file in `.tenantcheck/`."""
    logs: LogSource | None = None
    """Where environments are read, where the answers do not tell them."""
    doubts: tuple[str, ...] = ()
    """What is odd about it, and better known before anything is sent."""

    @classmethod
    def of(
        cls,
        target: RunTarget,
        tenants: TenantList,
        settings: RunSettings,
        sender: SenderSettings,
        logs: LogSource | None = None,
    ) -> Self:
        """Plan a run. Raises `UsageError`."""
        plan, planned = make_plan(settings, tenants, target)
        control = make_control(settings, tenants, target)
        return cls(
            plan=plan,
            target=planned,
            control=control,
            sender=sender,
            history=settings.history,
            logs=logs,
            doubts=tuple(_doubts(plan, tenants)),
        )

    async def run(
        self,
        judge: Callable[[Plan], J],
        *,
        interrupted: Interruption | None = None,
        on_wave: Callable[[Wave, J], object] | None = None,
        on_reply: Callable[[Plan, RunTarget], OnReply] | None = None,
    ) -> Verdict:
        """Send, record and judge. `judge` makes what judges a plan; `on_wave` is told of each wave that has ended,
        `on_reply` of everything that comes back from a target, secrets included.

        Raises `BrokenOff` where it is interrupted before anything was sent (then there is no history), and
        `TenantcheckError` where it can't be recorded.
        """
        started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        path = self.history or default_path(started, self.plan.run)
        earlier = earlier_runs(path.parent, self.plan)
        header = Header(
            schedule=SCHEDULE,
            tool=__version__,
            started=started,
            plan=self.plan,
            earlier=earlier.names,
            earlier_runs=earlier.runs,
            same_tenants=earlier.same_tenants,
        )
        asked = _Asking(self.sender, judge, interrupted or Interruption(), on_wave, on_reply, self.logs)
        if self.control is not None:
            beside = path.with_name(f"{path.stem}-control{path.suffix}")
            header = structs.replace(header, control=await asked.control(*self.control, header, beside))
        ran = await asked.target(header, self.target, path)
        if self.control is None:
            _unless_nothing_was_sent(ran.end, path)
        return ran.judge.verdict(ran.header, ran.end, history=str(path), sha256=ran.sha256)

    async def preflight(self, on_reply: OnReply, *, interrupted: Interruption | None = None) -> LogsTold | None:
        """Send what comes up to the opening, and no more. Nothing is recorded, and nothing judged. Returns what the
        logs told, where environments are read there."""
        plan = _opening_of(self.plan)
        logs = await self.logs.open(plan, self.target) if self.logs is not None else None
        sender = open_sender(self.sender, self.target.url)
        nowhere = _Nowhere()
        try:
            runner = Runner(
                plan, self.target, sender, nowhere, _no_judge, interrupted=interrupted, on_reply=on_reply, logs=logs
            )
            end = await runner.run()
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(sender.close(), _CLOSING_S)
        problem = end.detail if end.reason == "failed" else ""
        return None if logs is None else LogsTold(logs.group, nowhere.ran, nowhere.told, problem)


class LogsTold(NamedTuple):
    """What the logs told of a few requests."""

    group: str
    ran: int
    """Requests that the function answered."""
    told: int
    problem: str = ""
    """Why the logs can't be read, where they can't."""


def _doubts(plan: Plan, tenants: TenantList) -> Iterator[str]:
    for first, other in tenants.sharing_credentials():
        yield f"{shown_id(first)} and {shown_id(other)} have the same credentials: are they two to the service?"
    required = [check for check in plan.requested if check not in plan.checks]
    if "shared-environment" not in plan.checks or required:
        missing = required[0] if required else "shared-environment"
        yield f"{missing} is left out: this run can fail, but not pass"


def _opening_of(plan: Plan) -> Plan:
    """The plan with a budget that is spent when the opening is over."""
    requests = 0
    for wave in forecast(plan).waves:
        requests += len(wave.requests)
        if wave.kind == "opening":
            break
    return structs.replace(plan, budgets=structs.replace(plan.budgets, max_requests=requests))


def _no_judge(_: Wave, __: Sequence[Observation]) -> Standing:
    return Standing()


class _Nowhere:
    """Keeps nothing, but how much came."""

    def __init__(self) -> None:
        self.ran = self.told = 0

    def observation(self, observation: Observation) -> None:
        """Count it."""
        self.ran += may_have_run(observation)

    def sighting(self, sighting: Sighting) -> None:  # noqa: ARG002 - it is counted, not kept
        """Count it."""
        self.told += 1

    def flush(self) -> None:
        """There is nothing to write."""

    def end(self, end: End) -> None:
        """Forget that, too."""


class _Ran(NamedTuple, Generic[J]):
    """A run that is over; the judge has taken in everything."""

    judge: J
    header: Header
    end: End
    sha256: str


@dataclass(frozen=True)
class _Asking(Generic[J]):
    """What the run of a target and that of its control have in common."""

    sender: SenderSettings
    judge: Callable[[Plan], J]
    interrupted: Interruption
    on_wave: Callable[[Wave, J], object] | None
    on_reply: Callable[[Plan, RunTarget], OnReply] | None
    logs: LogSource | None = None

    async def control(self, plan: Plan, target: RunTarget, header: Header, path: Path) -> Control:
        """How a function that is known not to isolate comes out."""
        own = structs.replace(
            header, plan=plan, earlier=(), earlier_runs=0, same_tenants="", control_of=header.plan.run
        )
        ran = await self.target(own, target, path, control=True)
        _unless_nothing_was_sent(ran.end, path)
        if ran.end.reason in _NOT_ASKED:
            raise TargetError(
                f"the control {plan.target} could not be asked ({ran.end.detail or ran.end.reason})",
                "Look at --control: nothing was sent to what is to be tested.",
            )
        return Control(
            target=plan.target,
            caught_by=ran.judge.caught_by(ran.judge.verdict(ran.header, ran.end)),
            requests=ran.end.requests,
            ended=ran.end.reason,
            detail=ran.end.detail,
            history=path.name,
            sha256=ran.sha256,
        )

    async def target(self, header: Header, target: RunTarget, path: Path, *, control: bool = False) -> _Ran[J]:
        """Run the plan of `header` into a history; the judge has taken in everything."""
        judged = self.judge(header.plan)
        logs = None
        if self.logs is not None:
            logs = await self.logs.open(header.plan, target, control=control)
            header = structs.replace(header, log_group=logs.group)

        def on_wave(wave: Wave, observations: Sequence[Observation]) -> Standing:
            judged.add(observations)
            if self.on_wave is not None:
                self.on_wave(wave, judged)
            return judged.standing()

        sender = open_sender(self.sender, target.url)
        try:
            with HistoryWriter(path, header) as writer:
                on_reply = None if self.on_reply is None else self.on_reply(header.plan, target)
                interrupted = self.interrupted
                runner = Runner(
                    header.plan,
                    target,
                    sender,
                    writer,
                    on_wave,
                    interrupted=interrupted,
                    on_reply=on_reply,
                    logs=logs,
                )
                end = await runner.run()
                return _Ran(judged, header, end, writer.sha256)
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(sender.close(), _CLOSING_S)


def _unless_nothing_was_sent(end: End, path: Path) -> None:
    """Raises `BrokenOff`, without a history, when a run was interrupted before its first request."""
    if end.reason == "interrupted" and not end.requests:
        path.unlink(missing_ok=True)
        raise BrokenOff


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
