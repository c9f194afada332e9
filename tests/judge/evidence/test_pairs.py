"""The weakest pair: check values of the formula, and what spoils it."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantcheck.judge.evidence.pairs import EPSILON, PairProducts, log_factor, needed_requests


def products(tenants: int, each: int, rng: random.Random, *, waves: int = 1) -> PairProducts:
    """Ordered waves in which every answer matches."""
    figure = PairProducts(range(tenants))
    for _ in range(waves):
        order = [tenant for tenant in range(tenants) for _ in range(each)]
        rng.shuffle(order)
        figure.add(each, order, [True] * len(order))
    return figure


def test_without_ordered_waves_nothing_is_known() -> None:
    figure = PairProducts(range(3))
    assert figure.weakest() == ((0, 1), 1.0)
    assert figure.all_tenants() == 1.0


@given(st.integers(2, 6), st.randoms(use_true_random=False))
def test_one_wave_of_twelve_is_worth_at_most_7_7e_7(tenants: int, rng: random.Random) -> None:
    """The check value of the design: 1/C(24,12) before ε, at most 7.7e-7 with it."""
    figure = products(tenants, 12, rng)
    assert 1 / math.comb(24, 12) <= figure.weakest()[1] <= 7.7e-7
    assert figure.all_tenants() <= figure.weakest()[1] * (1 + 1e-9)


@given(st.integers(2, 5), st.integers(1, 6), st.randoms(use_true_random=False))
def test_a_clean_wave_is_worth_the_product_of_its_factors(tenants: int, each: int, rng: random.Random) -> None:
    order = [tenant for tenant in range(tenants) for _ in range(each)]
    rng.shuffle(order)
    figure = PairProducts(range(tenants))
    figure.add(each, order, [True] * len(order))
    for pair in combinations(range(tenants), 2):
        assert figure._pairs[pair] == pytest.approx(_product(pair, order))
    assert figure._all == pytest.approx(_product(tuple(range(tenants)), order))


def _product(tenants: tuple[int, ...], order: list[int]) -> float:
    """Logarithm of the product over the requests for `tenants`, as it is defined."""
    left = [tenant for tenant in order if tenant in tenants]
    total = 0.0
    while left:
        total += log_factor(left.count(left[0]), len(left), matched=True)
        del left[0]
    return total


def test_the_last_request_of_a_tenant_alone_adds_nothing() -> None:
    assert log_factor(3, 3, matched=False) == 0.0


@pytest.mark.parametrize("matched", [True, False])
def test_the_factors_as_stated(matched: bool) -> None:
    expected = (1 / 4) / (1 - EPSILON) if matched else 1 / EPSILON
    assert math.exp(log_factor(1, 4, matched=matched)) == pytest.approx(expected)


def test_no_match_is_worth_nothing() -> None:
    figure = PairProducts((0, 1))
    figure.add(12, [n % 2 for n in range(24)], [False] * 24)
    assert figure.weakest()[1] == 1.0


def test_the_weakest_pair_is_the_one_that_lost_answers() -> None:
    figure = PairProducts((0, 1, 2))
    order = [n % 3 for n in range(36)]
    figure.add(12, order, [tenant != 2 or n > 20 for n, tenant in enumerate(order)])
    assert 2 in figure.weakest()[0]


def test_a_spoiled_figure_stays_one() -> None:
    figure = products(2, 12, random.Random(1))
    figure.spoil()
    figure.add(12, [n % 2 for n in range(24)], [True] * 24)
    assert figure.weakest()[1] == 1.0


@pytest.mark.parametrize("start", [0.0, -5.0, 7.0])
def test_the_needed_requests_reach_the_target_and_a_wave_less_does_not(start: float) -> None:
    needed = needed_requests(start, 1e-6, 4)
    for waves, reached in ((needed // 4, True), (needed // 4 - 2, False)):
        worst = max(products(2, 4, random.Random(seed), waves=waves).weakest_log() + start for seed in range(20))
        assert (worst <= math.log(1e-6)) is reached
