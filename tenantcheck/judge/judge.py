"""From observations to a case, and the verdict on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import structs

from tenantcheck.checking import Performed, perform
from tenantcheck.judge.checks import CHECKS, RunCheck, refuses_tenants
from tenantcheck.judge.environments import Environments
from tenantcheck.judge.evidence import EvidenceCounter
from tenantcheck.judge.notes import Notes
from tenantcheck.judge.reasons import CORE_CHECK, Reasons, causes_first
from tenantcheck.judge.timeline import TimelineRecorder
from tenantcheck.model import (
    IDENTITIES,
    WITNESS_NAMES,
    Case,
    CheckResult,
    End,
    Evidence,
    Finding,
    Header,
    IdentityField,
    Observation,
    Plan,
    Randomised,
    RunSubject,
    Seen,
    Source,
    Standing,
    TenantSummary,
    Verdict,
)
from tenantcheck.model.boundary import NOT_ISOLATED
from tenantcheck.verdict import conclude
from tenantcheck.version import __version__

#: Ends of a run that mean: the tool could not do its work. Nothing was learnt, unless a breach was seen.
_UNABLE = frozenset({"unreachable", "no-credentials", "no-function", "not-lambda", "redirected", "limited", "failed"})


class Judge:
    """Judges one run, wave by wave.

    `plan` is the plan of the history; `checks` are those there are, in the order of the report.
    """

    def __init__(self, plan: Plan, checks: Sequence[RunCheck] = CHECKS) -> None:
        self.plan = plan
        self._checks = checks
        self.environments = Environments(plan)
        self._evidence = EvidenceCounter(plan)
        self._why = Reasons(plan, self.environments)
        self._notes = Notes(plan, self.environments)
        self._timeline = TimelineRecorder([tenant.id for tenant in plan.everyone()])

    def add(self, wave: Sequence[Observation]) -> None:
        """Take in one ended wave."""
        grouped = self.environments.add(wave)
        self._evidence.add(grouped, self.environments)
        ordered = bool(wave) and wave[0].request.kind == "ordered"
        self._timeline.add(grouped.observations, self._evidence.weakest() if ordered else None)

    def evidence(self) -> Evidence:
        """The evidence so far."""
        return self._evidence.evidence(self.environments, self.plan.significance)

    def standing(self) -> Standing:
        """How things stand, for the course of the run."""
        breaches = [finding for finding in self.performed().findings if finding.severity == "breach"]
        evidence = self.evidence()
        environments = self.environments
        told = environments.attacks.by_purpose.get(NOT_ISOLATED, ())
        return Standing(
            not_isolated=any(refuses_tenants(framed.observation) for framed in told),
            breached=bool(breaches),
            confirmed=any(self._confirmed(finding) for finding in breaches),
            named=any(environments.places.by_field.values()),
            reused=bool(environments.reuses),
            finished=(
                not isinstance(evidence, Randomised)
                or evidence.reached
                or self.plan.seed_given
                or CORE_CHECK not in self.plan.checks
            ),
        )

    def caught_by(self, verdict: Verdict) -> tuple[IdentityField, ...]:
        """The identities by which an environment was seen to serve two tenants, and which nothing discredited."""
        fields = {name for finding in verdict.findings if finding.severity == "breach" for name in finding.fields}
        discredited = self.environments.identities.discredited
        return tuple(name for name in IDENTITIES if WITNESS_NAMES[name] in fields and name not in discredited)

    def _confirmed(self, finding: Finding) -> bool:
        """Whether a breach stands on more than one identity, which could be a constant."""
        names = {WITNESS_NAMES[name] for name in IDENTITIES}
        identities = [field for field in finding.fields if field in names]
        return (
            len(identities) != 1
            or "tenantId" in finding.fields
            or finding.environment in self.environments.continuity.proven
            or bool(self.environments.nonces.foreign.total)
        )

    def performed(self) -> Performed:
        """What the checks say so far."""
        return perform(self._checks, self.environments, self.plan.checks, self.plan.requested)

    def verdict(
        self,
        header: Header,
        end: End | None,
        *,
        history: str = "",
        sha256: str = "",
        torn: bool = False,
        altered: str = "",
        recorded: Plan | None = None,
    ) -> Verdict:
        """The verdict on everything taken in. `end` is None where the history has no end line; `altered` says what in
        it is not as its seed draws it; `recorded` is the plan of the history, where it is judged by another one."""
        case = self.case(header, end, history=history, sha256=sha256, torn=torn, altered=altered)
        if recorded is not None:
            case = structs.replace(case, source=structs.replace(case.source, plan_sha256=_digest(recorded)))
        return conclude(case)

    def case(self, header: Header, end: End | None, *, history: str, sha256: str, torn: bool, altered: str) -> Case:
        """What is handed over to be concluded from."""
        self.environments.control = header.control
        missing = self._why.missing_records(end)
        self.environments.whole = end is not None and end.reason != "failed" and not (torn or altered or missing)
        results, findings, remarks = self.performed()
        evidence = self.evidence()
        ended = end.reason if end is not None else "cut"
        if ended != "complete":
            results = [_not_reached(result) for result in results]
        order = [result.id for result in causes_first(results)]
        doubts = self._why.doubts(results, evidence, ended, end.detail if end is not None else "")
        return Case(
            subject=self._subject(header, end, ended, evidence),
            results=tuple(results),
            findings=tuple(sorted(findings, key=lambda finding: self._rank(finding, order))),
            evidence=evidence,
            doubts=(*missing, *doubts),
            not_established=tuple(self._notes.not_established(results, evidence)),
            remarks=(*remarks, *self._notes.remarks(header, torn, ended)),
            tenants=tuple(self._tenants()),
            timeline=self._timeline.timeline(),
            source=Source(
                path=history,
                sha256=sha256,
                plan_sha256=_digest(header.plan),
                problem=f"the history does not hold the requests that its seed draws: {altered}" if altered else "",
            ),
            strict=self.plan.strict,
            unable=ended in _UNABLE,
            tool=__version__,
        )

    def _coverage(self, evidence: Evidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the run looked for, and what it could have looked for and did not."""
        kinds = self.environments.kinds
        randomised = evidence if isinstance(evidence, Randomised) else None
        strata = randomised.strata if randomised is not None else {}
        looked_for = {
            "reuse": bool(randomised is not None and randomised.ordered_requests),
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
        first = min((exhibit.seq for exhibit in finding.exhibits if isinstance(exhibit, Seen)), default=0)
        return _SEVERITY_RANK[finding.severity], order.index(finding.check), first

    def _subject(self, header: Header, end: End | None, ended: str, evidence: Evidence) -> RunSubject:
        plan, environments = self.plan, self.environments
        covered, not_covered = self._coverage(evidence)
        duration_ns = end.duration_ns if end is not None else environments.last_end_ns
        return RunSubject(
            kind=plan.kind,
            target=plan.target,
            run=plan.run,
            plan=plan.plan,
            started=header.started,
            seed=plan.seed,
            requests=environments.requests,
            environments=len(environments.places.by_field[environments.identities.for_reports()]),
            waves=environments.waves,
            duration_s=duration_ns / 1e9,
            ended=ended,
            versions=tuple(sorted(environments.versions)),
            outcomes=dict(environments.outcomes),
            covered=covered,
            not_covered=not_covered,
        )

    def _tenants(self) -> Iterable[TenantSummary]:
        newcomers = {tenant.index for tenant in self.plan.newcomers}
        for tenant in self.plan.everyone():
            state = self.environments.people.states[tenant.index]
            if not state.requests:
                continue
            median_ns, cold_ns = state.latencies.median_ns(), state.cold_latencies.median_ns()
            yield TenantSummary(
                tenant=tenant.id,
                newcomer=tenant.index in newcomers,
                environments=self.environments.environments_of(tenant.index),
                invocations=state.answered,
                requests=state.requests,
                cold_starts=state.cold_starts,
                p50_ms=None if median_ns is None else round(median_ns / 1e6, 2),
                cold_p50_ms=None if cold_ns is None else round(cold_ns / 1e6, 2),
                max_ms=round(state.latencies.highest_ns / 1e6, 2) if median_ns is not None else None,
            )


def _digest(plan: Plan) -> str:
    return hashlib.sha256(msgspec.json.encode(plan, order="sorted")).hexdigest()


def _not_reached(check: CheckResult) -> CheckResult:
    """A check without an opportunity in a run that ended early: its requests were perhaps never sent."""
    if check.status != "not-exercised":
        return check
    return structs.replace(check, reason="not exercised before the run ended")


_SEVERITY_RANK = {"breach": 0, "open": 1, "weakness": 2}
