"""From facts to a case, and the verdict on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tenantcheck.checking import perform
from tenantcheck.logs.facts import Facts
from tenantcheck.logs.rules import RULES
from tenantcheck.model import Case, LogSubject, Observed, Source, TenantSummary, Verdict
from tenantcheck.verdict import conclude
from tenantcheck.version import __version__

#: A metric counts by the minute, and the edges of a window are blurred: so much less is no gap.
_BLUR = 0.01
#: Tenants that are shown.
_SHOWN = 200
_ORDER = {"breach": 0, "open": 1, "weakness": 2}


@dataclass(frozen=True, kw_only=True)
class About:
    """What was audited, and what is known of it besides the rows."""

    target: str
    sources: tuple[str, ...]
    since: str = ""
    until: str = ""
    doubts: tuple[str, ...] = ()
    """Why a clean audit would not be enough: what the group's own configuration says."""
    remarks: tuple[str, ...] = ()
    path: str = ""
    """File of the rows, where they were kept."""
    sha256: str = ""
    """Digest of the rows."""
    strict: bool = False


def judged(facts: Facts, about: About) -> Verdict:
    """The verdict on an audit."""
    ids = [rule.id for rule in RULES]
    performed = perform(RULES, facts, ids, requested=("shared-environment",))
    case = Case(
        subject=LogSubject(
            target=about.target,
            sources=about.sources,
            since=about.since or facts.first,
            until=about.until or facts.last,
            groups=len(facts.groups),
            streams=facts.streams,
            versions=tuple(sorted(facts.versions)),
        ),
        results=tuple(performed.results),
        findings=tuple(sorted(performed.findings, key=lambda each: (_ORDER[each.severity], ids.index(each.check)))),
        evidence=_evidence(facts),
        doubts=tuple(dict.fromkeys((*_doubts(facts), *about.doubts))),
        not_established=tuple(_not_established(facts)),
        remarks=(*performed.remarks, *_remarks(facts), *about.remarks),
        tenants=tuple(_tenants(facts)),
        source=Source(path=about.path, sha256=about.sha256),
        strict=about.strict,
        tool=__version__,
    )
    return conclude(case)


def _evidence(facts: Facts) -> Observed:
    known = max(facts.starts, facts.counted or 0)
    if facts.joined or facts.text:
        known = max(known, facts.sent)
    blind = facts.starts - facts.named if facts.starts > facts.named else 0
    seen = facts.starts - blind
    return Observed(
        environments=facts.streams,
        invocations=facts.starts,
        reuses=facts.reuses,
        coverage=seen / known if known else 0.0,
        gaps=tuple(f"{kind}: {gap.count} in {gap.streams}" for kind, gap in sorted(facts.gaps.items())),
        bound_95=_bound(facts),
        oldest_s=facts.oldest_s,
        answers=facts.most,
    )


def _bound(facts: Facts) -> float | None:
    """The rate of crossing that none in so many opportunities excludes, at 95 %."""
    if facts.shared.total or not facts.reuses or len(facts.tenants) < 2:
        return None
    return float(-((0.05 ** (1 / facts.reuses)) - 1))


def uncovered(facts: Facts) -> Iterable[str]:
    """How much less the logs hold than ran, by the metric and by histories."""
    if not facts.starts:
        yield "not one invocation was found: nothing was audited"
    if facts.counted is not None and facts.of_function < facts.counted * (1 - _BLUR):
        yield (
            f"{facts.of_function} invocations are in the logs, the metric Invocations counts {facts.counted}: "
            f"{facts.counted - facts.of_function} are missing"
        )
    if facts.sent and (facts.joined or facts.text) and facts.joined < facts.sent:
        yield f"{facts.sent - facts.joined} of {facts.sent} requests of the histories are not in the logs"


def _doubts(facts: Facts) -> Iterable[str]:
    yield from uncovered(facts)
    yield from sorted(facts.doubts)


def _not_established(facts: Facts) -> Iterable[str]:
    if facts.counted is None:
        yield "that the logs hold every invocation: no metric was asked"
    yield "what ran before and after these logs, and other functions, versions and accounts"
    yield "what lies outside the execution environment: data stores, caches, the shared execution role"


def _remarks(facts: Facts) -> Iterable[str]:
    if len(facts.versions) > 1:
        yield f"the logs are those of several versions: {', '.join(sorted(facts.versions))}"
    if len(facts.functions) > 1:
        yield f"the logs are those of several functions: {', '.join(sorted(facts.functions))}"
    if facts.more_tenants:
        yield f"more than {len(facts.tenants):,} tenants were seen; those beyond are not counted apart"
    elif len(facts.tenants) > _SHOWN:
        yield f"{len(facts.tenants):,} tenants were seen; the {_SHOWN} with the most invocations are shown"


def _tenants(facts: Facts) -> Sequence[TenantSummary]:
    most = sorted(facts.tenants.items(), key=lambda each: (-each[1].invocations, each[0]))[:_SHOWN]
    return [
        TenantSummary(
            tenant=tenant,
            environments=known.environments,
            invocations=known.invocations,
            requests=known.invocations,
            cold_starts=known.environments,
        )
        for tenant, known in most
    ]
