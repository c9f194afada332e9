"""Several verdicts beside one another, for a terminal or a file."""

from __future__ import annotations

from collections.abc import Mapping

from tenantcheck.model import Randomised, RunSubject, Verdict
from tenantcheck.model.text import chance, harmless, printable
from tenantcheck.reports.content import Table
from tenantcheck.reports.plain import render_table
from tenantcheck.reports.sentences import verdict_word

_LONGEST = 60


def table_of(verdicts: Mapping[str, Verdict]) -> str:
    """One row for each, by the name it is given; ends in a line break."""
    columns = ("history", "verdict", "target", "requests", "weakest pair", "why")
    rows = tuple(_row(name, verdict) for name, verdict in verdicts.items())
    return harmless(render_table(Table(columns, rows, frozenset({3})))) + "\n"


def _row(name: str, verdict: Verdict) -> tuple[str, ...]:
    subject, evidence = verdict.subject, verdict.evidence
    is_figure = isinstance(evidence, Randomised) and verdict.outcome != "fail"
    return (
        printable(name),
        verdict_word(verdict),
        printable(subject.target, _LONGEST),
        str(subject.requests) if isinstance(subject, RunSubject) else "-",
        chance(evidence.weakest_pair.probability) if isinstance(evidence, Randomised) and is_figure else "-",
        printable(verdict.reasons[0], _LONGEST),
    )
