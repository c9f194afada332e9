"""A finding in words: one function per check, from the finding's data."""

from __future__ import annotations

from collections.abc import Callable

from tenantcheck.model import Evidence, Finding, StratumFigure
from tenantcheck.model.text import printable, shown_id


def finding_sentence(finding: Finding) -> str:
    """What a finding says, in one sentence."""
    sentence = _SENTENCES.get(finding.check, _plain)(finding)
    if finding.severity == "open":
        return f"{sentence} Open, since the field it stands on is not to be trusted."
    return sentence


def _tenants(finding: Finding) -> str:
    names = [repr(shown_id(name)) for name in finding.tenants]
    return " and ".join(names) if names else "a tenant"


def _detail(finding: Finding, key: str) -> str:
    return printable(str(finding.details.get(key, "")))


def _shared(finding: Finding) -> str:
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
    if "sent" in finding.details:
        return (
            f"An environment of {_tenants(finding)} counted more invocations than the "
            f"{_detail(finding, 'sent')} requests ever sent for this id, which nobody else knows."
        )
    return (
        f"Environments of {_tenants(finding)} counted invocations this run did not see: "
        f"{_detail(finding, 'unseen')}. Of its own requests, {_detail(finding, 'uncounted')} brought back no count."
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
    return (
        f"A request with two tenant ids was served as the {_detail(finding, 'which')} of them, {_tenants(finding)}."
    )


def _foreign_tenant(finding: Finding) -> str:
    owner, served = (repr(shown_id(name)) for name in finding.tenants[:2])
    return f"A request with the credentials of {owner} was served as {served}."


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
    "not-isolated": _not_isolated,
    "lookalike-collapse": _lookalike,
    "missing-tenant-accepted": _missing,
    "invalid-tenant-accepted": _invalid,
    "reserved-header-honoured": _reserved,
    "ambiguous-tenant": _ambiguous,
    "foreign-tenant-accepted": _foreign_tenant,
}


def evidence_sentence(evidence: Evidence) -> str:
    """The headline in plain words."""
    pair, everyone = evidence.weakest_pair, evidence.all_tenants
    if pair is None or everyone is None:
        return f"No evidence: {evidence.reason}."
    if evidence.reason:
        return f"No evidence: {evidence.reason}. Otherwise the figure would be {pair.probability:.2g}."
    return (
        f"If the platform treated any two of these {len(everyone.tenants)} tenants alike when it chose "
        "environments during this run, a clean run with a figure this small would come up with probability at "
        f"most {pair.probability:.2g}."
    )


def strata_sentences(strata: dict[str, StratumFigure]) -> list[str]:
    """What the strata exclude, in words."""
    sentences = []
    if any(figure.bound_95 is not None for figure in strata.values()):
        sentences.append(
            "Excluded rate: had each such request crossed with that chance or more, whatever came before, so "
            "many clean ones would have had a chance of at most 0.05."
        )
    newcomer = strata.get("newcomer")
    if newcomer is not None and newcomer.bound_95 is not None:
        buckets = newcomer.opportunities**2 // 6
        if buckets > 1:
            sentences.append(
                f"{newcomer.opportunities} newcomers exclude hashing of ids into up to about {buckets} buckets."
            )
    return sentences
