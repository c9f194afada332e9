"""From descriptions to a case, and the verdict on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from tenantcheck.checking import perform
from tenantcheck.config.description import Description
from tenantcheck.config.rules import RULES
from tenantcheck.errors import UsageError
from tenantcheck.model import (
    Case,
    CheckResult,
    ConfigSubject,
    Configured,
    Examined,
    Finding,
    NoEvidence,
    Source,
    Verdict,
)
from tenantcheck.verdict import conclude, with_accepted
from tenantcheck.version import __version__

_ORDER = {"breach": 0, "open": 1, "weakness": 2}
RULE_IDS = tuple(rule.id for rule in RULES)


@dataclass(frozen=True, kw_only=True)
class About:
    """What was looked at, and how it is to be judged."""

    target: str
    sources: tuple[str, ...]
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    strict: bool = False
    doubts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    accepted: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    """Why a finding is accepted, by file, resource and rule."""
    path: str = ""
    sha256: str = ""


def chosen(only: Sequence[str], skip: Sequence[str]) -> frozenset[str]:
    """The rules that are to be looked at. Raises `UsageError` for one that does not exist."""
    for name in (*only, *skip):
        if name not in RULE_IDS:
            raise UsageError(f"there is no rule {name}", f"There are {', '.join(RULE_IDS)}.")
    left = frozenset(only or RULE_IDS) - frozenset(skip)
    if not left:
        raise UsageError("no rule is left", "Leave out less.")
    return left


def judged(descriptions: Iterable[Description], about: About) -> Verdict:
    """The verdict on a configuration. Rules look at each description apart: ids of one mean nothing in another."""
    some = list(descriptions)
    rules = chosen(about.only, about.skip)
    joined = _joined([_results(each, rules) for each in some or [Description()]])
    isolated = sum(len(each.isolated) for each in some)
    results = [_asked(result, about.only) for result, _ in joined]
    findings = [finding for _, found in joined for finding in found]
    looks = sum(result.opportunities for result in results)
    case = Case(
        subject=ConfigSubject(
            target=about.target, sources=about.sources, resources=sum(each.resources for each in some)
        ),
        results=tuple(results),
        findings=tuple(sorted(findings, key=lambda each: (_ORDER[each.severity], RULE_IDS.index(each.check)))),
        evidence=(
            Examined(rules=sum(bool(each.opportunities) for each in results), looks=looks, functions=isolated)
            if isolated
            else NoEvidence(reason="no function in tenant isolation mode was found")
        ),
        doubts=tuple(dict.fromkeys(about.doubts)),
        not_established=_NOT_ESTABLISHED,
        remarks=tuple(dict.fromkeys((*about.remarks, *(remark for each in some for remark in each.remarks)))),
        source=Source(path=about.path, sha256=about.sha256),
        strict=about.strict,
        tool=__version__,
    )
    return conclude(with_accepted(case, _accepted(case.findings, about)))


_NOT_ESTABLISHED = (
    "that the platform keeps tenants apart: only a run (probe, invoke) or an audit shows that",
    "what handlers and authorizers do: only what is configured was read",
    "data stores, caches outside API Gateway, and what is made by hand or by other templates",
)


def _results(description: Description, rules: frozenset[str]) -> list[tuple[CheckResult, list[Finding]]]:
    performed = perform(RULES, description, rules)
    return [
        (
            _denied(result, description),
            [finding for finding in performed.findings if finding.check == result.id],
        )
        for result in performed.results
    ]


def _denied(result: CheckResult, description: Description) -> CheckResult:
    """A rule that could not be looked at: the action that it needs was denied."""
    why = description.denied.get(result.id)
    if why is None or result.status not in ("clean", "not-applicable"):
        return result
    return structs.replace(result, status="not-exercised", opportunities=0, reason=why)


_WORST = ("crashed", "breached", "open", "not-exercised", "weak", "clean", "not-applicable", "left-out")


def _joined(some: list[list[tuple[CheckResult, list[Finding]]]]) -> list[tuple[CheckResult, list[Finding]]]:
    """The results of several descriptions, rule by rule: the worst status counts."""
    joined = []
    for same in zip(*some, strict=True):
        results = [result for result, _ in same]
        worst = min(results, key=lambda each: _WORST.index(each.status))
        unexercised = worst.status == "not-exercised"
        total = structs.replace(
            worst,
            opportunities=0 if unexercised else sum(each.opportunities for each in results),
            findings=sum(each.findings for each in results),
            breaches=sum(each.breaches for each in results),
            help=next((each.help for each in results if each.help), ""),
        )
        joined.append((total, [finding for _, found in same for finding in found]))
    return joined


def _asked(result: CheckResult, only: Sequence[str]) -> CheckResult:
    """Every rule is asked for that has something to look at, and every one that was named."""
    asked = result.id in only or result.status not in ("not-applicable", "left-out")
    return structs.replace(result, requested=asked)


def _accepted(findings: Iterable[Finding], about: About) -> Mapping[str, str]:
    """Why findings are accepted, by fingerprint."""
    found = {}
    for finding in findings:
        first = finding.exhibits[0] if finding.exhibits else None
        if not isinstance(first, Configured):
            continue
        names = {first.resource, first.resource.split(" ")[0], first.resource.split(".")[0]}
        reasons = [about.accepted.get((first.file or "", name, finding.check)) for name in sorted(names)]
        if told := next((reason for reason in reasons if reason), None):
            found[finding.fingerprint] = told
    return found
