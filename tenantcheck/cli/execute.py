"""Run a session as the command line does: with progress on stderr, and an end for Ctrl-C. `probe`, `invoke` and
`demo` share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tenantcheck.cli.interrupts import interrupts
from tenantcheck.cli.output import show
from tenantcheck.cli.planning import Price, print_plan
from tenantcheck.cli.progress import Progress
from tenantcheck.cli.root import Common
from tenantcheck.cli.words import ErrorWords
from tenantcheck.judge import Judge
from tenantcheck.model import Call, Reply, Verdict
from tenantcheck.reports import Format
from tenantcheck.run.planning import RunTarget
from tenantcheck.run.senders import proxy_secrets
from tenantcheck.run.session import Session, run_async

#: More than requests are ever in flight.
_DESCRIPTORS = 4_096


def run_and_show(session: Session, common: Common, given: Mapping[str, Any], reports: Mapping[Path, Format]) -> int:
    """What `probe` and `invoke` do with a session, by the options that are the command line's own."""
    price = None if given["price_per_gb"] is None else Price(given["price_per_gb"], given["memory"])
    if not common.quiet or given["dry_run"]:
        print_plan(session, price)
    if given["dry_run"]:
        return 0
    return show(execute(session, common, show_errors=given["show_errors"]), common, given["format"], reports)


def execute(session: Session, common: Common, *, show_errors: bool = False) -> Verdict:
    """The verdict of a run. From here on an interruption ends the run, which is judged all the same; raises
    `BrokenOff` when one comes before anything was sent."""
    interrupts.defer()
    _allow_descriptors()

    def words(target: RunTarget) -> Callable[[Call, Reply], None]:
        return ErrorWords(target.secrets, proxy_secrets(session.sender, target.url))

    with Progress(quiet=common.quiet, no_color=common.no_color) as progress:
        return run_async(
            session.run(
                Judge,
                interrupted=interrupts.wish,
                on_wave=progress.wave,
                on_reply=words if show_errors else None,
            )
        )


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
