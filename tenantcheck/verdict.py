"""From observations to one verdict: worst wins, and never `pass` by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import structs

from tenantcheck import __version__
from tenantcheck.checks import CHECKS, Check, Judged, refuses_tenants
from tenantcheck.environments import Environments
from tenantcheck.evidence import EvidenceCounter
from tenantcheck.model import (
    IDENTITIES,
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
    Standing,
    Subject,
    TenantSummary,
    Verdict,
)
from tenantcheck.model.boundary import NOT_ISOLATED
from tenantcheck.model.text import chance

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
    "not-lambda": "this is not Lambda",
    "no-witness": "no answer of the opening wave told which environment served it",
    "no-reuse": "no environment answered a second request, so none could have been shared",
    "refused": "a tenant was refused in the opening wave",
    "failed": "the run stopped on an error",
    "breach": "the run ended at a breach that the checks of this judgement do not see",
    "not-isolated": "the run ended at a breach that the checks of this judgement do not see",
    "cut": "the history has no end line: the run was killed or the file was cut",
}


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
        checks, findings, remarks = self._run_checks()
        evidence = self.evidence()
        ended = end.reason if end is not None else "cut"
        if ended != "complete":
            checks = [_not_reached(check) for check in checks]
        reasons = list(self._failures(checks, findings))
        outcome: Outcome = "fail" if reasons else "pass"
        if altered:
            reasons.append(f"the history does not hold the requests that its seed draws: {altered}")
        if outcome == "pass":
            reasons += self._missing_records(end)
            reasons += self._doubts(checks, findings, evidence, ended, end.detail if end is not None else "")
            reasons += self._unmet(checks, evidence)
            outcome = "inconclusive" if reasons else "pass"
        covered, not_covered = self._coverage(evidence)
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
            covered=covered,
            not_covered=not_covered,
            unable=outcome == "inconclusive" and ended in _UNABLE,
            control=header.control,
            remarks=(*remarks, *self._remarks(header, torn, ended)),
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

    def _unmet(self, checks: Sequence[CheckResult], evidence: Evidence) -> Iterable[str]:
        """What the run was required to exercise and did not."""
        exercised = {check.id: bool(check.opportunities) for check in checks}
        exercised |= {name: bool(figure.opportunities) for name, figure in evidence.strata.items()}
        exercised["idle"] = bool(self.plan.idle_s or self.plan.soak_s)
        exercised["control"] = self.environments.control is not None
        for name in self.plan.required:
            if not exercised.get(name):
                yield f"{name} was required and not exercised (--require)"

    def _rank(self, finding: Finding) -> tuple[int, int, int]:
        """Worst first, then in the order of the checks, then of the requests."""
        order = [str(check.id) for check in self._checks].index(finding.check)
        first = min((exhibit.seq for exhibit in finding.exhibits), default=0)
        return _SEVERITY_RANK[finding.severity], order, first

    def _failures(self, checks: Iterable[CheckResult], findings: Iterable[Finding]) -> Iterable[str]:
        for check in checks:
            if check.breaches:
                yield f"{check.id}: {check.breaches} breach{'' if check.breaches == 1 else 'es'}"
        if self.plan.strict:
            weaknesses = Counter(finding.check for finding in findings if finding.severity == "weakness")
            for id_, count in weaknesses.items():
                yield f"{id_}: {count} weakness{'' if count == 1 else 'es'} (--strict)"

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
        for name in self.environments.constants:
            yield f"every environment has the same {WITNESS_NAMES[name]}: it is a constant, and names none of them"
        if ended != "complete":
            yield detail or _ENDED[ended]
        yield from self._unread_fields()
        yield from self._thin_evidence(evidence)
        yield from self._unjudged(checks)
        yield from self._refused_frames()
        open_ = {finding.check for finding in findings if finding.severity == "open"}
        for check in checks:
            if check.id in open_:
                yield f"{check.id}: an open question"
        errors = self.environments.outcomes["function-error"]
        if errors > MAX_FUNCTION_ERRORS * self.environments.requests:
            yield (
                f"{errors} of {self.environments.requests} requests ended in a function error; "
                "a handler that refuses foreign tenants looks like this"
            )

    def _refused_frames(self) -> Iterable[str]:
        """Ordinary requests that were refused beside those that attack the boundary."""
        asked = [framed for kept in self.environments.purposes.values() for framed in kept]
        beside = {o.request.seq: o for each in asked for o in (each.before, each.after) if o is not None}
        refused = [o for o in beside.values() if o.outcome == "refused"]
        if refused:
            yield (
                f"{len(refused)} of {len(beside)} ordinary requests beside the attacks on the boundary were refused "
                f"({refused[0].error_text or f'HTTP {refused[0].status}'}): the service refuses everybody by then"
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
        read = {name.removesuffix("_read") for name in self.environments.fields_read}
        fields = {name for field, name in WITNESS_NAMES.items() if field in read}
        if "tenant_null" in read:
            fields.add(WITNESS_NAMES["tenant_id"])
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
                f"the evidence reached {chance(evidence.weakest_pair.probability)}, "
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
        yield from self._assumed()
        if "foreign-residue" in judged and "residue_read" not in self.environments.fields_read:
            yield "what a handler still finds of earlier requests: no answer reported residue"
        yield "tenants, functions and versions other than those asked"
        yield "what lies outside the execution environment: data stores, caches, the shared execution role"

    def _assumed(self) -> Iterable[str]:
        """What the evidence takes for granted."""
        if self.plan.kind == "probe":
            yield (
                "that each request was delivered once: a front that sends refused requests again could make a shared "
                "pool look isolated"
            )
        if self.environments.control is None:
            yield "that this witness shows sharing on this route: no control was asked (--control)"
        if self.plan.aliases:
            yield "other names of the tenant than those that were tried"

    def _remarks(self, header: Header, torn: bool, ended: str) -> Iterable[str]:
        environments = self.environments
        if header.earlier_runs:
            runs = "run" if header.earlier_runs == 1 else "runs"
            yield (
                f"{header.earlier_runs} earlier {runs} against this target: {', '.join(header.earlier)}. Whoever "
                "repeats a run until one passes multiplies the chance by the number of runs"
            )
        if environments.openings > 1:
            yield f"the target refused requests with a {' and a '.join(self.plan.optional)}: asked again without"
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
        for name in IDENTITIES:
            if name in environments.discredited:
                yield f"{WITNESS_NAMES[name]} does not name one environment here: nothing stands on it alone"


class _Judged(NamedTuple):
    """What the checks say."""

    results: list[CheckResult]
    findings: list[Finding]
    remarks: list[str]


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
