"""How often each way of asking catches a pool that ignores tenants, and accuses one that does not.

    python -m benchmarks.blind_pools [RUNS]

Simulated on the lab's own pool, with the real schedule, checks and evidence. Every pool is tried with and
without one tenant's requests arriving 8 ms later. Figures are shares of RUNS (2,000 unless told otherwise).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from statistics import median

from tabulate import tabulate

from tenantcheck.lab.pool import Isolation, Pool, Reuse
from tenantcheck.model import PlanName
from tests.simulation import Weather, make_plan, simulate
from tests.simulation.naive import fixed_order_passes, one_burst_passes, parallel_pair_passes

PLANS: tuple[PlanName, ...] = ("quick", "standard", "deep")
REUSES: tuple[Reuse, ...] = ("mru", "fifo", "random")
Passes = Callable[[Pool, random.Random], bool]
NAIVE: dict[str, Passes] = {
    "one burst of four": one_burst_passes,
    "two parallel requests, twice": parallel_pair_passes,
    "fixed order, ten rounds": lambda pool, _: fixed_order_passes(pool),
}


def pool(isolation: Isolation, reuse: Reuse, rng: random.Random) -> Pool:
    return Pool(isolation=isolation, reuse=reuse, rng=rng)


def naive_rows(runs: int) -> list[list[object]]:
    """Share of passes of the obvious checks: on blind pools it should be 0, on an isolated one 1."""
    rows: list[list[object]] = []
    for name, passes in NAIVE.items():
        rng = random.Random(1)
        shares = [sum(passes(pool("none", reuse, rng), rng) for _ in range(runs)) / runs for reuse in REUSES]
        isolated = sum(passes(pool("per-tenant", "mru", rng), rng) for _ in range(runs)) / runs
        rows.append([name, *shares, isolated, ""])
    return rows


def plan_row(plan: PlanName, runs: int, delay_ms: float) -> list[object]:
    """Share of passes of one plan, and the requests it took on the isolated pool."""
    weather = Weather(delay_ms={0: delay_ms})
    shares: list[object] = []
    requests: list[int] = []
    for isolation, reuse in (*(("none", reuse) for reuse in REUSES), ("per-tenant", "mru")):
        passed = 0
        for seed in range(runs):
            rng = random.Random(seed)
            drawn = make_plan(plan=plan, seed=f"{rng.getrandbits(128):032x}")
            kind: Isolation = "none" if isolation == "none" else "per-tenant"
            choice: Reuse = reuse
            result = simulate(drawn, pool(kind, choice, rng), weather=weather, rng=rng)
            passed += result.verdict.outcome == "pass"
            if isolation == "per-tenant":
                requests.append(result.requests)
        shares.append(passed / runs)
    name = f"tenantcheck, {plan}" + (f", one tenant {delay_ms:g} ms late" if delay_ms else "")
    return [name, *shares, median(requests)]


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rows = naive_rows(runs)
    rows += [plan_row(plan, runs, delay_ms) for plan in PLANS for delay_ms in (0.0, 8.0)]
    headers = ("share of runs that pass", *(f"blind, {reuse}" for reuse in REUSES), "isolated", "requests")
    print(tabulate(rows, headers=headers, floatfmt=".2f", tablefmt="github"))


if __name__ == "__main__":
    main()
