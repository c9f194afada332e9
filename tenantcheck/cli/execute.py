"""Carry out one run: plan, control, runner, judge, verdict. `probe`, `invoke` and `demo` share it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec import structs

from tenantcheck.cli.interrupts import BrokenOff, interrupts
from tenantcheck.cli.planning import RunOptions, RunTarget
from tenantcheck.cli.progress import Progress
from tenantcheck.cli.root import Common
from tenantcheck.cli.words import ErrorWords
from tenantcheck.history import HistoryWriter, default_path, earlier_runs
from tenantcheck.judge import Judge
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
from tenantcheck.run.plan import Wave
from tenantcheck.run.runner import Runner
from tenantcheck.run.senders import SenderSettings, open_sender, proxy_secrets
from tenantcheck.version import __version__

T = TypeVar("T")

#: More than requests are ever in flight.
_DESCRIPTORS = 4_096
#: Connections that do not close in so many seconds are left to the system.
_CLOSING_S = 0.5


def execute(
    plan: Plan,
    target: RunTarget,
    options: RunOptions,
    common: Common,
    settings: SenderSettings,
    control: tuple[Plan, RunTarget] | None = None,
) -> Verdict:
    """Run the plan to its verdict, the control before it; each history is on disk before it is judged.

    From here on an interruption ends the run, which is judged all the same. Raises `BrokenOff` when one comes before
    anything was sent: then there is no history either.
    """
    interrupts.defer()
    _allow_descriptors()
    started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    path = options.history or default_path(started, plan.run)
    names, count = earlier_runs(path.parent, plan.kind, plan.target)
    header = Header(
        schedule=SCHEDULE, tool=__version__, started=started, plan=plan, earlier=names, earlier_runs=count
    )
    if control is not None:
        beside = path.with_name(f"{path.stem}-control{path.suffix}")
        header = structs.replace(header, control=_ask_control(*control, header, beside, options, common, settings))
    judge, end, sha256 = _carry_out(header, target, path, options, common, settings)
    if control is None:
        _unless_nothing_was_sent(end, path)
    return judge.verdict(header, end, history=str(path), sha256=sha256)


def _ask_control(
    plan: Plan,
    target: RunTarget,
    header: Header,
    path: Path,
    options: RunOptions,
    common: Common,
    settings: SenderSettings,
) -> Control:
    """How a function that is known not to isolate comes out."""
    own = structs.replace(header, plan=plan, earlier=(), earlier_runs=0)
    judge, end, sha256 = _carry_out(own, target, path, options, common, settings)
    _unless_nothing_was_sent(end, path)
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
    header: Header, target: RunTarget, path: Path, options: RunOptions, common: Common, settings: SenderSettings
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
                words = None
                if options.show_errors:
                    words = ErrorWords(target.secrets, proxy_secrets(settings, target.url))
                try:
                    runner = Runner(
                        header.plan,
                        target,
                        sender,
                        writer,
                        on_wave,
                        interrupted=interrupts.wish,
                        on_reply=words,
                    )
                    return await runner.run()
                finally:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(sender.close(), _CLOSING_S)

            end = run_async(go())
        return judge, end, writer.sha256


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def _unless_nothing_was_sent(end: End, path: Path) -> None:
    """Raises `BrokenOff`, without a history, when a run was interrupted before its first request."""
    if end.reason == "interrupted" and not end.requests:
        path.unlink(missing_ok=True)
        raise BrokenOff


def _allow_descriptors() -> None:
    """Have as many file descriptors as this process may: one for each request in flight, and those of the program."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
