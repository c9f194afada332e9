"""Checks of any kind: facts go in, results and findings come out. One rule for a check that crashes, one for a check
that never had the opportunity to fail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from tenantcheck.model import CheckResult, CheckStatus, Finding

Facts = TypeVar("Facts")


class Judged(NamedTuple):
    """What a check found."""

    findings: Sequence[Finding]
    opportunities: int
    """How often it could have failed."""
    total: int | None = None
    """Findings in all, where not all of them are kept."""
    not_applicable: str = ""
    """Why it has no place here, where it has none."""
    unexercised: str = ""
    """What it would have needed, where it had no opportunity."""
    undecided: str = ""
    """What it saw and can't tell, where it has no finding: then it is not clean either."""
    remarks: Sequence[str] = ()
    """What it noticed that is no finding."""


@dataclass(frozen=True)
class Check(Generic[Facts]):
    """One check."""

    id: str
    summary: str
    """One line: what holds when it is clean."""
    needs: str
    """What it must be given."""
    run: Callable[[Facts], Judged]
    help: str
    """What a finding means and what to do about it."""
    required: bool = False
    """Nothing passes where it was left out."""


class Performed(NamedTuple):
    """What the checks say."""

    results: list[CheckResult]
    findings: list[Finding]
    remarks: list[str]


def perform(
    checks: Iterable[Check[Facts]], facts: Facts, chosen: Collection[str], requested: Collection[str] = ()
) -> Performed:
    """Run those `checks` that were chosen; `requested` are the ids that were asked for by name."""
    results: list[CheckResult] = []
    findings: list[Finding] = []
    remarks: list[str] = []
    for check in checks:
        judged = Judged((), 0)
        status: CheckStatus = "left-out"
        reason = "left out"
        if check.id in chosen:
            try:
                judged = check.run(facts)
            except Exception as error:  # noqa: BLE001 - a check that crashes is a verdict of its own, never a pass
                status, reason = "crashed", f"{type(error).__name__}: {error}"
            else:
                status, reason = _status(judged), _reason(judged)
        findings += judged.findings
        remarks += judged.remarks
        undecided = bool(judged.undecided) and not judged.findings
        breaches = _breaches(judged)
        results.append(
            CheckResult(
                id=check.id,
                summary=check.summary,
                status=status,
                opportunities=0 if undecided else max(judged.opportunities, breaches),
                findings=_total(judged),
                breaches=breaches,
                requested=check.id in requested,
                required=check.required,
                reason=reason,
                help=check.help if judged.findings else "",
            )
        )
    return Performed(results, findings, remarks)


def _status(judged: Judged) -> CheckStatus:
    severities = {finding.severity for finding in judged.findings}
    if "breach" in severities:
        return "breached"
    if "open" in severities:
        return "open"
    if "weakness" in severities:
        return "weak"
    if judged.not_applicable:
        return "not-applicable"
    return "clean" if judged.opportunities and not judged.undecided else "not-exercised"


def _reason(judged: Judged) -> str:
    if judged.not_applicable or judged.findings:
        return judged.not_applicable
    return judged.undecided or ("" if judged.opportunities else judged.unexercised)


def _total(judged: Judged) -> int:
    """Findings, those beyond the kept ones included."""
    return judged.total if judged.total is not None else len(judged.findings)


def _breaches(judged: Judged) -> int:
    """Breaches, those beyond the kept ones included: what is not kept is like the first finding."""
    kept = sum(finding.severity == "breach" for finding in judged.findings)
    beyond = _total(judged) - len(judged.findings)
    return kept + beyond if judged.findings and judged.findings[0].severity == "breach" else kept
