"""Sets a verdict into the page: everything from outside is escaped by the template."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape

from tenantcheck.model import Finding, RunSubject, Seen, Verdict
from tenantcheck.model.text import printable, shown_id
from tenantcheck.reports.content import Table, changes, details, finding_block
from tenantcheck.reports.glance import first_line
from tenantcheck.reports.html import pictures
from tenantcheck.reports.json_report import render as as_json
from tenantcheck.reports.sentences import evidence_sentence, finding_sentence, range_sentence
from tenantcheck.reports.shell import command_line

SIGNS = {"pass": "✔", "fail": "✖", "inconclusive": "?"}
#: Findings that are written out, the worst first; all that are kept stand in the machine-readable verdict.
MOST_FINDINGS = 100


def render(verdict: Verdict) -> str:
    """The page, ending in a line break."""
    environment = Environment(
        autoescape=select_autoescape(default=True), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_text("page.html.j2"))
    return template.render(**_context(verdict)) + "\n"


def _text(name: str) -> str:
    return files(__name__.rpartition(".")[0]).joinpath(name).read_text(encoding="utf-8")


def _context(verdict: Verdict) -> dict[str, Any]:
    word, says = first_line(verdict)
    lanes, timeline = pictures.lanes(verdict), verdict.timeline
    rows = () if lanes is None else lanes.rows
    return {
        "verdict": verdict,
        "style": _text("page.css"),
        "word": word,
        "sign": SIGNS[verdict.outcome],
        "says": says,
        "target": printable(verdict.subject.target),
        "changes": [*changes(verdict)],
        "control": _control(verdict),
        "evidence": evidence_sentence(verdict.evidence),
        "far": _far(verdict),
        "facts_of_run": _facts(verdict),
        "reasons": [printable(reason, 400) for reason in verdict.reasons],
        "findings": [
            _finding(number, finding, verdict) for number, finding in enumerate(verdict.findings[:MOST_FINDINGS])
        ],
        "findings_left": len(verdict.findings) - MOST_FINDINGS,
        "lanes": lanes,
        "lane_of": {row.environment: row.number for row in rows},
        "lane_table": None if timeline is None or lanes is None else _lane_table(verdict),
        "growth": pictures.growth(verdict),
        "matrix": pictures.matrix(verdict),
        "blocks": [*details(verdict)],
        "not_established": [printable(line, 400) for line in verdict.not_established],
        "machine": as_json(verdict),
        "left": pictures.LEFT,
    }


def _far(verdict: Verdict) -> str:
    range_ = getattr(verdict.evidence, "range", None)
    return "" if range_ is None else range_sentence(range_)


def _facts(verdict: Verdict) -> list[tuple[str, str]]:
    """What was asked, when and how, by name."""
    subject, facts = verdict.subject, []
    if isinstance(subject, RunSubject):
        facts = [
            ("Target", f"{subject.kind} {printable(subject.target)}"),
            ("Plan", f"{subject.plan}: {', '.join(subject.covered) or 'nothing was looked for'}"),
            ("Not looked for", ", ".join(subject.not_covered)),
            ("Started", printable(subject.started)),
            ("Took", f"{subject.duration_s:.1f} s, ended: {subject.ended}"),
            ("Requests", f"{subject.requests} in {subject.waves} waves"),
            ("Environments", str(subject.environments)),
            ("Function versions", ", ".join(printable(version) for version in subject.versions)),
            ("Control", _control(verdict)),
            ("Seed", printable(subject.seed)),
            ("Run", printable(subject.run)),
        ]
    else:
        facts = [("Target", printable(subject.target)), ("Read", ", ".join(map(printable, subject.sources)))]
    facts += [
        ("History", printable(verdict.source.path)),
        ("SHA-256", verdict.source.sha256),
        ("tenantcheck", verdict.tool),
    ]
    return [(name, value) for name, value in facts if value]


def _control(verdict: Verdict) -> str:
    control = getattr(verdict.evidence, "control", None)
    if control is None:
        return ""
    if control.caught_by:
        return f"a function without isolation was caught after {control.requests} requests on the same route"
    return f"{printable(control.target)} was not caught"


def _finding(number: int, finding: Finding, verdict: Verdict) -> dict[str, Any]:
    remedy = next((result.help for result in verdict.results if result.id == finding.check), "")
    seen = [exhibit for exhibit in finding.exhibits if isinstance(exhibit, Seen)]
    return {
        "number": number,
        "check": finding.check,
        "severity": finding.severity,
        "accepted": printable(finding.accepted, 400),
        "sentence": finding_sentence(finding),
        "remedy": remedy,
        "cards": [_card(exhibit) for exhibit in seen],
        "block": finding_block(finding),
        "lane": next((printable(exhibit.environment, 80) for exhibit in seen if exhibit.environment), None),
    }


def _card(exhibit: Seen) -> dict[str, Any]:
    facts = [
        ("tenant", shown_id(exhibit.tenant) if exhibit.tenant is not None else "(no tenant)"),
        ("environment", printable(exhibit.environment or "", 80)),
        ("invocation", "" if exhibit.count is None else str(exhibit.count)),
        ("handler saw", shown_id(exhibit.handler_saw) if exhibit.handler_saw else ""),
        ("from", _seconds(exhibit.call_ns)),
        ("to", _seconds(exhibit.end_ns)),
        ("status", "" if exhibit.status is None else str(exhibit.status)),
        *((name, printable(value, 80)) for name, value in exhibit.request_ids.items()),
    ]
    return {
        "title": f"request #{exhibit.seq}",
        "facts": [(name, value) for name, value in facts if value],
        "command": "" if exhibit.repeat is None else command_line(exhibit.repeat),
    }


def _seconds(nanoseconds: int | None) -> str:
    return "" if nanoseconds is None else f"{nanoseconds / 1e9:.3f} s"


def _lane_table(verdict: Verdict) -> Table:
    columns = ("environment", "requests by tenant", "", "first call, s", "last answer, s")
    rows = pictures.lane_rows(verdict.timeline) if verdict.timeline is not None else ()
    return Table(columns, rows, frozenset({3, 4}))
