"""Report for CI servers: JUnit's XML. A case for the verdict and one per check; nothing is skipped silently."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from tenantcheck.model import CheckResult, Finding, RunSubject, Verdict
from tenantcheck.reports.content import finding_text
from tenantcheck.reports.sentences import evidence_sentence, finding_sentence, verdict_word

#: What XML 1.0 has no place for (its production `Char`).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(verdict: Verdict) -> str:
    """The report as XML, ending in a line break."""
    cases = [_verdict_case(verdict), *(_check_case(result, verdict) for result in verdict.results)]
    suite = ElementTree.Element("testsuite", name=_safe(f"tenantcheck {verdict.subject.target}"))
    suite.extend(cases)
    for kind, tag in (("tests", "."), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        count = len(cases) if tag == "." else sum(case.find(tag) is not None for case in cases)
        suite.set(kind, str(count))
    if isinstance(verdict.subject, RunSubject):
        suite.set("time", f"{verdict.subject.duration_s:.3f}")
        if verdict.subject.started:
            suite.set("timestamp", verdict.subject.started.removesuffix("Z"))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(name: str, verdict: Verdict) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase", classname=_safe(f"tenantcheck.{verdict.subject.target}"), name=name, time="0"
    )


def _verdict_case(verdict: Verdict) -> ElementTree.Element:
    case = _case("verdict", verdict)
    said = f"{verdict_word(verdict)}: {verdict.reasons[0]}"
    if verdict.outcome == "fail":
        _add(case, "failure", said, "\n".join(verdict.reasons), "verdict")
    elif verdict.outcome == "inconclusive":
        _add(case, "error", said, "\n".join(verdict.reasons), "inconclusive")
    worth = [] if verdict.outcome == "fail" else [evidence_sentence(verdict.evidence)]
    limits = [*worth, "Not established:", *(f"- {line}" for line in verdict.not_established)]
    ElementTree.SubElement(case, "system-out").text = _safe("\n".join(limits))
    return case


def _check_case(result: CheckResult, verdict: Verdict) -> ElementTree.Element:
    case = _case(result.id, verdict)
    findings = [finding for finding in verdict.findings if finding.check == result.id]
    for finding in findings:
        tag = _TAGS[finding.severity]
        if tag == "failure" or (finding.severity == "weakness" and verdict.strict and not finding.accepted):
            _add(case, "failure", finding_sentence(finding), finding_text(finding), finding.severity)
        elif tag:
            _add(case, tag, finding_sentence(finding), finding_text(finding), finding.severity)
    if result.status == "crashed":
        _add(case, "error", result.reason, result.reason, "crashed")
    elif result.status == "not-exercised" and (result.requested or result.required):
        _add(case, "error", result.reason or "not exercised", result.summary, result.status)
    elif result.status in ("not-exercised", "not-applicable", "left-out"):
        ElementTree.SubElement(case, "skipped", message=_safe(f"{result.status}: {result.reason or result.summary}"))
    weak = [
        _text(finding)
        for finding in findings
        if finding.severity == "weakness" and (finding.accepted or not verdict.strict)
    ]
    told = [f"{result.opportunities} opportunities. Clean means: {result.summary}", *weak]
    if result.findings > len(findings):
        told.append(f"{result.findings} findings in all, {len(findings)} of them here")
    ElementTree.SubElement(case, "system-out").text = _safe("\n".join(told))
    return case


#: How a finding shows: what breaches fails the build, what is open is no answer.
_TAGS = {"breach": "failure", "open": "error", "weakness": ""}


def _text(finding: Finding) -> str:
    accepted = f" (accepted: {finding.accepted})" if finding.accepted else ""
    return f"{finding.severity}{accepted}: {finding_text(finding)}"


def _add(case: ElementTree.Element, tag: str, message: str, text: str, kind: str) -> None:
    ElementTree.SubElement(case, tag, message=_safe(message), type=kind).text = _safe(text)


def _safe(text: str) -> str:
    """Text that every reader of XML takes; what it can't hold is seen as U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text)
