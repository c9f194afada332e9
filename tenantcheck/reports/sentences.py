"""Findings and evidence in words."""

from __future__ import annotations

from tenantcheck.model import (
    Change,
    Evidence,
    Examined,
    Finding,
    NoEvidence,
    Observed,
    Randomised,
    Range,
    RunSubject,
    Verdict,
)
from tenantcheck.model.text import chance, printable, shown_id

_WORDS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}


def verdict_word(verdict: Verdict) -> str:
    """The verdict in a word. Of a run that could not be carried out it says so: nothing was learnt."""
    return "NOT RUN" if verdict.unable else _WORDS[verdict.outcome]


def finding_sentence(finding: Finding) -> str:
    """What a finding says, in one sentence: the check's own, filled in with what comes from outside and is made
    harmless."""
    names = [repr(shown_id(name)) for name in finding.tenants]
    first, second, *_ = (*names, "a tenant", "a tenant")
    return finding.says.format_map(
        {name: printable(str(value)) for name, value in finding.details.items()}
        | {
            "tenants": " and ".join(names) if names else "a tenant",
            "first": first,
            "second": second,
            "environment": printable(finding.environment or "?"),
            "fields": ", ".join(finding.fields),
        }
    )


def change_sentence(change: Change) -> str:
    """How many findings are new, gone and as before."""
    unlooked = f", {len(change.unlooked)} not looked for this time" if change.unlooked else ""
    return f"{len(change.new)} new, {len(change.gone)} gone, {len(change.still)} as before{unlooked}."


def odds(probability: float) -> str:
    """A small chance in words: once in so many runs."""
    times = 1 / max(probability, 1e-12)
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if times >= size:
            return f"{times / size:.2g} {name}"
    return f"{times:.2g}"


def evidence_sentence(evidence: Evidence) -> str:
    """The headline in plain words."""
    if isinstance(evidence, NoEvidence):
        return f"No evidence: {evidence.reason}."
    if isinstance(evidence, Examined):
        return _examined(evidence)
    if isinstance(evidence, Observed):
        return _observed(evidence)
    pair, everyone = evidence.weakest_pair, evidence.all_tenants
    if evidence.void:
        return f"No evidence: {evidence.void}. Otherwise the figure would be {chance(pair.probability)}."
    crossed = sum(figure.crossed for figure in evidence.strata.values())
    if crossed:
        return f"No evidence: {crossed} requests met an environment that another tenant had used."
    if pair.probability >= 1:
        return (
            f"So far nothing is shown: a platform that treated any two of these {len(everyone.tenants)} tenants as "
            "one would have passed this run, too (1)."
        )
    return (
        f"If the platform treated any two of these {len(everyone.tenants)} tenants as one, and each request was "
        f"delivered once, a run this clean would happen at most once in {odds(pair.probability)} "
        f"({chance(pair.probability)})."
    )


def _examined(evidence: Examined) -> str:
    return (
        f"{many(evidence.rules, 'rule')} looked at {many(evidence.looks, 'place')} of a configuration with "
        f"{many(evidence.functions, 'function')} in tenant isolation mode. A configuration says what is meant; that "
        "the platform keeps to it shows a run (probe, invoke) or an audit."
    )


def _observed(evidence: Observed) -> str:
    told = (
        f"{evidence.invocations} invocations of {evidence.environments} environments were seen; the logs tell "
        f"for whom "
        f"{evidence.coverage:.1%} of all that are known ran. {evidence.reuses} met an environment that had "
        f"served before. "
        "No order was drawn, so no chance can be computed."
    )
    if evidence.bound_95 is not None:
        told += (
            f" Had one in {odds(evidence.bound_95)} of them or more crossed to another tenant's environment, so many "
            "clean ones would have had a chance of at most 5 %."
        )
    if evidence.answers:
        told += (
            f" Nothing is known beyond {evidence.answers} invocations of one environment and an age of "
            f"{evidence.oldest_s:.0f} s."
        )
    return told


def range_sentence(range_: Range) -> str:
    """How far the run went, in one line."""
    soonest = (
        f"requests {_duration(range_.soonest_s)} or later after another tenant's answer"
        if range_.soonest_s is not None
        else "requests after another tenant's answer"
    )
    parts = (
        many(range_.environments, "environment"),
        f"{many(range_.answers, 'answer')} of one environment",
        f"an age of {_duration(range_.age_s)}",
        f"{many(range_.busy, 'environment')} of one tenant busy",
        f"{many(range_.cold_starts, 'cold start')} at once",
        f"{_duration(range_.longest_idle_s)} of idleness",
        soonest,
    )
    return f"Nothing is known beyond {', '.join(parts)}."


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2g} ms"


def many(count: int, noun: str) -> str:
    """So many of something."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def coverage(subject: RunSubject) -> str:
    """What a run looked for and what it did not: a pass says so in its first line."""
    covered = ", ".join(subject.covered) or "nothing"
    only = " only" if len(subject.covered) == 1 else ""
    left = f"; not {', '.join(subject.not_covered)}" if subject.not_covered else ""
    return f"{subject.plan}: {covered}{only}{left}"


def strata_sentences(evidence: Randomised) -> list[str]:
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
