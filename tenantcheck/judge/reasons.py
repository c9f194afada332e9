"""Why a run fails, passes, or is inconclusive: the reasons of a verdict, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tenantcheck.judge.environments import Environments
from tenantcheck.model import WITNESS_NAMES, CheckResult, End, Evidence, Finding, Plan
from tenantcheck.model.text import chance

#: Share of requests that may end in a function error before a clean run counts for nothing.
MAX_FUNCTION_ERRORS = 0.01
#: Without this check a run can't pass.
CORE_CHECK = "shared-environment"

_ENDED: dict[str, str] = {
    "max-requests": "the request budget was spent before the run was done",
    "max-time": "the time budget was spent before the run was done",
    "throttled": "two waves in a row were throttled",
    "refusing": "tenants that had been served were refused, again and again",
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


def causes_first(checks: Sequence[CheckResult]) -> Sequence[CheckResult]:
    """The checks in the order in which their findings are told. Where only look-alikes met, that they are taken for
    one another is the cause, and what came out of their environments follows from it."""
    breached = {check.id for check in checks if check.breaches}
    if "lookalike-collapse" not in breached or CORE_CHECK in breached:
        return checks
    return sorted(checks, key=lambda check: check.id != "lookalike-collapse")


class Reasons:
    """The reasons for one run's verdict."""

    def __init__(self, plan: Plan, environments: Environments) -> None:
        self.plan = plan
        self.environments = environments

    def failures(self, checks: Sequence[CheckResult], findings: Iterable[Finding]) -> Iterable[str]:
        for check in causes_first(checks):
            if check.breaches:
                yield f"{check.id}: {check.breaches} breach{'' if check.breaches == 1 else 'es'}"
        if self.plan.strict:
            weaknesses = Counter(finding.check for finding in findings if finding.severity == "weakness")
            for id_, count in weaknesses.items():
                yield f"{id_}: {count} weakness{'' if count == 1 else 'es'} (--strict)"

    def grounds(self, findings: Sequence[Finding]) -> Iterable[str]:
        """Why a run passes."""
        yield "no breach was found and the evidence reached the target"
        for check in sorted({finding.check for finding in findings}):
            yield f"{check}: a weakness, which fails a run only with --strict"

    def doubts(
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
        if ended == "no-reuse" and self.environments.cached:
            yield self._out_of_a_cache()
        elif ended != "complete":
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

    def _out_of_a_cache(self) -> str:
        return (
            f"{self.environments.cached} of {self.environments.requests} answers came out of a cache in front of the "
            "function, by its own word (x-cache, cf-cache-status, Age, …), so no environment was seen twice: put the "
            "nonce where a cache takes each request for another one, --nonce query:NAME"
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

    def unmet(self, checks: Sequence[CheckResult], evidence: Evidence) -> Iterable[str]:
        """What the run was required to exercise and did not."""
        exercised = {check.id: bool(check.opportunities) for check in checks}
        exercised |= {name: bool(figure.opportunities) for name, figure in evidence.strata.items()}
        exercised["idle"] = bool(self.plan.idle_s or self.plan.soak_s)
        exercised["control"] = self.environments.control is not None
        for name in self.plan.required:
            if not exercised.get(name):
                yield f"{name} was required and not exercised (--require)"

    def missing_records(self, end: End | None) -> list[str]:
        there = self.environments.requests
        waves = self.environments.waves
        if end is None or (end.requests, end.waves) == (there, waves):
            return []
        sent = f"{end.requests} requests in {end.waves} waves"
        return [f"the history is not whole: the run sent {sent}, here are {there} in {waves}"]
