"""Why a run without a breach may be no pass, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tenantcheck.judge.environments import Environments
from tenantcheck.model import REFUSED, WITNESS_NAMES, CheckResult, End, Evidence, Plan, Randomised

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
    "redirected": "every request was sent elsewhere",
    "limited": "every request was turned away from the first one on",
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
    """What speaks against a pass of one run."""

    def __init__(self, plan: Plan, environments: Environments) -> None:
        self.plan = plan
        self.environments = environments

    def doubts(self, results: Sequence[CheckResult], evidence: Evidence, ended: str, detail: str) -> Iterable[str]:
        """What else than findings, checks and the figure speaks against a pass."""
        for name in self.environments.identities.constants:
            yield f"every environment has the same {WITNESS_NAMES[name]}: it is a constant, and names none of them"
        if ended == "no-reuse" and self.environments.cached:
            yield self._out_of_a_cache()
        elif ended != "complete":
            yield detail or _ENDED[ended]
        yield from self._unread_fields()
        yield from self._silent_tenants(evidence)
        yield from self._refused_frames()
        errors = self.environments.function_errors
        if errors > MAX_FUNCTION_ERRORS * self.environments.requests:
            yield (
                f"{errors} of {self.environments.requests} requests ended in a function error; "
                "a handler that refuses foreign tenants looks like this"
            )
        yield from self._unmet(results, evidence)

    def _out_of_a_cache(self) -> str:
        return (
            f"{self.environments.cached} of {self.environments.requests} answers came out of a cache in front of the "
            "function, by its own word (x-cache, cf-cache-status, Age, …), so no environment was seen twice: put the "
            "nonce where a cache takes each request for another one, --nonce query:NAME"
        )

    def _refused_frames(self) -> Iterable[str]:
        """Ordinary requests that were refused beside those that attack the boundary."""
        asked = [framed for kept in self.environments.attacks.by_purpose.values() for framed in kept]
        beside = {o.request.seq: o for each in asked for o in (each.before, each.after) if o is not None}
        refused = [o for o in beside.values() if o.outcome in REFUSED]
        if refused:
            yield (
                f"{len(refused)} of {len(beside)} ordinary requests beside the attacks on the boundary were refused "
                f"({refused[0].error_text or f'HTTP {refused[0].status}'}): the service refuses everybody by then"
            )

    def _unread_fields(self) -> Iterable[str]:
        """Witness fields that the user placed with --witness and that no answer had there."""
        if not self.environments.witnesses:
            return
        read = {name.removesuffix("_read") for name in self.environments.fields_read}
        fields = {name for field, name in WITNESS_NAMES.items() if field in read}
        if "tenant_null" in read:
            fields.add(WITNESS_NAMES["tenant_id"])
        for name in sorted(self.plan.witness_paths.keys() - fields):
            why = self.environments.field_problems.get(name)
            found = f"found {why}" if why else "matched in no answer"
            yield f"--witness {name}={self.plan.witness_paths[name]} {found}"
        if self.plan.witness_at and not fields - self.plan.witness_paths.keys():
            yield f"--witness-at {self.plan.witness_at} matched in no answer"

    def _silent_tenants(self, evidence: Evidence) -> Iterable[str]:
        states = self.environments.people.states
        silent = [tenant.id for tenant in self.plan.tenants if not states[tenant.index].ordered_witnesses]
        if silent and isinstance(evidence, Randomised):
            yield f"no witness in ordered waves from: {', '.join(silent)}"

    def _unmet(self, results: Sequence[CheckResult], evidence: Evidence) -> Iterable[str]:
        """What the run was required to exercise and did not."""
        exercised = {result.id: bool(result.opportunities) for result in results}
        if isinstance(evidence, Randomised):
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
