"""The rates, held against a count by brute force that is written from the design's definition."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantcheck.judge.evidence.opportunities import rate_bound
from tenantcheck.model import STRATA, Observation, Randomised
from tests.notation import changed, figure, judge, plan_for, waves

LETTERS = "abc"


class Answer(NamedTuple):
    """A request as the definition sees it."""

    call: int
    end: int
    tenant: int
    environment: str | None
    """None for one whose answer does not tell."""
    number: int
    """Of its wave."""


def answers(history: list[list[Observation]]) -> list[Answer]:
    """All requests in the order of their calls."""
    found = [
        Answer(
            o.call_ns,
            o.end_ns,
            o.request.tenant or 0,
            o.witness.execution_environment_id if o.witness is not None and o.outcome == "served" else None,
            number,
        )
        for number, wave in enumerate(history)
        for o in wave
    ]
    return sorted(found)


def by_brute_force(history: list[list[Observation]]) -> dict[str, int]:
    """Opportunities of each stratum.

    A witnessed request during whose whole [call, end] an environment of another tenant surely lay idle and alive: it
    answered a request that ended before the call, and next answered one called after the end, with no unwitnessed
    request in flight meanwhile.
    """
    requests = answers(history)
    owner: dict[str, int] = {}
    for each in requests:
        if each.environment is not None:
            owner.setdefault(each.environment, each.tenant)
    counts: dict[str, int] = dict.fromkeys(STRATA, 0)
    for position, each in enumerate(requests):
        if each.environment is None or owner[each.environment] != each.tenant:
            continue
        earlier = requests[:position]
        met = {other.environment for other in earlier if other.tenant == each.tenant and other.environment}
        own = {environment for environment in met if owner[environment] == each.tenant}
        known = any(other.environment == each.environment for other in earlier)
        if known:
            stratum = "warm"
        elif not own:
            stratum = "newcomer"
        else:
            if in_flight_beside(each, requests) < len(own):
                continue
            stratum = "pressed"
        counts[stratum] += any(
            lay_idle(environment, each, requests) for environment in owner if owner[environment] != each.tenant
        )
    return counts


def in_flight_beside(each: Answer, requests: list[Answer]) -> int:
    """Own requests in flight with it, at the last moment in its time at which one was sent."""
    own = [other for other in requests if other.number == each.number and other.tenant == each.tenant]
    own = [other for other in own if other.environment is not None]
    moment = max(other.call for other in own if other.call <= each.end)
    return sum(other.call <= moment <= other.end for other in own) - 1


def lay_idle(environment: str, each: Answer, requests: list[Answer]) -> bool:
    """Whether an environment surely lay idle and alive as long as a request lasted."""
    served = [other for other in requests if other.environment == environment]
    for before, after in pairwise(served):
        idle_since = max(other.end for other in served if other.call <= before.call)
        if not (idle_since < each.call and after.call > each.end):
            continue
        unwitnessed = [
            other
            for other in requests
            if other.environment is None and other.call <= each.end and other.end > idle_since
        ]
        if not unwitnessed:
            return True
    return False


def word(tenant: str, number: int) -> str:
    """Environments of a tenant have numbers of their own: nobody crosses."""
    return f"{tenant}{LETTERS.index(tenant) * 10 + number}"


lost = st.sampled_from("-~!")
request = st.one_of(
    st.tuples(st.sampled_from(LETTERS), st.integers(1, 3)).map(lambda each: word(*each)),
    st.tuples(st.sampled_from(LETTERS), lost).map("".join),
)
one_by_one = st.lists(request, min_size=1, max_size=10).map(lambda words: " ".join(["r", *words]))
together = st.lists(st.tuples(st.sampled_from(LETTERS), st.integers(1, 3)), min_size=1, max_size=6, unique=True).map(
    lambda each: " ".join(["h", *(word(*one) for one in each)])
)
histories = st.lists(st.one_of(one_by_one, together), min_size=2, max_size=8).map(" | ".join)


@pytest.mark.no_cover  # it repeats what others do once
@given(histories)
@settings(max_examples=200)
def test_the_rates_are_those_of_the_definition(text: str) -> None:
    plan = plan_for(LETTERS)
    evidence = judge(text, plan).evidence()
    counted = dict.fromkeys(STRATA, 0)
    if isinstance(evidence, Randomised):
        counted = {name: evidence.strata[name].opportunities for name in STRATA}
    assert counted == by_brute_force(waves(text, plan))


def test_losses_inside_an_ordered_wave_are_noted_as_they_are_met() -> None:
    """
    Given two tenants, and an answer that is lost in the middle of an ordered wave
    When the other tenant is served behind it
    Then the lost request may have been in the idle environment: no opportunity until that answers again.
    """
    clean = figure(judge("o a1 b2 | r a1 b2 a1 b2 a1 b2")).strata["warm"].opportunities
    lossy = figure(judge("o a1 b2 | r a1 b2 a- b2 a1 b2")).strata["warm"].opportunities
    assert (clean, lossy) == (5, 3)


@pytest.mark.parametrize(
    ("opportunities", "bound"), [(0, None), (1, 0.95), (14, 0.193), (59, 0.0495), (299, 0.00997)]
)
def test_the_rate_that_clean_opportunities_exclude(opportunities: int, bound: float | None) -> None:
    assert rate_bound(opportunities) == (None if bound is None else pytest.approx(bound, rel=0.01))


def test_an_error_that_names_its_environment_is_no_opportunity_and_no_match() -> None:
    edit = {4: changed(outcome="function-error")}
    strata = figure(judge("o a1 b2 | r a1 b2 a1 b2", edit=edit)).strata
    assert strata["warm"].opportunities < figure(judge("o a1 b2 | r a1 b2 a1 b2")).strata["warm"].opportunities
