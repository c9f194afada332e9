"""Carry out one run: plan, control, runner, judge, verdict. `probe`, `invoke` and `demo` share it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import structs

from tenantcheck import __version__
from tenantcheck.cli.planning import RunOptions, RunTarget
from tenantcheck.cli.progress import Progress
from tenantcheck.cli.root import Common
from tenantcheck.history import HistoryWriter, default_path, earlier_runs
from tenantcheck.model import (
    IDENTITIES,
    SCHEDULE,
    WITNESS_NAMES,
    Control,
    End,
    Header,
    IdentityField,
    Observation,
    Plan,
    Standing,
    Verdict,
)
from tenantcheck.plan import Wave
from tenantcheck.runner import Runner
from tenantcheck.senders import SenderSettings, open_sender
from tenantcheck.verdict import Judge

T = TypeVar("T")


def execute(
    plan: Plan,
    target: RunTarget,
    options: RunOptions,
    common: Common,
    settings: SenderSettings,
    control: tuple[Plan, RunTarget] | None = None,
) -> Verdict:
    """Run the plan to its verdict, the control before it; each history is on disk before it is judged."""
    started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    path = options.history or default_path(started, plan.run)
    names, count = earlier_runs(path.parent, plan.kind, plan.target)
    header = Header(
        schedule=SCHEDULE, tool=__version__, started=started, plan=plan, earlier=names, earlier_runs=count
    )
    if control is not None:
        beside = path.with_name(f"{path.stem}-control{path.suffix}")
        header = structs.replace(header, control=_ask_control(*control, header, beside, common, settings))
    judge, end, sha256 = _carry_out(header, target, path, common, settings)
    return judge.verdict(header, end, history=str(path), sha256=sha256)


def _ask_control(
    plan: Plan, target: RunTarget, header: Header, path: Path, common: Common, settings: SenderSettings
) -> Control:
    """How a function that is known not to isolate comes out. Ctrl-C ends everything."""
    own = structs.replace(header, plan=plan, earlier=(), earlier_runs=0)
    judge, end, sha256 = _carry_out(own, target, path, common, settings)
    if end.reason == "interrupted":
        raise click.Abort
    verdict = judge.verdict(own, end)
    fields = {field for finding in verdict.findings if finding.severity == "breach" for field in finding.fields}
    caught: tuple[IdentityField, ...] = tuple(
        name for name in IDENTITIES if WITNESS_NAMES[name] in fields and name not in judge.environments.discredited
    )
    return Control(
        target=plan.target,
        caught_by=caught,
        requests=end.requests,
        ended=end.reason,
        detail=end.detail,
        history=path.name,
        sha256=sha256,
    )


def _carry_out(
    header: Header, target: RunTarget, path: Path, common: Common, settings: SenderSettings
) -> tuple[Judge, End, str]:
    """Run the plan of `header` into a history; the judge has taken in everything."""
    judge = Judge(header.plan)
    with HistoryWriter(path, header) as writer:
        with Progress(quiet=common.quiet, no_color=common.no_color) as progress:

            def on_wave(wave: Wave, observations: Sequence[Observation]) -> Standing:
                judge.add(observations)
                progress.wave(wave, judge)
                return judge.standing()

            async def go() -> End:
                sender = open_sender(settings, target.url)
                interrupted = asyncio.Event()
                try:
                    with interruptible(interrupted):
                        runner = Runner(header.plan, target, sender, writer, on_wave, interrupted=interrupted)
                        return await runner.run()
                finally:
                    await sender.close()

            end = run_async(go())
        return judge, end, writer.sha256


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
