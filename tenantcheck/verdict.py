"""From a case to its verdict: worst wins, and never `pass` by default. Knows nothing of runs, logs or templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec import structs

from tenantcheck.model import Case, CheckResult, ConfigSubject, Finding, NoEvidence, Outcome, Randomised, Verdict
from tenantcheck.model.text import chance


def conclude(case: Case) -> Verdict:
    """The verdict on a case."""
    reasons = list(_failures(case))
    outcome: Outcome = "fail" if reasons else "pass"
    if case.source.problem:
        reasons.append(case.source.problem)
    if outcome == "pass":
        reasons += _doubts(case)
        outcome = "inconclusive" if reasons else "pass"
    known = structs.asdict(case) | {"unable": case.unable and outcome == "inconclusive"}
    return Verdict(outcome=outcome, reasons=tuple(reasons or _grounds(case)), **known)


def _failures(case: Case) -> Iterator[str]:
    totals = {result.id: result.breaches for result in case.results if result.breaches}
    told = Counter(finding.check for finding in case.findings if finding.severity == "breach")  # causes first
    for id_ in dict.fromkeys((*told, *totals)):
        yield f"{id_}: {_many(max(told[id_], totals.get(id_, 0)), 'breach', 'es')}"
    if case.strict:
        weaknesses = Counter(
            finding.check for finding in case.findings if finding.severity == "weakness" and not finding.accepted
        )
        for result in case.results:  # those that are not kept can't have been accepted
            kept = sum(finding.check == result.id for finding in case.findings)
            if result.status == "weak" and result.findings > kept:
                weaknesses[result.id] += result.findings - kept
        for id_, count in weaknesses.items():
            yield f"{id_}: {_many(count, 'weakness', 'es')} (--strict)"


def _doubts(case: Case) -> Iterator[str]:
    """Why a case without a breach is no pass."""
    performed = [result for result in case.results if result.status != "left-out"]
    if not performed:
        yield "no check was performed"
    for result in case.results:
        if performed and result.required and result.status == "left-out":
            yield f"{result.id} was left out: nothing passes without it"
    yield from case.doubts
    yield from _thin(case)
    for result in case.results:
        yield from _unjudged(result)
    for id_ in dict.fromkeys(finding.check for finding in case.findings if finding.severity == "open"):
        yield f"{id_}: an open question"


def _thin(case: Case) -> Iterator[str]:
    """Evidence that does not reach what it should."""
    evidence = case.evidence
    if isinstance(evidence, NoEvidence):
        yield f"no evidence: {evidence.reason}"
    elif isinstance(evidence, Randomised) and evidence.void:
        yield f"no evidence: {evidence.void}"
    elif isinstance(evidence, Randomised) and not evidence.reached:
        reached = chance(evidence.weakest_pair.probability)
        yield f"the evidence reached {reached}, the target is {evidence.significance:g}"


def _unjudged(result: CheckResult) -> Iterator[str]:
    """A check that did not do what it was there for."""
    if result.status == "crashed":
        yield f"{result.id} crashed: {result.reason}"
    elif result.status == "left-out" and result.requested:
        yield f"{result.id} was asked for and left out"
    elif result.requested and not result.opportunities:
        yield f"{result.id} was asked for and never exercised: {result.reason}"


def _grounds(case: Case) -> Iterator[str]:
    """Why a case passes."""
    if isinstance(case.evidence, Randomised):
        yield "no breach was found and the evidence reached the target"
    else:
        yield "no breach was found"
    for check in sorted({finding.check for finding in case.findings}):
        yield f"{check}: a weakness, which fails a run only with --strict"


def _many(count: int, noun: str, plural: str) -> str:
    return f"{count} {noun}{'' if count == 1 else plural}"


def with_configuration(case: Case, configured: Case) -> Verdict:
    """One verdict on a run and on the configuration of what ran: the worse of both counts."""
    doubts = [*case.doubts, *configured.doubts]
    if isinstance(configured.evidence, NoEvidence):
        doubts.append(f"configuration: {configured.evidence.reason}")
    findings = sorted((*case.findings, *configured.findings), key=lambda each: each.severity != "breach")
    known = {name: getattr(case, name) for name in Case.__struct_fields__}
    joined = {
        "results": (*case.results, *configured.results),
        "findings": tuple(findings),
        "doubts": tuple(doubts),
        "not_established": tuple(dict.fromkeys((*case.not_established, *configured.not_established[1:]))),
        "remarks": (*case.remarks, *configured.remarks),
    }
    return conclude(Case(**known | joined))


def with_accepted(case: Case, accepted: Mapping[str, str]) -> Case:
    """The case with these findings accepted; `accepted` says why, by fingerprint. Weaknesses can be, and whatever a
    configuration says: there an acceptance makes a weakness of it. What a run or a log shows can't be."""
    if not accepted:
        return case
    configured = isinstance(case.subject, ConfigSubject)
    findings = tuple(
        structs.replace(each, accepted=accepted[each.fingerprint], severity="weakness")
        if each.fingerprint in accepted and (configured or each.severity == "weakness")
        else each
        for each in case.findings
    )
    changed = [(old.check, old.severity) for old, new in zip(case.findings, findings, strict=True) if old != new]
    results = tuple(_settled(each, findings, changed.count((each.id, "breach"))) for each in case.results)
    return structs.replace(case, findings=findings, results=results)


def _settled(result: CheckResult, findings: Iterable[Finding], fewer: int) -> CheckResult:
    """A result whose findings have become weaknesses in part."""
    severities = {finding.severity for finding in findings if finding.check == result.id}
    breaches = result.breaches - fewer
    if result.status not in ("breached", "open") or breaches or severities != {"weakness"}:
        return structs.replace(result, breaches=breaches)
    return structs.replace(result, breaches=breaches, status="weak")
