"""Run a session as the command line does: with progress on stderr, and an end for Ctrl-C. `probe`, `invoke` and
`demo` share it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from statistics import median
from typing import Any

from msgspec import structs

from tenantcheck.api import inspected
from tenantcheck.cli.interrupts import interrupts
from tenantcheck.cli.output import show
from tenantcheck.cli.planning import Price, print_plan, seconds_line
from tenantcheck.cli.progress import Progress
from tenantcheck.cli.root import Common
from tenantcheck.cli.say import say
from tenantcheck.cli.wanted import Wanted
from tenantcheck.cli.words import ErrorWords
from tenantcheck.errors import TenantcheckError
from tenantcheck.history import tidy
from tenantcheck.judge import Judge
from tenantcheck.model import Call, Case, Observation, Plan, Reply, Verdict
from tenantcheck.run.plan import Wave
from tenantcheck.run.planning import RunTarget
from tenantcheck.run.preflight import Preflight
from tenantcheck.run.runner import OnReply
from tenantcheck.run.senders import proxy_secrets
from tenantcheck.run.session import Session, run_async
from tenantcheck.verdict import conclude, with_configuration

#: More than requests are ever in flight.
_DESCRIPTORS = 4_096


def run_and_show(session: Session, common: Common, given: Mapping[str, Any], wanted: Wanted) -> int:
    """What `probe` and `invoke` do with a session, by the options that are the command line's own."""
    if not common.quiet or given["dry_run"]:
        print_plan(session, Price(given["price_per_gb"], given["memory"]), asked_for=given["dry_run"])
    if given["dry_run"]:
        return 0
    if given["preflight"]:
        return preflight(session, show_errors=given["show_errors"])
    verdict = execute(session, common, show_errors=given["show_errors"], say_time=not common.quiet)
    if session.history is None and (gone := tidy(given["keep"])):
        what = f"the {gone} oldest histories" if gone > 1 else "the oldest history"
        say(f"removed {what} from .tenantcheck/, where {given['keep']} are kept (--keep)")
    if given["inspect"]:
        verdict = _with_configuration(verdict, given)
    return show(verdict, common, wanted)


def _with_configuration(verdict: Verdict, given: Mapping[str, Any]) -> Verdict:
    """The verdict with what is configured beside it. What can't be read is a doubt: the run is not lost for it."""
    where = {name: given[name] for name in ("region", "profile", "endpoint_url")}
    try:
        configured = inspected([given["inspect"]], strict=verdict.strict, **where)
    except TenantcheckError as error:
        case = Case(**{name: getattr(verdict, name) for name in Case.__struct_fields__})
        doubt = f"the configuration could not be read: {error}"
        return conclude(structs.replace(case, doubts=(*case.doubts, doubt)))
    return with_configuration(verdict, configured)


#: Ends of a run that began with answers which told nothing.
_TOLD_NOTHING = ("no-witness", "refused", "not-lambda", "no-credentials", "no-function", "redirected", "limited")


def preflight(session: Session, *, show_errors: bool) -> int:
    """Ask for each tenant once and say what came. Returns 0 where every answer named its environment, 1 where the
    service was not reached, else 3."""
    interrupted = interrupts.defer()
    seen = Preflight(session.plan, session.target)
    words = _words(session, session.target) if show_errors else None
    told = run_async(session.preflight(_both(seen, words), interrupted=interrupted))
    if told is not None:
        say(f"the log group {told.group} told which environment served {told.told} of {told.ran} requests")
        if told.told >= told.ran > 0:
            return 0
        if told.problem:
            say(f"error: {told.problem}")
            return 1
    for line in seen.lines():
        say(line)
    if told is not None and seen.reached:
        return 3
    if seen.read:
        return 0
    return 3 if seen.reached else 1


def execute(session: Session, common: Common, *, show_errors: bool = False, say_time: bool = False) -> Verdict:
    """The verdict of a run. From here on an interruption ends the run, which is judged all the same; raises
    `BrokenOff` when one comes before anything was sent. Where the answers told nothing it is said what came.
    `say_time` says how long the run takes, as soon as that is known."""
    interrupts.defer()
    _allow_descriptors()
    seen: list[Preflight] = []

    def on_reply(plan: Plan, target: RunTarget) -> OnReply:
        seen.append(Preflight(plan, target))
        return _both(seen[-1], _words(session, target) if show_errors else None)

    with Progress(quiet=common.quiet, no_color=common.no_color) as progress:

        def on_wave(wave: Wave, judge: Judge) -> None:
            answer_s = _latency_s(judge) if wave.kind == "opening" and judge.plan == session.plan else None
            if say_time and answer_s is not None:
                say(seconds_line(session.plan, answer_s))
            progress.wave(wave, judge)

        verdict = run_async(session.run(Judge, interrupted=interrupts.wish, on_wave=on_wave, on_reply=on_reply))
    if verdict.run.ended in _TOLD_NOTHING:
        for line in seen[-1].lines():
            say(line)
    return verdict


def _latency_s(judge: Judge) -> float | None:
    """How long an answer takes, as far as it is known."""
    latencies = [state.latencies.median_ns() for state in judge.environments.people.states]
    known = [each / 1e9 for each in latencies if each is not None]
    return median(known) if known else None


def _words(session: Session, target: RunTarget) -> OnReply:
    return ErrorWords(target.secrets, proxy_secrets(session.sender, target.url))


def _both(one: OnReply, other: OnReply | None) -> OnReply:
    def told(observation: Observation, call: Call, reply: Reply) -> None:
        one(observation, call, reply)
        if other is not None:
            other(observation, call, reply)

    return told


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
