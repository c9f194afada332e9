"""Report for code scanning: SARIF 2.1.0. A result needs a place in a file: its own, or the anchor that was named for
all that have none. Without either it is told as a notification, since one result without a place makes code scanning
refuse the whole report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from tenantcheck.model import CheckResult, Configured, Exhibit, Finding, Logged, Verdict
from tenantcheck.model.text import json_text
from tenantcheck.reports.content import finding_text
from tenantcheck.reports.sentences import finding_sentence, verdict_word

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"breach": "error", "open": "warning", "weakness": "note"}
#: The rule of a verdict that is no answer.
INCONCLUSIVE = "inconclusive"
#: What code scanning takes of one run.
MOST_RESULTS = 5_000


def render(verdict: Verdict) -> str:
    """The report as indented JSON, ending in a line break."""
    results = [*_results(verdict)]
    placed = [result for result in results if result["locations"]][:MOST_RESULTS]
    told = [result for result in results if not result["locations"]]
    left = len(results) - len(told) - len(placed)
    messages = [{"level": result["level"], "message": result["message"]} for result in told]
    if left:
        messages.append({"level": "warning", "message": {"text": f"{left} more results are left out."}})
    invocation: dict[str, Any] = {"executionSuccessful": not verdict.unable}
    if messages:
        invocation["toolExecutionNotifications"] = messages
    driver = {"name": "tenantcheck", "version": verdict.tool, "rules": [*_rules(verdict)]}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "tenantcheck/"},
        "invocations": [invocation],
        "results": placed,
        "properties": {"target": verdict.subject.target, "verdict": verdict.outcome, "reasons": [*verdict.reasons]},
    }
    report = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_text(report)


def _rules(verdict: Verdict) -> Iterator[dict[str, Any]]:
    for result in verdict.results:
        yield _rule(result)
    yield {
        "id": INCONCLUSIVE,
        "shortDescription": {"text": "The evidence is not enough for a verdict."},
        "help": {"text": "Nothing was breached, and not enough was shown. The message says what is missing."},
    }


def _rule(result: CheckResult) -> dict[str, Any]:
    described = f"{result.summary[:1].upper()}{result.summary[1:]}."
    return {
        "id": result.id,
        "shortDescription": {"text": described},
        "help": {"text": result.help or described},
    }


def _results(verdict: Verdict) -> Iterator[dict[str, Any]]:
    ids = [result.id for result in verdict.results]
    for finding in verdict.findings:
        yield {
            "ruleId": finding.check,
            "ruleIndex": ids.index(finding.check),
            "level": _level(finding, verdict),
            "message": {"text": f"{finding_sentence(finding)}\n{finding_text(finding)}"},
            "locations": [*_locations(finding, verdict)],
            "partialFingerprints": {"tenantcheck/v1": finding.fingerprint or finding.check},
            **_accepted(finding),
        }
    if verdict.outcome == "inconclusive":
        yield {
            "ruleId": INCONCLUSIVE,
            "ruleIndex": len(ids),
            "level": "warning",
            "message": {"text": "\n".join((f"{verdict_word(verdict)}:", *verdict.reasons))},
            "locations": [_location(verdict.anchor, 1, None)] if verdict.anchor else [],
            "partialFingerprints": {"tenantcheck/v1": INCONCLUSIVE},
        }


def _level(finding: Finding, verdict: Verdict) -> str:
    """How bad it is: a weakness that fails the run is an error."""
    fails = finding.severity == "weakness" and verdict.strict and not finding.accepted
    return "error" if fails else _LEVELS[finding.severity]


def _accepted(finding: Finding) -> dict[str, Any]:
    if not finding.accepted:
        return {}
    return {"suppressions": [{"kind": "external", "justification": finding.accepted}]}


def _locations(finding: Finding, verdict: Verdict) -> Iterator[dict[str, Any]]:
    """Where a finding stands: in its own files, else in the one that stands for all."""
    found = [each for each in finding.exhibits if _file(each)]
    for exhibit in found:
        if isinstance(exhibit, Logged | Configured):
            column = exhibit.column if isinstance(exhibit, Configured) else None
            yield _location(exhibit.file or "", exhibit.line or 1, column)
    if not found and verdict.anchor:
        yield _location(verdict.anchor, 1, None)


def _file(exhibit: Exhibit) -> str | None:
    return exhibit.file if isinstance(exhibit, Logged | Configured) else None


def _location(file: str, line: int, column: int | None) -> dict[str, Any]:
    region = {"startLine": max(1, line)} | ({"startColumn": column} if column else {})
    return {"physicalLocation": {"artifactLocation": {"uri": relative_uri(file)}, "region": region}}


def relative_uri(file: str) -> str:
    """A path as SARIF wants it: relative, with slashes, percent-encoded. What is above the folder is left out."""
    parts = [part for part in PurePosixPath(file.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    return quote("/".join(parts) or "unknown", safe="/")
