"""From observations to one verdict: worst wins, and never `pass` by default."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from tenantcheck import __version__
from tenantcheck.checks import CHECKS, Check, Judged
from tenantcheck.environments import Environments
from tenantcheck.evidence import EvidenceCounter
from tenantcheck.model import (
    WITNESS_NAMES,
    CheckResult,
    CheckStatus,
    End,
    Evidence,
    Finding,
    Header,
    Observation,
    Outcome,
    Plan,
    Subject,
    TenantSummary,
    Verdict,
)

#: Share of requests that may end in a function error before a clean run counts for nothing.
MAX_FUNCTION_ERRORS = 0.01
#: Share of lost and throttled requests that is worth a remark.
MAX_LOST = 0.02
#: Without this check a run can't pass.
CORE_CHECK = "shared-environment"

_ENDED: dict[str, str] = {
    "max-requests": "the request budget was spent before the run was done",
    "max-time": "the time budget was spent before the run was done",
    "throttled": "two waves in a row were throttled",
    "interrupted": "the run was interrupted",
    "unreachable": "no request of the opening wave was answered",
    "no-credentials": "the target did not accept the credentials",
    "no-function": "the function was not found",
    "no-witness": "no answer of the opening wave told which environment served it",
    "no-reuse": "no environment answered a second request, so none could have been shared",
    "refused": "a tenant was refused in the opening wave",
    "failed": "the run stopped on an error",
    "breach": "the run ended at a breach that the checks of this judgement do not see",
    "not-isolated": "the run ended at a breach that the checks of this judgement do not see",
    "cut": "the history has no end line: the run was killed or the file was cut",
}


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

    def add(self, wave: Sequence[Observation]) -> None:
        """Take in one ended wave."""
        self._evidence.add(self.environments.add(wave))

    def evidence(self) -> Evidence:
        """The evidence so far."""
        return self._evidence.evidence(self.environments, self.plan.significance)

    def breached(self) -> bool:
        """Whether any check has found a breach so far."""
        _, findings = self._run_checks()
        return any(finding.severity == "breach" for finding in findings)

    def _run_checks(self) -> tuple[list[CheckResult], list[Finding]]:
        results: list[CheckResult] = []
        findings: list[Finding] = []
        for check in self._checks:
            requested = check.id in self.plan.requested
            try:
                judged = check.run(self.environments, self.plan)
            except Exception as error:  # noqa: BLE001 - a check that crashes is a verdict of its own, never a pass
                results.append(_result(check, "crashed", requested, reason=f"{type(error).__name__}: {error}"))
                continue
            findings.extend(judged.findings)
            results.append(
                _result(
                    check,
                    _status(judged),
                    requested,
                    opportunities=max(judged.opportunities, _breaches(judged)),
                    findings=judged.total if judged.total is not None else len(judged.findings),
                    reason=_reason(judged),
                )
            )
        return results, findings

    def verdict(
        self, header: Header, end: End | None, *, history: str = "", sha256: str = "", torn: bool = False
    ) -> Verdict:
        """The verdict on everything taken in. `end` is None where the history has no end line."""
        checks, findings = self._run_checks()
        evidence = self.evidence()
        ended = end.reason if end is not None else "cut"
        if ended != "complete":
            checks = [_not_reached(check) for check in checks]
        reasons = list(self._failures(findings))
        outcome: Outcome = "fail" if reasons else "pass"
        if not reasons:
            reasons = self._missing_records(end)
            reasons += self._doubts(checks, findings, evidence, ended, end.detail if end is not None else "")
            outcome = "inconclusive" if reasons else "pass"
        if not reasons:
            reasons = list(self._grounds(findings))
        return Verdict(
            outcome=outcome,
            reasons=tuple(reasons),
            subject=self._subject(header, end, ended),
            checks=tuple(checks),
            findings=tuple(sorted(findings, key=self._rank)),
            evidence=evidence,
            tenants=tuple(self._tenants()),
            not_established=tuple(self._not_established(checks, evidence)),
            remarks=tuple(self._remarks(torn, ended)),
            history=history,
            history_sha256=sha256,
            tool=__version__,
        )

    def _rank(self, finding: Finding) -> tuple[int, int, int]:
        """Worst first, then in the order of the checks, then of the requests."""
        order = [check.id for check in self._checks].index(finding.check)
        first = min((exhibit.seq for exhibit in finding.exhibits), default=0)
        return _SEVERITY_RANK[finding.severity], order, first

    def _failures(self, findings: Iterable[Finding]) -> Iterable[str]:
        breaches: dict[str, int] = {}
        weaknesses: dict[str, int] = {}
        for finding in findings:
            counter = {"breach": breaches, "weakness": weaknesses}.get(finding.severity, {})
            counter[finding.check] = counter.get(finding.check, 0) + 1
        for check, count in breaches.items():
            yield f"{check}: {count} breach{'' if count == 1 else 'es'}"
        if self.plan.strict:
            for check, count in weaknesses.items():
                yield f"{check}: {count} weakness{'' if count == 1 else 'es'} (--strict)"

    def _grounds(self, findings: Sequence[Finding]) -> Iterable[str]:
        """Why a run passes."""
        yield "no breach was found and the evidence reached the target"
        for check in sorted({finding.check for finding in findings}):
            yield f"{check}: a weakness, which fails a run only with --strict"

    def _doubts(
        self,
        checks: Sequence[CheckResult],
        findings: Sequence[Finding],
        evidence: Evidence,
        ended: str,
        detail: str,
    ) -> Iterable[str]:
        if not checks:
            yield "no check was performed"
        if checks and not any(check.id == CORE_CHECK for check in checks):
            yield f"{CORE_CHECK} was left out: whether environments are shared was not judged"
        if ended != "complete":
            yield detail or _ENDED[ended]
        yield from self._unread_fields()
        yield from self._thin_evidence(evidence)
        yield from self._unjudged(checks)
        for id_ in sorted({finding.check for finding in findings if finding.severity == "open"}):
            yield f"{id_}: an open question"
        errors = self.environments.outcomes["function-error"]
        if errors > MAX_FUNCTION_ERRORS * self.environments.requests:
            yield (
                f"{errors} of {self.environments.requests} requests ended in a function error; "
                "a handler that refuses foreign tenants looks like this"
            )

    def _unjudged(self, checks: Sequence[CheckResult]) -> Iterable[str]:
        """Checks that did not do what they were there for."""
        for check in checks:
            if check.status == "crashed":
                yield f"{check.id} crashed: {check.reason}"
            elif check.requested and not check.opportunities:
                yield f"{check.id} was asked for and never exercised: {check.reason}"
        for id_ in self.plan.requested:
            if id_ not in {check.id for check in checks}:
                yield f"{id_} was asked for and left out"

    def _unread_fields(self) -> Iterable[str]:
        """Witness fields that the user placed with --witness and that no answer had there."""
        if not self.environments.witnesses:
            return
        fields = {WITNESS_NAMES[name.removesuffix("_read")] for name in self.environments.fields_read}
        for name in sorted(self.plan.witness_paths.keys() - fields):
            yield f"--witness {name}={self.plan.witness_paths[name]} matched in no answer"

    def _thin_evidence(self, evidence: Evidence) -> Iterable[str]:
        if evidence.weakest_pair is None:
            yield f"no evidence: {evidence.reason}"
            return
        if self.plan.seed_given:
            yield f"no evidence: {evidence.reason}"
        elif not evidence.reached:
            yield (
                f"the evidence reached {evidence.weakest_pair.probability:.2g}, "
                f"the target is {evidence.significance:g}"
            )
        silent = [
            tenant.id for tenant in self.plan.tenants if not self.environments.tenants[tenant.index].ordered_witnesses
        ]
        if silent:
            yield f"no witness in ordered waves from: {', '.join(silent)}"

    def _missing_records(self, end: End | None) -> list[str]:
        there = self.environments.requests
        waves = self.environments.waves
        if end is None or (end.requests, end.waves) == (there, waves):
            return []
        sent = f"{end.requests} requests in {end.waves} waves"
        return [f"the history is not whole: the run sent {sent}, here are {there} in {waves}"]

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

    def _not_established(self, checks: Sequence[CheckResult], evidence: Evidence) -> Iterable[str]:
        for name, meaning in _STRATA_MEANING.items():
            stratum = evidence.strata.get(name)
            if stratum is None or not (stratum.opportunities or stratum.crossed):
                yield f"{name} requests were not exercised: {meaning}"
        for check in checks:
            if check.status == "not-exercised":
                yield f"{check.id}: {check.reason}"
        judged = {check.id for check in checks}
        for check_ in CHECKS:
            if check_.id not in judged:
                yield f"{check_.id}: left out"
        if "foreign-residue" in judged and "residue_read" not in self.environments.fields_read:
            yield "what a handler still finds of earlier requests: no answer reported residue"
        yield "tenants, functions and versions other than those asked"
        yield "what lies outside the execution environment: data stores, caches, the shared execution role"

    def _remarks(self, torn: bool, ended: str) -> Iterable[str]:
        environments = self.environments
        if ended == "breach":
            yield "the run stopped at the first breach; --keep-going sends the rest of the plan too"
        lost = environments.outcomes["lost"] + environments.outcomes["throttled"]
        if lost > MAX_LOST * environments.requests:
            yield (
                f"{lost} of {environments.requests} requests were lost or throttled: each undoes the evidence of "
                "several answers"
            )
        if torn:
            yield "the last line of the history was cut and is left out"
        if len(environments.versions) > 1:
            versions = ", ".join(sorted(environments.versions))
            yield f"the answers came from several versions of the function: {versions}"
        if environments.replays_within:
            yield (
                f"{environments.replays_within} answers were replays within one tenant (a cache keyed by "
                "tenant?); they count as no evidence"
            )
        if environments.discredited:
            yield "executionEnvironmentId does not name one environment here: nothing stands on it alone"


_STRATA_MEANING = {
    "warm": "a tenant with an idle environment of its own while a foreign one lay idle",
    "pressed": "a tenant whose environments were all busy while a foreign one lay idle",
    "newcomer": "the first request of a tenant while a foreign environment lay idle",
}


def _result(
    check: Check,
    status: CheckStatus,
    requested: bool,
    *,
    opportunities: int = 0,
    findings: int = 0,
    reason: str = "",
) -> CheckResult:
    return CheckResult(
        id=check.id,
        summary=check.summary,
        status=status,
        opportunities=opportunities,
        findings=findings,
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
    return "clean" if judged.opportunities else "not-exercised"


def _reason(judged: Judged) -> str:
    if judged.not_applicable:
        return judged.not_applicable
    return "" if max(judged.opportunities, _breaches(judged)) else judged.unexercised


def _breaches(judged: Judged) -> int:
    return sum(finding.severity == "breach" for finding in judged.findings)


_SEVERITY_RANK = {"breach": 0, "open": 1, "weakness": 2}
