"""`tenantcheck demo`"""

from __future__ import annotations

import random
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

import click
from tabulate import tabulate

from tenantcheck.cli.execute import execute
from tenantcheck.cli.interrupts import interrupts
from tenantcheck.cli.root import Command, Common
from tenantcheck.cli.say import say, tell
from tenantcheck.lab import Lab
from tenantcheck.model import Call, Reply, Verdict
from tenantcheck.reports.sentences import evidence_sentence, finding_sentence
from tenantcheck.run.interruption import BrokenOff
from tenantcheck.run.plan import fresh_tenants
from tenantcheck.run.planning import RunTarget
from tenantcheck.run.senders import Sender, SenderSettings, open_sender
from tenantcheck.run.session import Session, run_async
from tenantcheck.run.settings import TENANTS, RunSettings
from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget
from tenantcheck.run.witness import WitnessReader

_DIRECT = SenderSettings(timeout_s=10.0, direct=True)
CURL_REPEATS = 100


class Shown(NamedTuple):
    """One run of the demonstration."""

    command: str
    function: str
    expected: str
    verdict: Verdict


@click.command("demo", cls=Command)
@click.pass_obj
def command(common: Common) -> int:
    """Start a local lab and test three functions: an isolated one (beside a twin without isolation, which is asked
    first and has to be caught), one without isolation (which two parallel curls are asked about as well), and one
    that says it isolates and does not.
    """
    interrupts.defer()  # labs are taken down by whoever set them up
    begun = monotonic()
    rows: list[Shown] = []
    with Lab(isolation="per-tenant", control=True) as lab:
        rows.append(Shown("probe", "isolated", "pass", _probe(lab, common, control=lab.control_url)))
        rows.append(Shown("invoke", "isolated", "pass", _invoke(lab, common)))
    with Lab(isolation="none", hold_s=0.01) as lab:
        rows.append(Shown("probe", "not isolated", "fail", _probe(lab, common)))
        fooled = run_async(_parallel_curls(lab.front_url, CURL_REPEATS))
    with Lab(isolation="broken") as lab:
        rows.append(Shown("invoke", "says it isolates, does not", "fail", _invoke(lab, common)))
    _print(rows, fooled)
    tell(f"\n{monotonic() - begun:.0f} s; histories in .tenantcheck/, judge them with: tenantcheck check FILE")
    return 0 if all(row.verdict.outcome == row.expected for row in rows) else 1


def _probe(lab: Lab, common: Common, control: str | None = None) -> Verdict:
    say(f"probe {lab.settings.isolation} …")
    return _run(HttpTarget(HttpRequestSpec(url=lab.front_url)), common, control)


def _invoke(lab: Lab, common: Common) -> Verdict:
    from tenantcheck.run.targets.aws import AwsOptions, AwsSession
    from tenantcheck.run.targets.function import FunctionTarget

    say(f"invoke {lab.settings.isolation} …")
    session = AwsSession(AwsOptions(region="us-east-1", endpoint_url=lab.endpoint_url, made_up=True))
    return _run(FunctionTarget(session, lab.function_name, qualifier=None, payload=b"{}", event="raw"), common)


def _run(target: RunTarget, common: Common, control: str | None = None) -> Verdict:
    """The verdict of a standard run. Ctrl-C ends the demonstration, not only this run."""
    session = Session.of(target, fresh_tenants(TENANTS), RunSettings(control=control), _DIRECT)
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


def _print(rows: Sequence[Shown], fooled: int) -> None:
    table = [
        (
            row.command,
            row.function,
            row.verdict.outcome,
            row.verdict.run.requests,
            row.verdict.run.environments,
            f"{row.verdict.run.duration_s:.1f} s",
        )
        for row in rows
    ]
    tell(tabulate(table, headers=("tenantcheck", "function", "verdict", "requests", "environments", "time")))
    tell(f"\nThe isolated function: {evidence_sentence(rows[0].verdict.evidence)}")
    figure = rows[0].verdict.figure
    control = None if figure is None else figure.control
    if control is not None and control.caught_by:
        tell(f"Its twin without isolation, asked first, was caught after {control.requests} requests.")
    breach = rows[2].verdict.findings
    if breach:
        tell(f"\nThe one without isolation: {finding_sentence(breach[0])}")
    tell(
        f"\nTwo parallel curls, twice, called the function WITHOUT isolation isolated in {fooled} of "
        f"{CURL_REPEATS} repeats."
    )
