"""`tenantcheck demo`"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

import click

from tenantcheck import lab as lab_package
from tenantcheck.api import audited
from tenantcheck.cli.execute import execute
from tenantcheck.cli.interrupts import interrupts
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.say import say, whole_stdout
from tenantcheck.lab import Lab
from tenantcheck.model import Call, Observed, Outcome, Reply, Seen, Verdict, WitnessFrom
from tenantcheck.model.text import printable
from tenantcheck.reports.sentences import evidence_sentence, finding_sentence
from tenantcheck.run.interruption import BrokenOff
from tenantcheck.run.plan import fresh_tenants
from tenantcheck.run.planning import RunTarget
from tenantcheck.run.senders import Sender, SenderSettings, open_sender
from tenantcheck.run.session import Session, run_async
from tenantcheck.run.settings import TENANTS, RunSettings
from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget
from tenantcheck.run.targets.logs import LogSource
from tenantcheck.run.witness import WitnessReader

_DIRECT = SenderSettings(timeout_s=10.0, direct=True)
CURL_REPEATS = 100
#: A handler without a witness.
_PLAIN = f"{Path(lab_package.__file__).with_name('plain_handler')}.handler"


class Shown(NamedTuple):
    """One function of the demonstration, as it was found."""

    function: str
    expected: str
    verdict: Verdict
    more: str = ""
    audit: Outcome | None = None
    """What an audit of its logs came to."""

    @property
    def as_expected(self) -> bool:
        """Whether it was found to be what it is."""
        return {self.verdict.outcome, self.audit or self.expected} == {self.expected}


@click.command(
    "demo",
    cls=Command,
    epilog=examples(
        "tenantcheck demo",
        "tenantcheck demo --no-color",
    ),
)
@click.pass_obj
def command(common: Common) -> int:
    """Start a local lab and test five functions, without AWS.

    Two isolated ones (one beside a twin without isolation, which is asked first and has to be caught), one whose
    handler tells nothing (its logs do), one without isolation (which two parallel curls are asked about as well), and
    one that says it isolates and does not.
    """
    interrupts.defer()  # labs are taken down by whoever set them up
    begun = monotonic()
    shown: list[Shown] = []
    with Lab(isolation="per-tenant", control=True) as lab:
        verdict = _probe(lab, common, control=lab.control_url)
        shown.append(Shown("an isolated function, by HTTP", "pass", verdict, _twin(verdict)))
        shown.append(Shown("an isolated function, by Invoke", "pass", _invoke(lab, common)))
    with _logs() as logs:
        with Lab(isolation="per-tenant", handler=_PLAIN, log_delay_s=0.5, logs=logs) as lab:
            verdict = _invoke(lab, common, witness_from="logs")
        audit = audited([str(logs)])
        function = "an isolated function whose handler tells nothing, by its logs"
        shown.append(Shown(function, "pass", verdict, _audit(audit), audit.outcome))
    with Lab(isolation="none", hold_s=0.01) as lab:
        verdict = _probe(lab, common)
        fooled = run_async(_parallel_curls(lab.front_url, CURL_REPEATS))
        told = f"Two parallel curls, twice, called it isolated in {fooled} of {CURL_REPEATS} repeats."
        shown.append(Shown("one without isolation, by HTTP", "fail", verdict, told))
    with _logs() as logs:
        with Lab(isolation="broken", logs=logs) as lab:
            verdict = _invoke(lab, common)
        audit = audited([str(logs)])
        shown.append(
            Shown("one that only says it isolates, by Invoke", "fail", verdict, _audit(audit), audit.outcome)
        )
    _print(shown, common, monotonic() - begun)
    return 0 if all(each.as_expected for each in shown) else 1


@contextmanager
def _logs() -> Iterator[Path]:
    """A folder for the log streams of a lab."""
    with TemporaryDirectory(prefix="tenantcheck-demo-") as folder:
        yield Path(folder)


def _audit(audit: Verdict) -> str:
    """What an audit of a lab's logs found."""
    observed = audit.evidence
    seen = (
        f"{observed.invocations} invocations of {observed.environments} environments"
        if isinstance(observed, Observed)
        else ""
    )
    return f"An audit of its logs says so, too: {audit.outcome.upper()}, {seen}."


def _probe(lab: Lab, common: Common, control: str | None = None) -> Verdict:
    say(f"probe {lab.settings.isolation} …")
    return _run(HttpTarget(HttpRequestSpec(url=lab.front_url)), common, control)


def _invoke(lab: Lab, common: Common, witness_from: WitnessFrom = "answers") -> Verdict:
    from tenantcheck.run.targets.aws import AwsOptions, AwsSession
    from tenantcheck.run.targets.events import RAW, parse_event
    from tenantcheck.run.targets.function import FunctionTarget

    say(f"invoke {lab.settings.isolation} …")
    session = AwsSession(AwsOptions(region="us-east-1", endpoint_url=lab.endpoint_url, made_up=True))
    target = FunctionTarget(session, lab.function_name, qualifier=None, event=parse_event(RAW, b"", None))
    if witness_from == "answers":
        return _run(target, common)
    return _run(target, common, witness_from=witness_from, logs=LogSource(session))


def _run(
    target: RunTarget,
    common: Common,
    control: str | None = None,
    witness_from: WitnessFrom = "answers",
    logs: LogSource | None = None,
) -> Verdict:
    """The verdict of a standard run. Ctrl-C ends the demonstration, not only this run."""
    settings = RunSettings(control=control, witness_from=witness_from)
    session = Session.of(target, fresh_tenants(TENANTS), settings, _DIRECT, logs)
    verdict = execute(session, common)
    if verdict.run.ended == "interrupted":
        raise BrokenOff
    return verdict


async def _parallel_curls(url: str, repeats: int) -> int:
    """How often the check with two parallel curls, twice, calls this function isolated.

    It passes when each of two tenants met the same environment both times, and not the other's. Which of two
    curls gets there first is chance.
    """
    sender = open_sender(_DIRECT, url)
    try:
        return sum([await _looks_isolated(sender, url, f"curl-{n}") for n in range(repeats)])
    finally:
        await sender.close()


async def _looks_isolated(sender: Sender, url: str, nonce: str) -> bool:
    import asyncio

    met: dict[str, list[str | None]] = {"a": [], "b": []}
    for _ in range(2):
        tenants = random.sample(sorted(met), 2)
        calls = [
            Call(method="GET", url=url, headers=(("x-tenant-id", tenant), ("x-tenantcheck-nonce", nonce)))
            for tenant in tenants
        ]
        replies = await asyncio.gather(*(sender.send(call) for call in calls))
        for tenant, reply in zip(tenants, replies, strict=True):
            met[tenant].append(_environment(reply))
    return met["a"][0] == met["a"][1] != met["b"][0] == met["b"][1]


def _environment(reply: Reply) -> str | None:
    witness = WitnessReader().read(reply.body, own_tag="").witness
    return witness.environment() if witness is not None else None


def _twin(verdict: Verdict) -> str:
    control = verdict.figure.control if verdict.figure is not None else None
    if control is None or not control.caught_by:
        return ""
    return f"Its twin without isolation, asked first, was caught after {control.requests} requests."


def _print(shown: Sequence[Shown], common: Common, seconds: float) -> None:
    """Every function as it was found, and the next command to type."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from tenantcheck.reports.terminal import COLOURS

    with whole_stdout() as stdout:
        console = Console(file=stdout, no_color=common.no_color or None, highlight=False)
        for each in shown:
            run = each.verdict.run
            outcome = Text(each.verdict.outcome.upper(), COLOURS[each.verdict.outcome])
            size = f"  {run.requests} requests, {run.environments} environments, {run.duration_s:.1f} s"
            console.print(Text.assemble(outcome, "  ", each.function, (size, "dim")))
            for line in (*_found(each.verdict), *filter(None, [each.more])):
                console.print(Padding(Text(printable(line, len(line))), (0, 0, 0, 6), expand=False))
            console.print(Text(f"      history: {each.verdict.source.path}", "dim"), soft_wrap=True)
            console.print()
        console.print(f"All of this took {seconds:.0f} s. Judge a history again: tenantcheck check FILE")
        console.print("Next, your own function:")
        console.print("  tenantcheck handler python > witness.py    (put it around your handler)")
        console.print("  tenantcheck probe URL")


def _found(verdict: Verdict) -> Iterator[str]:
    """What was found: the odds of a pass, the two requests of a breach."""
    if not verdict.findings:
        yield evidence_sentence(verdict.evidence)
        return
    finding = verdict.findings[0]
    yield finding_sentence(finding)
    for exhibit in finding.exhibits:
        if isinstance(exhibit, Seen):
            at = f"{(exhibit.call_ns or 0) / 1e9:.3f} to {(exhibit.end_ns or 0) / 1e9:.3f} s"
            environment = f"{(exhibit.environment or '')[:8]}…"
            yield f"#{exhibit.seq}  {exhibit.tenant}  {at}  environment {environment}  invocation {exhibit.count}"
