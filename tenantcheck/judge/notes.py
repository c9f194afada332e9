"""What a verdict does not say, and what is worth a remark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tenantcheck.judge.environments import Environments
from tenantcheck.model import IDENTITIES, WITNESS_NAMES, CheckResult, Evidence, Header, Plan, Randomised

#: Share of lost and throttled requests that is worth a remark.
MAX_LOST = 0.02
_STRATA_MEANING = {
    "warm": "a tenant with an idle environment of its own while a foreign one lay idle",
    "pressed": "a tenant whose environments were all busy while a foreign one lay idle",
    "newcomer": "the first request of a tenant while a foreign environment lay idle",
}


class Notes:
    """What stands beside one run's verdict."""

    def __init__(self, plan: Plan, environments: Environments) -> None:
        self.plan = plan
        self.environments = environments

    def not_established(self, results: Sequence[CheckResult], evidence: Evidence) -> Iterable[str]:
        strata = evidence.strata if isinstance(evidence, Randomised) else {}
        for name, meaning in _STRATA_MEANING.items():
            stratum = strata.get(name)
            if stratum is None or not (stratum.opportunities or stratum.crossed):
                yield f"{name} requests were not exercised: {meaning}"
        for result in results:
            if result.status in ("not-exercised", "left-out"):
                yield f"{result.id}: {result.reason}"
        yield from self._assumed()
        if "foreign-residue" in self.plan.checks and "residue_read" not in self.environments.fields_read:
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
        if self.environments.control is None and self.plan.witness_from == "answers":
            yield "that this witness shows sharing on this route: no control was asked (--control)"
        if self.plan.in_flight is not None:
            yield (
                f"what happens while more than {self.plan.in_flight} requests are in flight together (--in-flight): "
                "waves that want more were sent in parts"
            )
        if self.plan.aliases:
            yield "other names of the tenant than those that were tried"

    def remarks(self, header: Header, torn: bool, ended: str) -> Iterable[str]:
        environments = self.environments
        yield from self._logs(header)
        if header.earlier_runs:
            runs = "run" if header.earlier_runs == 1 else "runs"
            yield (
                f"{header.earlier_runs} earlier {runs} against this target: {', '.join(header.earlier)}. Whoever "
                "repeats a run until one passes multiplies the chance by the number of runs"
            )
        if header.same_tenants and any(
            process.counts.unseen(1, 1) for process in environments.processes.by_id.values()
        ):
            yield (
                f"an earlier run of yours asked for the same tenants ({header.same_tenants}): environments that it "
                "left behind count its requests, too"
            )
        if environments.openings > 1:
            without = f" (perhaps for the {' and the '.join(self.plan.optional)})" if self.plan.optional else ""
            yield f"first requests failed or were refused{without}: the opening was sent again"
        if ended == "breach":
            yield "the run stopped at the first breach; --keep-going sends the rest of the plan too"
        yield from self._set_aside(ended)
        if torn:
            yield "the last line of the history was cut and is left out"
        if len(environments.versions) > 1:
            versions = ", ".join(sorted(environments.versions))
            yield f"the answers came from several versions of the function: {versions}"
        if environments.nonces.replays_within:
            yield (
                f"{environments.nonces.replays_within} answers were replays within one tenant (a cache keyed by "
                "tenant?); they count as no evidence"
            )
        for name in IDENTITIES:
            if name in environments.identities.discredited:
                yield f"{WITNESS_NAMES[name]} does not name one environment here: nothing stands on it alone"

    def _logs(self, header: Header) -> Iterable[str]:
        """Where environments were read, and how many requests were not found there."""
        ran, untold = self.environments.ran, self.environments.untold
        if self.plan.witness_from != "logs":
            return
        told = f"told of all {ran} requests that ran"
        if untold:
            told = (
                f"did not tell of {untold} of {ran} requests that ran within {self.plan.log_wait_s:g} s: they count "
                "as lost"
            )
        yield f"environments were read in the log group {header.log_group}, which {told}"

    def _set_aside(self, ended: str) -> Iterable[str]:
        """Answers that did not come, or count for nothing."""
        environments = self.environments
        lost = environments.outcomes["lost"] + environments.outcomes["throttled"]
        if lost > MAX_LOST * environments.requests:
            yield (
                f"{lost} of {environments.requests} requests were lost or throttled: each undoes the evidence of "
                "several answers"
            )
        if environments.cached and ended != "no-reuse":
            yield (
                f"{environments.cached} of {environments.requests} answers came out of a cache, by its own word: "
                "they count as no evidence (--nonce query:NAME goes around it)"
            )
