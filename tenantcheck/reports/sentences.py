"""A finding in words: one function per check, from the finding's data."""

from __future__ import annotations

from collections.abc import Callable

from tenantcheck.model import Evidence, Finding, Range, Verdict
from tenantcheck.model.text import chance, printable, shown_id


def finding_sentence(finding: Finding) -> str:
    """What a finding says, in one sentence."""
    sentence = _SENTENCES.get(finding.check, _plain)(finding)
    if finding.severity == "open" and finding.check in _BY_IDENTITY:
        return f"{sentence} Open, since what it stands on alone is not to be trusted."
    return sentence


#: Checks whose findings are open only where a field is not to be trusted.
_BY_IDENTITY = frozenset({"shared-environment", "lookalike-collapse", "unseen-caller"})


def _tenants(finding: Finding) -> str:
    names = [repr(shown_id(name)) for name in finding.tenants]
    return " and ".join(names) if names else "a tenant"


def _detail(finding: Finding, key: str) -> str:
    return printable(str(finding.details.get(key, "")))


def _shared(finding: Finding) -> str:
    if "hidden" in finding.details:
        return (
            f"{_tenants(finding)} met a new environment {_detail(finding, 'hidden')} times while one of its own lay "
            "idle: a handler that makes an id per tenant and environment looks like this."
        )
    if "filled" in finding.details:
        return (
            f"{_tenants(finding)} share one counter: {_detail(finding, 'filled')} counts that the one did not show "
            "are those that the other showed meanwhile, and none is missing."
        )
    return (
        f"Environment {printable(finding.environment or '?')} served {_tenants(finding)} "
        f"(by {', '.join(finding.fields)})."
    )


def _wrong_tenant(finding: Finding) -> str:
    if not finding.details.get("saw"):
        answers = _detail(finding, "answers")
        return f"The handler saw no tenant in {answers} answers, first for {_tenants(finding)}."
    return (
        f"A request for {_tenants(finding)} was served as '{_detail(finding, 'saw')}', "
        f"expected was '{_detail(finding, 'expected')}'."
    )


def _foreign(finding: Finding) -> str:
    if len(finding.tenants) > 1:
        owner, asked = (repr(shown_id(name)) for name in finding.tenants[:2])
    else:
        owner, asked = "another tenant (of an earlier run)", _tenants(finding)
    place = {"residue-memory": "memory", "residue-scratch": "scratch directory", "header": "headers"}
    where = place.get(_detail(finding, "place"), _detail(finding, "place"))
    return f"The answer to {asked} carries, in its {where}, the nonce of a request sent for {owner}."


def _replayed(finding: Finding) -> str:
    if len(finding.tenants) > 1:
        owner, asked = (repr(shown_id(name)) for name in finding.tenants[:2])
        return f"{asked} was given the response to a request of {owner}."
    return f"{_tenants(finding)} was given the response to another tenant's request of an earlier run."


def _cloned(finding: Finding) -> str:
    if "contradicted" in finding.details:
        return (
            f"{finding.fields[0]} {printable(finding.environment or '?')} is contradicted by the other identities: "
            "it does not name one environment."
        )
    return (
        f"Process id {printable(finding.environment or '?')} came twice with the same count: "
        "it does not name one process."
    )


def _counter_order(finding: Finding) -> str:
    return (
        f"Process id {printable(finding.environment or '?')} counted backwards in real time: "
        "it does not name one process."
    )


def _unseen(finding: Finding) -> str:
    if "start" in finding.details:
        start, step = _detail(finding, "start"), _detail(finding, "step")
        return f"The handler's counter starts at {start} and goes up by {step}, in every environment alike."
    if "sent" in finding.details:
        return (
            f"An environment of {_tenants(finding)} counted more invocations than the "
            f"{_detail(finding, 'sent')} requests ever sent for this id, which nobody else knows."
        )
    return (
        f"Environments of {_tenants(finding)} counted invocations this run did not see: "
        f"{_detail(finding, 'unseen')}. Of its own requests, {_detail(finding, 'uncounted')} brought back no count."
    )


def _not_delivered_once(finding: Finding) -> str:
    return (
        f"An environment of {_tenants(finding)} counted {_detail(finding, 'more')} invocations more than an ordered "
        "wave sent: requests were sent again, or copied, on their way."
    )


def _control(finding: Finding) -> str:
    by = _detail(finding, "by")
    caught = f"by {by} alone" if by else f"not at all ({_detail(finding, 'ended')})"
    return (
        f"The control {_detail(finding, 'target')} does not isolate and was caught {caught}, in "
        f"{_detail(finding, 'requests')} requests; the evidence stands on {_detail(finding, 'field')}."
    )


def _not_isolated(finding: Finding) -> str:
    return f"Lambda refused the tenant id: {_detail(finding, 'answer')}"


def _lookalike(finding: Finding) -> str:
    met = "the same environment" if finding.details.get("met in") == "environment" else "the same tenant"
    return f"{_tenants(finding)} differ by {_detail(finding, 'form')} and met in {met}."


def _missing(_: Finding) -> str:
    return "A request without a tenant and without credentials was served."


def _invalid(finding: Finding) -> str:
    return f"An id that Lambda does not allow ({_detail(finding, 'length')} characters) was served."


def _reserved(finding: Finding) -> str:
    asked, served = (repr(shown_id(name)) for name in finding.tenants[:2])
    return f"A request for {asked} with {served} in the header X-Amz-Tenant-Id was served as {served}."


def _ambiguous(finding: Finding) -> str:
    if under := _detail(finding, "under"):
        return f"A request that names {_tenants(finding)} too, elsewhere ({under}), was served as that one."
    return (
        f"A request with two tenant ids was served as the {_detail(finding, 'which')} of them, {_tenants(finding)}."
    )


def _foreign_tenant(finding: Finding) -> str:
    owner, served = (repr(shown_id(name)) for name in finding.tenants[:2])
    return f"A request with the credentials of {owner} was served as {served}."


def _forged(finding: Finding) -> str:
    who = shown_id(finding.tenants[0]) if finding.tenants else "a tenant"
    if finding.details.get("credentials") == "absent":
        return f"A request for {who!r} without any credentials was served."
    return f"A request with the credentials of {who!r}, one character of them changed, was served."


def _plain(finding: Finding) -> str:
    return f"{finding.check}: {_tenants(finding)}"


_SENTENCES: dict[str, Callable[[Finding], str]] = {
    "shared-environment": _shared,
    "wrong-tenant": _wrong_tenant,
    "foreign-residue": _foreign,
    "replayed-response": _replayed,
    "cloned-identity": _cloned,
    "counter-order": _counter_order,
    "unseen-caller": _unseen,
    "not-delivered-once": _not_delivered_once,
    "not-isolated": _not_isolated,
    "control-not-caught": _control,
    "lookalike-collapse": _lookalike,
    "missing-tenant-accepted": _missing,
    "invalid-tenant-accepted": _invalid,
    "reserved-header-honoured": _reserved,
    "ambiguous-tenant": _ambiguous,
    "foreign-tenant-accepted": _foreign_tenant,
    "forged-credentials-accepted": _forged,
}


def odds(probability: float) -> str:
    """A small chance in words: once in so many runs."""
    times = 1 / max(probability, 1e-12)
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if times >= size:
            return f"{times / size:.2g} {name}"
    return f"{times:.2g}"


def evidence_sentence(evidence: Evidence) -> str:
    """The headline in plain words."""
    pair, everyone = evidence.weakest_pair, evidence.all_tenants
    if pair is None or everyone is None:
        return f"No evidence: {evidence.reason}."
    if evidence.reason:
        return f"No evidence: {evidence.reason}. Otherwise the figure would be {chance(pair.probability)}."
    return (
        f"If the platform treated any two of these {len(everyone.tenants)} tenants as one, and each request was "
        f"delivered once, a run this clean would happen at most once in {odds(pair.probability)} "
        f"({chance(pair.probability)})."
    )


def range_sentence(range_: Range) -> str:
    """How far the run went, in one line."""
    soonest = (
        f"requests {_duration(range_.soonest_s)} or later after another tenant's answer"
        if range_.soonest_s is not None
        else "requests after another tenant's answer"
    )
    return (
        f"Nothing is known beyond {range_.environments} environments, {range_.answers} answers of one environment, "
        f"an age of {_duration(range_.age_s)}, {range_.busy} environments of one tenant busy, "
        f"{range_.cold_starts} cold starts at once, {_duration(range_.longest_idle_s)} of idleness, {soonest}."
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.2g} ms"


def coverage(verdict: Verdict) -> str:
    """What a run looked for and what it did not: a pass says so in its first line."""
    covered = ", ".join(verdict.covered) or "nothing"
    only = " only" if len(verdict.covered) == 1 else ""
    left = f"; not {', '.join(verdict.not_covered)}" if verdict.not_covered else ""
    return f"{verdict.subject.plan}: {covered}{only}{left}"


def strata_sentences(evidence: Evidence) -> list[str]:
    """What the strata exclude, in words."""
    strata = evidence.strata
    sentences = []
    if any(figure.bound_95 is not None for figure in strata.values()):
        sentences.append(
            "Excluded rate: had each such request crossed with that chance or more, whatever came before, so "
            "many clean ones would have had a chance of at most 0.05."
        )
    newcomer = strata.get("newcomer")
    if newcomer is not None and newcomer.bound_95 is not None and evidence.buckets is not None:
        sentences.append(
            f"{newcomer.opportunities} newcomers exclude hashing of ids into up to about {evidence.buckets} buckets."
        )
    return sentences
