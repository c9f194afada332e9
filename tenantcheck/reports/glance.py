"""The report at a glance: what a person wants to know first, on half a screen. The rest is in `content`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tenantcheck.model import (
    ConfigSubject,
    Configured,
    Examined,
    Exhibit,
    Finding,
    Logged,
    NoEvidence,
    Observed,
    RunSubject,
    Seen,
    Verdict,
)
from tenantcheck.model.text import printable, shown_id
from tenantcheck.reports.sentences import (
    change_sentence,
    coverage,
    evidence_sentence,
    finding_sentence,
    many,
    range_sentence,
    verdict_word,
)
from tenantcheck.reports.shell import command_line

#: Lines of one kind that are written out.
_MOST = 4


class Line(NamedTuple):
    """One line, perhaps behind a label."""

    label: str
    text: str
    whole: bool = False
    """It is a command or a path: nothing breaks it."""


def first_line(verdict: Verdict) -> tuple[str, str]:
    """The verdict in a word, and what it says."""
    word = verdict_word(verdict)
    if verdict.outcome == "fail" and verdict.findings:
        return word, finding_sentence(verdict.findings[0])
    if verdict.outcome == "pass" and isinstance(verdict.subject, RunSubject):
        return word, f"no tenant met another's environment ({coverage(verdict.subject)})"
    return word, printable(verdict.reasons[0], 400)


def lines(verdict: Verdict) -> Iterator[Line]:
    """Everything below the first line."""
    yield Line("", _about(verdict))
    if verdict.outcome == "pass":
        yield from _passed(verdict)
    elif verdict.findings:
        yield from _counterexample(verdict.findings[0], verdict)
    if verdict.outcome == "inconclusive":
        for reason in verdict.reasons[1:][:_MOST]:
            yield Line("Also", printable(reason, 400))
        if isinstance(verdict.evidence, NoEvidence) and not verdict.unable:
            yield Line("Evidence", evidence_sentence(verdict.evidence))
    yield from _others(verdict)
    if verdict.change is not None:
        yield Line("Change", f"{change_sentence(verdict.change)[:-1]}, since {printable(verdict.change.baseline)}")
    for remark in verdict.remarks[:_MOST]:
        yield Line("Note", printable(remark, 400))
    if verdict.source.path:
        name = "History" if isinstance(verdict.subject, RunSubject) else "Source"
        yield Line(name, printable(verdict.source.path), whole=True)
    yield Line("More", "-v shows the whole report")


def _about(verdict: Verdict) -> str:
    subject = verdict.subject
    if not isinstance(subject, RunSubject):
        kind = "configuration" if isinstance(subject, ConfigSubject) else "logs"
        return f"{kind} {printable(subject.target)}"
    return (
        f"{subject.kind} {printable(subject.target)}, {many(subject.requests, 'request')}, "
        f"{many(subject.environments, 'environment')}, {subject.duration_s:.1f} s"
    )


def _passed(verdict: Verdict) -> Iterator[Line]:
    yield Line("", evidence_sentence(verdict.evidence))
    if isinstance(verdict.evidence, Observed | Examined):
        return
    control = verdict.evidence.control
    if control is not None and control.caught_by:
        told = f"a function without isolation was caught after {control.requests} requests on the same route"
        yield Line("Control", told)
    if verdict.evidence.range is not None:
        yield Line("", range_sentence(verdict.evidence.range))
    yield Line("", "It says nothing about data stores, caches or the role that tenants share.")


def _counterexample(finding: Finding, verdict: Verdict) -> Iterator[Line]:
    """What the finding stands on, what is behind it as a rule, and how to see it again."""
    if verdict.outcome != "fail":
        yield Line(finding.severity.capitalize(), finding_sentence(finding))
    for exhibit in finding.exhibits:
        yield Line("", _shown(exhibit))
    remedy = next((result.help for result in verdict.results if result.id == finding.check), "")
    if remedy:
        yield Line("What to do", remedy)
    commands = [command_line(each.repeat) for each in finding.exhibits if isinstance(each, Seen) and each.repeat]
    for position, command in enumerate(commands):
        yield Line("Repeat" if not position else "", command, whole=True)


def _shown(exhibit: Exhibit) -> str:
    match exhibit:
        case Seen():
            tenant = shown_id(exhibit.tenant if exhibit.tenant is not None else "(no tenant)")
            parts = [f"#{exhibit.seq}", tenant]
            if exhibit.call_ns is not None and exhibit.end_ns is not None:
                parts.append(f"{exhibit.call_ns / 1e9:.3f} to {exhibit.end_ns / 1e9:.3f} s")
            if exhibit.environment:
                parts.append(f"environment {printable(exhibit.environment, 80)}")
            if exhibit.count is not None:
                parts.append(f"invocation {exhibit.count}")
            if exhibit.handler_saw and exhibit.handler_saw != exhibit.tenant:
                parts.append(f"the handler saw {shown_id(exhibit.handler_saw)}")
            return "  ".join(parts)
        case Logged() | Configured():
            return str(exhibit)


def _others(verdict: Verdict) -> Iterator[Line]:
    """The other findings, counted by check."""
    told = verdict.findings[0] if verdict.findings and verdict.outcome != "pass" else None
    kinds = Counter((finding.check, finding.severity) for finding in verdict.findings)
    parts = []
    for (check, severity), count in kinds.items():
        total = max(count, next((r.findings for r in verdict.results if r.id == check and severity == "breach"), 0))
        first = told is not None and (told.check, told.severity) == (check, severity)
        if left := total - first:
            parts.append(f"{left} more of {check}" if first else f"{check}: {left} ({severity})")
    if parts:
        yield Line("Also", "; ".join(parts))
