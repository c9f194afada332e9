"""From observations to one verdict: worst wins, and never `pass` by default."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import structs

from tenantcheck.judge.checks import CHECKS, Check, Judged, refuses_tenants
from tenantcheck.judge.environments import Environments
from tenantcheck.judge.evidence import EvidenceCounter
from tenantcheck.judge.notes import Notes
from tenantcheck.judge.reasons import CORE_CHECK, Reasons, causes_first
from tenantcheck.model import (
    IDENTITIES,
    WITNESS_NAMES,
    CheckResult,
    CheckStatus,
    End,
    Evidence,
    Finding,
    Header,
    IdentityField,
    Observation,
    Outcome,
    Plan,
    Standing,
    Subject,
    TenantSummary,
    Verdict,
)
from tenantcheck.model.boundary import NOT_ISOLATED
from tenantcheck.version import __version__

#: Ends of a run that mean: the tool could not do its work. Nothing was learnt, unless a breach was seen.
_UNABLE = frozenset({"unreachable", "no-credentials", "no-function", "not-lambda", "failed"})


class Judge:
    """Judges one run, wave by wave.

    `plan` is the plan of the history; `checks` the checks to run, in the order of the report.
    """

    def __init__(self, plan: Plan, checks: Sequence[Check] | None = None) -> None:
        self.plan = plan
        chosen = CHECKS if checks is None else checks
        self._checks = [check for check in chosen if check.id in plan.checks]
        self.environments = Environments(plan)
        self._evidence = EvidenceCounter(plan)
        self._why = Reasons(plan, self.environments)
        self._notes = Notes(plan, self.environments)

    def add(self, wave: Sequence[Observation]) -> None:
        """Take in one ended wave."""
        self._evidence.add(self.environments.add(wave), self.environments)

    def evidence(self) -> Evidence:
        """The evidence so far."""
        return self._evidence.evidence(self.environments, self.plan.significance)

    def standing(self) -> Standing:
        """How things stand, for the course of the run."""
        judged = self._run_checks()
        breaches = [finding for finding in judged.findings if finding.severity == "breach"]
        evidence = self.evidence()
        environments = self.environments
        told = environments.purposes.get(NOT_ISOLATED, ())
        return Standing(
            not_isolated=any(refuses_tenants(framed.observation) for framed in told),
            breached=bool(breaches),
            confirmed=any(self._confirmed(finding) for finding in breaches),
            named=any(environments.by_field.values()),
            reused=bool(environments.reuses),
            finished=(
                evidence.reached
                or evidence.field is None
                or self.plan.seed_given
                or CORE_CHECK not in self.plan.checks
            ),
        )

    def caught_by(self, verdict: Verdict) -> tuple[IdentityField, ...]:
        """The identities by which an environment was seen to serve two tenants, and which nothing discredited."""
        fields = {name for finding in verdict.findings if finding.severity == "breach" for name in finding.fields}
        discredited = self.environments.discredited
        return tuple(name for name in IDENTITIES if WITNESS_NAMES[name] in fields and name not in discredited)

    def _confirmed(self, finding: Finding) -> bool:
        """Whether a breach stands on more than one identity, which could be a constant."""
        names = {WITNESS_NAMES[name] for name in IDENTITIES}
        identities = [field for field in finding.fields if field in names]
        return (
            len(identities) != 1
            or "tenantId" in finding.fields
            or finding.environment in self.environments.continuity.proven
            or bool(self.environments.foreign.total)
        )

    def _run_checks(self) -> _Judged:
        results: list[CheckResult] = []
        findings: list[Finding] = []
        remarks: list[str] = []
        for check in self._checks:
            requested = check.id in self.plan.requested
            try:
                judged = check.run(self.environments, self.plan)
            except Exception as error:  # noqa: BLE001 - a check that crashes is a verdict of its own, never a pass
                results.append(_result(check, "crashed", requested, reason=f"{type(error).__name__}: {error}"))
                continue
            findings.extend(judged.findings)
            remarks.extend(judged.remarks)
            undecided = bool(judged.undecided) and not judged.findings
            results.append(
                _result(
                    check,
                    _status(judged),
                    requested,
                    opportunities=0 if undecided else max(judged.opportunities, _breaches(judged)),
                    findings=_total(judged),
                    breaches=_breaches(judged),
                    reason=_reason(judged),
                )
            )
        return _Judged(results, findings, remarks)

    def verdict(
        self,
        header: Header,
        end: End | None,
        *,
        history: str = "",
        sha256: str = "",
        torn: bool = False,
        altered: str = "",
    ) -> Verdict:
        """The verdict on everything taken in. `end` is None where the history has no end line; `altered` says what in
        it is not as its seed draws it."""
        self.environments.control = header.control
        missing = self._why.missing_records(end)
        self.environments.whole = end is not None and end.reason != "failed" and not (torn or altered or missing)
        checks, findings, remarks = self._run_checks()
        evidence = self.evidence()
        ended = end.reason if end is not None else "cut"
        if ended != "complete":
            checks = [_not_reached(check) for check in checks]
        order = [check.id for check in causes_first(checks)]
        reasons = list(self._why.failures(checks, findings))
        outcome: Outcome = "fail" if reasons else "pass"
        if altered:
            reasons.append(f"the history does not hold the requests that its seed draws: {altered}")
        if outcome == "pass":
            reasons += missing
            reasons += self._why.doubts(checks, findings, evidence, ended, end.detail if end is not None else "")
            reasons += self._why.unmet(checks, evidence)
            outcome = "inconclusive" if reasons else "pass"
        covered, not_covered = self._coverage(evidence)
        if not reasons:
            reasons = list(self._why.grounds(findings))
        return Verdict(
            outcome=outcome,
            reasons=tuple(reasons),
            subject=self._subject(header, end, ended),
            checks=tuple(checks),
            findings=tuple(sorted(findings, key=lambda finding: self._rank(finding, order))),
            evidence=evidence,
            tenants=tuple(self._tenants()),
            not_established=tuple(self._notes.not_established(checks, evidence)),
            covered=covered,
            not_covered=not_covered,
            unable=outcome == "inconclusive" and ended in _UNABLE,
            control=header.control,
            remarks=(*remarks, *self._notes.remarks(header, torn, ended)),
            history=history,
            history_sha256=sha256,
            tool=__version__,
        )

    def _coverage(self, evidence: Evidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the run looked for, and what it could have looked for and did not."""
        kinds, strata = self.environments.kinds, evidence.strata
        looked_for = {
            "reuse": bool(evidence.ordered_requests),
            "pressure": bool(strata and strata["pressed"].opportunities),
            "newcomers": bool(strata and strata["newcomer"].opportunities and "newcomers" in kinds),
            "releases": "crowd" in kinds,
            "idle gaps": bool(self.plan.idle_s or self.plan.soak_s),
        }
        covered = tuple(name for name, looked in looked_for.items() if looked)
        return covered, tuple(name for name in looked_for if name not in covered)

    @staticmethod
    def _rank(finding: Finding, order: Sequence[str]) -> tuple[int, int, int]:
        """Worst first, then in this order of checks, then of the requests."""
        first = min((exhibit.seq for exhibit in finding.exhibits), default=0)
        return _SEVERITY_RANK[finding.severity], order.index(finding.check), first

    def _subject(self, header: Header, end: End | None, ended: str) -> Subject:
        plan, environments = self.plan, self.environments
        duration_ns = end.duration_ns if end is not None else environments.last_end_ns
        return Subject(
            kind=plan.kind,
            target=plan.target,
            run=plan.run,
            plan=plan.plan,
            started=header.started,
            seed=plan.seed,
            requests=environments.requests,
            environments=len(environments.by_field[environments.shown_identity()]),
            waves=environments.waves,
            duration_s=duration_ns / 1e9,
            ended=ended,
            versions=tuple(sorted(environments.versions)),
            outcomes=dict(environments.outcomes),
        )

    def _tenants(self) -> Iterable[TenantSummary]:
        newcomers = {tenant.index for tenant in self.plan.newcomers}
        for tenant in self.plan.everyone():
            state = self.environments.tenants[tenant.index]
            if not state.requests:
                continue
            median_ns = state.latencies.median_ns()
            yield TenantSummary(
                tenant=tenant.id,
                newcomer=tenant.index in newcomers,
                environments=self.environments.environments_of(tenant.index),
                invocations=state.answered,
                requests=state.requests,
                cold_starts=state.cold_starts,
                p50_ms=None if median_ns is None else round(median_ns / 1e6, 2),
                max_ms=round(state.latencies.highest_ns / 1e6, 2) if median_ns is not None else None,
            )


class _Judged(NamedTuple):
    """What the checks say."""

    results: list[CheckResult]
    findings: list[Finding]
    remarks: list[str]


def _result(
    check: Check,
    status: CheckStatus,
    requested: bool,
    *,
    opportunities: int = 0,
    findings: int = 0,
    breaches: int = 0,
    reason: str = "",
) -> CheckResult:
    return CheckResult(
        id=check.id,
        summary=check.summary,
        status=status,
        opportunities=opportunities,
        findings=findings,
        breaches=breaches,
        requested=requested,
        reason=reason,
        help=check.help if findings else "",
    )


def _not_reached(check: CheckResult) -> CheckResult:
    """A check without an opportunity in a run that ended early: its requests were perhaps never sent."""
    if check.status != "not-exercised":
        return check
    return structs.replace(check, reason="not exercised before the run ended")


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


_SEVERITY_RANK = {"breach": 0, "open": 1, "weakness": 2}
