"""Requests, environments and waves to a verdict on an isolated pool, beside the lower bound of any method."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median, quantiles
from typing import NamedTuple

from tests.cases import PLANS, Case
from tests.simulation import simulate

#: Requests per tenant of any method: 1/C(23, 11) = 7.4e-7 is the first chance of one order among all orders of two
#: tenants that is below 1e-6, with 11 requests of the one and 12 of the other.
LOWER_BOUND = 11


class Spent(NamedTuple):
    """What one plan needs on a healthy pool."""

    plan: str
    loss: str
    requests: float
    requests_95: float
    environments: float
    waves: float
    passed: float


def spent(runs: int) -> Sequence[Spent]:
    """Every plan, with nothing lost and with losses."""
    rows: list[Spent] = []
    for plan in PLANS:
        for loss in ("none", "lost-responses:p=0.01", "lost-responses:p=0.05"):
            verdicts = []
            for seed in range(runs):
                rng = random.Random(seed)
                drawn, lab = Case((loss,)).simulated(plan, rng)
                verdicts.append(simulate(drawn, lab, rng=rng))
            requests = [each.requests for each in verdicts]
            rows.append(
                Spent(
                    plan=plan,
                    loss=loss,
                    requests=median(requests),
                    requests_95=quantiles(requests, n=20)[-1],
                    environments=median(each.verdict.run.environments for each in verdicts),
                    waves=median(each.verdict.run.waves for each in verdicts),
                    passed=sum(each.verdict.outcome == "pass" for each in verdicts) / runs,
                )
            )
    return rows
