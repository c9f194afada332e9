"""What is concluded: exhibits, findings, evidence, verdict. Reports are pure functions of `Verdict`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tenantcheck.errors import IsolationBreachedError
from tenantcheck.model.observation import Control
from tenantcheck.model.repeat import Repeat
from tenantcheck.model.text import printable, shown_id

Severity = Literal["breach", "weakness", "open"]
CheckStatus = Literal["clean", "breached", "weak", "open", "not-exercised", "not-applicable", "crashed"]
Outcome = Literal["pass", "fail", "inconclusive"]
Stratum = Literal["warm", "pressed", "newcomer"]

STRATA: tuple[Stratum, ...] = ("warm", "pressed", "newcomer")


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="seen", tag_field="type"):
    """Exhibit: one observation of a run."""

    seq: int
    tenant: str | None
    """The id the request was sent for; None when it was sent without a tenant."""
    environment: str | None = None
    count: int | None = None
    call_ns: int | None = None
    end_ns: int | None = None
    status: int | None = None
    handler_saw: str | None = None
    """The tenant the handler reported."""
    request_ids: dict[str, str] = {}
    repeat: Repeat | None = None
    """How to send it again."""

    def __str__(self) -> str:
        parts = [f"#{self.seq}", f"tenant {shown_id(self.tenant)}" if self.tenant is not None else "no tenant"]
        if self.environment is not None:
            parts.append(f"environment {printable(self.environment)}")
        if self.count is not None:
            parts.append(f"invocation {self.count}")
        if self.handler_saw is not None:
            parts.append(f"the handler saw {shown_id(self.handler_saw)}")
        return ", ".join(parts)


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One breach, weakness or open question, with the observations it stands on."""

    check: str
    severity: Severity
    says: str = ""
    """Its sentence, with places for what is shown harmless: `{tenants}`, the `{first}` and `{second}` of them,
    `{environment}`, `{fields}` and every name of `details`."""
    fields: tuple[str, ...] = ()
    """Witness fields it stands on."""
    tenants: tuple[str, ...] = ()
    environment: str | None = None
    exhibits: tuple[Seen, ...] = ()
    fingerprint: str = ""
    """Names the same finding across runs."""
    details: dict[str, str | int] = {}


class CheckResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one check ended."""

    id: str
    summary: str
    status: CheckStatus
    opportunities: int
    """How often it could have failed."""
    findings: int = 0
    """Findings in total, those beyond the kept ones included."""
    breaches: int = 0
    """Breaches among them, in total."""
    requested: bool = False
    reason: str = ""
    help: str = ""
    """What its findings mean and what to do about them, where it has some."""


class Standing(Struct, frozen=True, kw_only=True):
    """What the judge says of everything so far, for the course of the run."""

    not_isolated: bool = False
    """The target says itself that it does not isolate."""
    breached: bool = False
    confirmed: bool = True
    """The breach stands on more than one identity, which may be a constant."""
    named: bool = True
    """Answers name their environment."""
    reused: bool = True
    """Some environment answered twice."""
    finished: bool = False
    """The evidence reached its target, or never will."""


class PairFigure(Struct, frozen=True, kw_only=True):
    """The chance that a pool which ignores these tenants would have passed."""

    tenants: tuple[str, ...]
    probability: float


class StratumFigure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often one kind of request could have crossed, and what rate none crossing excludes."""

    opportunities: int
    pairs: int
    """Ordered pairs (tenant asked for, tenant whose environment lay idle) that were covered."""
    pairs_total: int
    crossed: int = 0
    bound_95: float | None = None
    """None when nothing was exercised or something crossed."""


class Range(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a run went. Nothing is known beyond it. Times are in seconds."""

    environments: int
    answers: int
    """Answers of one environment, at most."""
    age_s: float
    """Of one environment, from its first call to its last answer, at most."""
    busy: int
    """Environments of one tenant that worked at once, at most."""
    cold_starts: int
    """New environments that started at once, at most."""
    soonest_s: float | None = None
    """Between the answer to one tenant and the next request for another, at least. None: never."""
    longest_idle_s: float = 0.0
    """Between two answers of one environment, at most."""


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much a clean history is worth."""

    field: str | None
    """Identity it stands on; None when no identity can carry it."""
    weakest_pair: PairFigure | None = None
    all_tenants: PairFigure | None = None
    significance: float
    strata: dict[str, StratumFigure] = {}
    reached: bool = False
    ordered_requests: int = 0
    """Requests in ordered waves that count."""
    needed_requests: int | None = None
    """Further requests per tenant that would reach the target if nothing were lost."""
    reason: str = ""
    """Why there is none, where there is none."""
    range: Range | None = None
    """How far the run went."""
    buckets: int | None = None
    """Newcomers exclude that ids are hashed into up to about so many."""


class TenantSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the report's table."""

    tenant: str
    newcomer: bool = False
    environments: int
    invocations: int
    """Requests that were answered by the function."""
    requests: int
    cold_starts: int
    p50_ms: float | None = None
    max_ms: float | None = None


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was judged."""

    kind: str
    target: str
    run: str
    plan: str
    started: str
    seed: str
    requests: int
    environments: int
    waves: int
    duration_s: float
    ended: str
    """Reason from the end line; `cut` where a history has none."""
    versions: tuple[str, ...] = ()
    """Executed function versions."""
    outcomes: dict[str, int] = {}


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one result. Every report is a pure function of it."""

    outcome: Outcome
    reasons: tuple[str, ...]
    subject: Subject
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    evidence: Evidence
    tenants: tuple[TenantSummary, ...]
    not_established: tuple[str, ...]
    covered: tuple[str, ...] = ()
    """What the run looked for, in words."""
    not_covered: tuple[str, ...] = ()
    """What a run can look for and this one did not."""
    unable: bool = False
    """The tool could not do its work: nothing was learnt about the target."""
    control: Control | None = None
    remarks: tuple[str, ...] = ()
    history: str = ""
    """Where the history lies."""
    history_sha256: str = ""
    tool: str = ""

    def raise_for_breach(self) -> None:
        """Raise `IsolationBreachedError`, with the smallest counterexample in its message, where isolation was
        breached."""
        breaches = [finding for finding in self.findings if finding.severity == "breach"]
        if not breaches:
            return
        first = breaches[0]
        lines = [f"{self.subject.target}: {self.reasons[0]}", *(f"  {exhibit}" for exhibit in first.exhibits)]
        if self.history:
            lines.append(f"  tenantcheck check {self.history}")
        raise IsolationBreachedError("\n".join(lines))
