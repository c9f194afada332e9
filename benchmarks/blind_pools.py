"""How often each way of asking catches a pool that ignores tenants, and accuses one that does not.

    python -m benchmarks.blind_pools [RUNS]

Simulated on the lab's own pool, with the real schedule, checks and evidence. Every pool is tried with and
without one tenant's requests arriving later than the others. Figures are shares of RUNS (2,000 unless told
otherwise).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from statistics import median

from tabulate import tabulate

from tenantcheck.lab.pool import Pool, Reuse
from tenantcheck.lab.tenancy import Isolation
from tenantcheck.model import PlanName
from tests.simulation import faults, make_plan, simulate
from tests.simulation.naive import NAIVE, Naive

PLANS: tuple[PlanName, ...] = ("quick", "standard", "deep")
REUSES: tuple[Reuse, ...] = ("mru", "fifo", "random")
#: Whether one run passes, and its requests.
Method = Callable[[Isolation, Reuse, bool, random.Random], tuple[bool, int]]


def naive_method(naive: Naive) -> Method:
    """One of the obvious checks."""

    def run(isolation: Isolation, reuse: Reuse, late: bool, rng: random.Random) -> tuple[bool, int]:
        return naive.passes(Pool(isolation=isolation, reuse=reuse, rng=rng), rng, late=late), naive.requests

    return run


def plan_method(plan: PlanName) -> Method:
    """One of this program's plans; a late tenant arrives 8 ms after the others."""

    def run(isolation: Isolation, reuse: Reuse, late: bool, rng: random.Random) -> tuple[bool, int]:
        weather = faults("slow-path:ms=8" if late else "none", rng=rng)
        drawn = make_plan(plan=plan, seed=f"{rng.getrandbits(128):032x}")
        result = simulate(drawn, Pool(isolation=isolation, reuse=reuse, faults=weather, rng=rng), rng=rng)
        return result.verdict.outcome == "pass", result.requests

    return run


def row(name: str, method: Method, runs: int) -> list[object]:
    """Shares of passes: on blind pools they should be 0, on an isolated one 1; and requests on the isolated one."""
    shares: list[float] = []
    requests: list[int] = []
    for late in (False, True):
        for reuse in REUSES:
            ended = [method("broken", reuse, late, random.Random(seed)) for seed in range(runs)]
            shares.append(sum(passed for passed, _ in ended) / runs)
    for late in (False, True):
        ended = [method("per-tenant", "mru", late, random.Random(seed)) for seed in range(runs)]
        shares.append(sum(passed for passed, _ in ended) / runs)
        requests += [count for _, count in ended]
    return [name, *(f"{share:.2f}" for share in shares), f"{median(requests):g}"]


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rows = [row(naive.name, naive_method(naive), runs) for naive in NAIVE]
    rows += [row(f"tenantcheck, {plan}", plan_method(plan), runs) for plan in PLANS]
    late = [f"{reuse}, one late" for reuse in REUSES]
    headers = ("share of runs that pass", *REUSES, *late, "isolated", "isolated, one late", "requests")
    print(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
