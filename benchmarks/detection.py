"""Which faults are found, how often, by which check and after how many requests; and how often weather cries wolf.

    python -m benchmarks.detection [--runs 100] [--weather-runs 334] [--real 1] [--write]

Every fault of `tests/cases.py` with each of the three plans, simulated on the lab's own pool, mapping and faults with
the real schedule, checks and evidence; `--real` also runs each so many times through real processes and HTTP, with
the smallest plan that is meant to find it. `--write` puts the tables into benchmarks/DETECTION.md and
benchmarks/detection.json.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import msgspec
from scipy.stats import binomtest
from tabulate import tabulate

from tenantcheck.model import IDENTITIES, WITNESS_NAMES, Control, IdentityField, PlanName, Seen, Verdict
from tests.cases import FAULT_CASES, HIDDEN_CASES, PLANS, WEATHER_CASES, Case
from tests.cli.command import probe
from tests.simulation import simulate

_HERE = Path(__file__).parent
_CHUNK = 100
#: Times as many runs where a stated rate is compared.
_MORE = 4


class Run(NamedTuple):
    """How one run ended."""

    outcome: str
    checks: tuple[str, ...]
    """Checks with a finding of any severity."""
    breached: bool
    requests: int
    detected_at: int | None
    """Requests sent when the check named for the fault had both halves of its first finding."""


class Job(NamedTuple):
    """Some seeds of one case and plan."""

    case: Case
    plan: PlanName
    seeds: range


def simulated(job: Job) -> list[Run]:
    """Run every seed."""
    runs: list[Run] = []
    for seed in job.seeds:
        rng = random.Random(seed)
        plan, lab = job.case.simulated(job.plan, rng)
        result = simulate(plan, lab, rng=rng)
        runs.append(run_of(result.verdict, job.case, result.requests))
    return runs


def run_of(verdict: Verdict, case: Case, requests: int) -> Run:
    """What the tables need of a verdict."""
    found = [
        max((exhibit.seq for exhibit in finding.exhibits if isinstance(exhibit, Seen)), default=requests - 1) + 1
        for finding in verdict.findings
        if case.is_found((finding.check,))
    ]
    return Run(
        outcome=verdict.outcome,
        checks=tuple(sorted({finding.check for finding in verdict.findings})),
        breached=any(finding.severity == "breach" for finding in verdict.findings),
        requests=requests,
        detected_at=min(found, default=None),
    )


def all_simulated(cases: Sequence[Case], runs: int) -> dict[tuple[Case, PlanName], list[Run]]:
    """Every case with every plan, on all processors."""
    jobs = [
        Job(case, plan, range(first, min(first + _CHUNK, wanted)))
        for case in cases
        for plan in PLANS
        if (wanted := runs * (_MORE if case.stated or case.least else 1))
        for first in range(0, wanted, _CHUNK)
    ]
    found: dict[tuple[Case, PlanName], list[Run]] = {(case, plan): [] for case in cases for plan in PLANS}
    with ProcessPoolExecutor() as executor:
        for job, results in zip(jobs, executor.map(simulated, jobs), strict=True):
            found[job.case, job.plan] += results
    return found


class RealRun(NamedTuple):
    """One run through real processes and HTTP."""

    outcome: str
    checks: frozenset[str]


def real(case: Case) -> RealRun:
    """`tenantcheck probe` on a lab with this fault."""
    with tempfile.TemporaryDirectory() as folder:
        result = probe(case, Path(folder))
    if not result.stdout:
        return RealRun(f"exit {result.returncode}: {result.stderr.strip()[-300:]}", frozenset())
    report = json.loads(result.stdout)
    return RealRun(report["verdict"], frozenset(finding["check"] for finding in report["findings"]))


def share(hits: int, runs: int) -> str:
    """A rate with its 95 % interval (Clopper and Pearson)."""
    low, high = binomtest(hits, runs).proportion_ci(0.95, method="exact")
    return f"{hits / runs:.3f} ({low:.3f} to {high:.3f})"


def fault_rows(
    found: dict[tuple[Case, PlanName], list[Run]], sample: dict[Case, list[RealRun]]
) -> Iterable[list[object]]:
    """One row per fault: rates per plan, other checks that found it, requests, the lab."""
    for case in dict.fromkeys(case for case, _ in found):
        rates: list[object] = []
        at: list[int] = []
        others: Counter[str] = Counter()
        verdicts: Counter[str] = Counter()
        for plan in PLANS:
            runs = found[case, plan]
            hits = [run.detected_at for run in runs if run.detected_at is not None]
            rates.append(share(len(hits), len(runs)))
            at = at if at or not hits else hits
            verdicts.update(run.outcome for run in runs if run.detected_at is not None)
            others.update(check for run in runs for check in run.checks if check != case.found_by)
        also = ", ".join(check for check, _ in others.most_common(2))
        verdict = ", ".join(outcome for outcome, _ in verdicts.most_common())
        lab = (
            f"{sum(case.is_found(run.checks) for run in sample[case])}/{len(sample[case])}" if case in sample else ""
        )
        yield [case.name, case.found_by, *rates, median(at) if at else "", also, verdict, lab]


def weather_rows(
    found: dict[tuple[Case, PlanName], list[Run]], sample: dict[Case, list[RealRun]]
) -> Iterable[list[object]]:
    """One row per weather: false alarms in all plans together, and how often each plan was inconclusive."""
    for case in dict.fromkeys(case for case, _ in found):
        runs = [run for plan in PLANS for run in found[case, plan]]
        alarms = sum(run.breached for run in runs)
        inconclusive = [
            f"{sum(run.outcome == 'inconclusive' for run in found[case, plan]) / len(found[case, plan]):.3f}"
            for plan in PLANS
        ]
        passes = sum(run.outcome == "pass" for run in runs)
        other = sorted({check for run in runs for check in run.checks})
        lab = Counter(run.outcome for run in sample.get(case, ())).most_common()
        seen = ", ".join(f"{outcome} {count}" for outcome, count in lab)
        yield [case.name, share(alarms, len(runs)), *inconclusive, passes, ", ".join(other), seen]


def hidden_rows(case: Case, runs: int) -> Iterable[dict[str, object]]:
    """What a handler hides completely: the verdicts of standard runs without a control, and with one."""
    alone: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for seed in range(runs):
        rng = random.Random(seed)
        plan, lab = case.simulated("standard", rng)
        alone[simulate(plan, lab, rng=rng).verdict.outcome] += 1
        rng = random.Random(seed)
        plan, lab = case.simulated("standard", rng)
        asked[simulate(plan, lab, rng=rng, control=control_of(case, rng)).verdict.outcome] += 1
    yield {
        "fault": case.name,
        "without a control": ", ".join(f"{outcome} {count}" for outcome, count in alone.most_common()),
        "with a control": ", ".join(f"{outcome} {count}" for outcome, count in asked.most_common()),
    }


def control_of(case: Case, rng: random.Random) -> Control:
    """How a twin without isolation comes out, with the same handler."""
    plan, lab = case.simulated("quick", rng)
    lab.pool.isolation = "broken"
    verdict = simulate(msgspec.structs.replace(plan, checks=("shared-environment",)), lab, rng=rng).verdict
    fields = {field for finding in verdict.findings if finding.severity == "breach" for field in finding.fields}
    caught: tuple[IdentityField, ...] = tuple(name for name in IDENTITIES if WITNESS_NAMES[name] in fields)
    return Control(target="the twin", caught_by=caught, requests=verdict.run.requests, ended=verdict.run.ended)


FAULT_HEADERS = ("fault", "check named for it", *PLANS, "requests", "also found by", "verdict", "lab")
WEATHER_HEADERS = (
    "weather",
    "false alarms",
    *(f"inconclusive, {plan}" for plan in PLANS),
    "passes",
    "findings",
    "lab",
)


def problems(found: dict[tuple[Case, PlanName], list[Run]], sample: dict[Case, list[RealRun]]) -> Iterable[str]:
    """What should hold and does not."""
    for (case, plan), runs in found.items():
        name = f"{case.name}, {plan}"
        if case.found_by:
            yield from _fault_problems(case, plan, name, runs)
        else:
            yield from _weather_problems(case, name, [(run.outcome, run.checks) for run in runs])
    for case, real_runs in sample.items():
        name = f"{case.name}, in the lab"
        if not case.found_by:
            yield from _weather_problems(case, name, [(run.outcome, run.checks) for run in real_runs])
        elif case.plan is not None:
            wrong = [run for run in real_runs if run.outcome != case.outcome or not case.is_found(run.checks)]
            if wrong:
                yield f"{name}: {len(wrong)} of {len(real_runs)} ended otherwise, the first as {wrong[0]}"


def _fault_problems(case: Case, plan: PlanName, name: str, runs: Sequence[Run]) -> Iterable[str]:
    hits = sum(run.detected_at is not None for run in runs)
    if case.plan is not None and PLANS.index(plan) >= PLANS.index(case.plan) and hits < len(runs):
        yield f"{name}: missed in {len(runs) - hits} of {len(runs)} runs"
    other = Counter(run.outcome for run in runs if run.detected_at is not None and run.outcome != case.outcome)
    if other:
        yield f"{name}: found, and the verdict was {dict(other)}"
    for least_plan, rate in case.least:
        if least_plan == plan and binomtest(hits, len(runs)).proportion_ci(0.95, method="exact").high < rate:
            yield f"{name}: meant to be at least {rate}, measured {share(hits, len(runs))}"
    for stated_plan, rate in case.stated:
        interval = binomtest(hits, len(runs)).proportion_ci(0.95, method="exact")
        if stated_plan == plan and not interval.low <= rate <= interval.high:
            yield f"{name}: meant to be {rate}, measured {share(hits, len(runs))}"


def _weather_problems(case: Case, name: str, ended: Sequence[tuple[str, Iterable[str]]]) -> Iterable[str]:
    accused = [checks for _, checks in ended if checks]
    if accused:
        yield f"{name}: accused in {len(accused)} of {len(ended)} runs, first by {accused[0]}"
    if case.outcome == "inconclusive" and any(outcome == "pass" for outcome, _ in ended):
        yield f"{name}: passed"


@click.command()
@click.option("--runs", default=100, show_default=True, help="Simulated runs of each fault and plan.")
@click.option("--weather-runs", default=334, show_default=True, help="Simulated runs of each weather and plan.")
@click.option("--real", "samples", default=1, show_default=True, help="Runs of each through the lab; 0 for none.")
@click.option("--write", is_flag=True, help="Write DETECTION.md and detection.json.")
def main(runs: int, weather_runs: int, samples: int, *, write: bool) -> None:
    """Print the tables; exits with 1 when something that should be found always was not, or weather was accused."""
    faults = all_simulated(FAULT_CASES, runs)
    weather = all_simulated(WEATHER_CASES, weather_runs)
    hidden = [row for case in HIDDEN_CASES for row in hidden_rows(case, min(runs, _CHUNK))]
    everything = [case for case in (*FAULT_CASES, *WEATHER_CASES) if not case.simulated_only]
    sample = {case: [real(case) for _ in range(samples)] for case in everything} if samples else {}
    fault_table = [dict(zip(FAULT_HEADERS, row, strict=True)) for row in fault_rows(faults, sample)]
    weather_table = [dict(zip(WEATHER_HEADERS, row, strict=True)) for row in weather_rows(weather, sample)]
    page = _PAGE.format(
        runs=runs,
        weather_runs=weather_runs,
        samples=samples,
        faults=tabulate(fault_table, headers="keys", tablefmt="github", disable_numparse=True),
        weather=tabulate(weather_table, headers="keys", tablefmt="github", disable_numparse=True),
        hidden=tabulate(hidden, headers="keys", tablefmt="github", disable_numparse=True),
        hidden_runs=min(runs, _CHUNK),
    )
    print(page)
    if write:
        (_HERE / "DETECTION.md").write_text(page)
        document = {
            "runs": runs,
            "weather_runs": weather_runs,
            "faults": fault_table,
            "weather": weather_table,
            "hidden": hidden,
        }
        (_HERE / "detection.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    broken = [*problems(faults | weather, sample)]
    for problem in broken:
        print(problem, file=sys.stderr)
    sys.exit(bool(broken))


_PAGE = """# What is found

Written by `python -m benchmarks.detection --write`: each fault of the lab with each of the three plans, {runs}
simulated runs (four times as many where a rate is stated), on the lab's own pool, mapping and faults, with the real
schedule, checks and evidence. The last column is a sample of {samples} runs each through real processes and HTTP,
with the smallest plan that is meant to find the fault.

## Faults

The share of runs in which the check named for the fault found it, with its 95 % interval; the median number of
requests that were sent when it had (smallest plan that finds it); the verdict of such runs. A fault that only shows
as a weakness ends in `pass` (with `--strict` in `fail`).

{faults}

## Weather

What disturbs a run without letting tenants meet, {weather_runs} simulated runs per plan: the share of runs of all
three plans that reported a breach (with its 95 % interval), the share of each plan that was inconclusive, and how
many runs of all three passed. *shared-pool + raises-on-foreign + no-residue* is a function without isolation whose
handler refuses to work in an environment that served somebody else, and does not say what it finds there: nothing
leaks in what can be seen, and it must never pass.

{weather}

## What only a control shows

A function without isolation whose handler makes its ids, counts and memory per tenant looks like one that isolates:
nothing that it answers says otherwise. Reports of such a run say under *Not established* that no control was asked.
With `--control`, a twin that is known not to isolate is asked first; its handler hides the sharing likewise, so it is
not caught, and the run is inconclusive. {hidden_runs} simulated standard runs each:

{hidden}
"""


if __name__ == "__main__":
    main()
