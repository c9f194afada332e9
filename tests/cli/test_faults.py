"""`probe` against faults and weather of the lab, by real processes and HTTP: what is found, and the exit.

One case for each hook of the lab proves its wiring; all of them are simulated (`tests/lab/test_faults.py`, and by
`benchmarks.detection`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import pytest

from tenantcheck.lab.faults import Fault, parse_fault
from tests.cases import FAULT_CASES, PLANS, WEATHER_CASES, Case
from tests.cli.command import probe
from tests.simulation import simulate

pytestmark = pytest.mark.usefixtures("in_tmp")
EXITS = {"pass": 0, "inconclusive": 3, "fail": 10}

#: Where chance decides, what strikes every time. The rates are measured by `python -m benchmarks.detection`.
CERTAIN = {
    "race:p=0.02": "race:p=1",
    "race-near-arrival:p=0.5": "race-near-arrival:p=1,ms=50",
    "release-race:p=0.5,ms=5": "release-race:p=1,ms=50",
}


def hooks(case: Case) -> set[str]:
    """What of the lab a case goes through: the hooks that its faults set, and the ways in which tenants travel."""
    neutral = Fault(name="", summary="", kind="none")
    set_by = {
        each.name
        for name in case.faults
        for each in fields(Fault)
        if each.name not in ("name", "summary", "kind", "defaults")
        and getattr(parse_fault(name).fault, each.name) != getattr(neutral, each.name)
    }
    ways = {f"place {case.place}", f"authorizer {case.authorizer}", f"nonce {case.nonce}"}
    return set_by | ways


def _length(case: Case) -> tuple[int, str, int]:
    return PLANS.index(case.plan or "deep"), case.idle_s or "", len(case.faults)


def one_per_hook(cases: Iterable[Case], others: Iterable[Case] = ()) -> list[Case]:
    """The shortest cases that go through every hook between them, but for those that the `others` go through. The
    calm one is always among them."""
    chosen: list[Case] = []
    covered: set[str] = set().union(*map(hooks, others))
    for case in sorted(cases, key=_length):
        if not hooks(case) <= covered or case == Case(()):
            covered |= hooks(case)
            chosen.append(case)
    return chosen


FOUND = one_per_hook(
    case for case in FAULT_CASES if not case.simulated_only and (case.plan is not None or case.faults[0] in CERTAIN)
)
#: Chance decides between pass and inconclusive where no outcome is given: never a breach, which is asserted.
WEATHER = one_per_hook((case for case in WEATHER_CASES if not case.simulated_only), others=FOUND)


def _limit(case: Case) -> tuple[str, ...]:
    """What can't pass is not asked for as long as the budget lasts: the quick plan's requests, and a few."""
    return () if case.outcome == "pass" else ("--max-requests", "100")


def probed(case: Case, *more: str) -> tuple[int, set[str]]:
    """Exit code of `probe`, and the checks that found something."""
    certain = case._replace(faults=tuple(CERTAIN.get(fault, fault) for fault in case.faults))
    result = probe(certain, Path(), *more)
    assert result.stdout, result.stderr
    return result.returncode, {finding["check"] for finding in json.loads(result.stdout)["findings"]}


@pytest.mark.parametrize("case", FOUND, ids=[case.name for case in FOUND])
def test_the_fault_is_found_by_the_check_named_for_it(case: Case) -> None:
    exit_code, checks = probed(case)
    assert (exit_code, case.is_found(checks)) == (EXITS[case.outcome], True)


@pytest.mark.parametrize("case", WEATHER, ids=[case.name for case in WEATHER])
def test_weather_is_no_breach(case: Case) -> None:
    """By the quick plan and not much more, but for what is calm: whole plans are simulated."""
    exit_code, checks = probed(case) if not case.faults else probed(case._replace(plan="quick"), *_limit(case))
    assert checks == set()
    assert exit_code in ([EXITS[case.outcome]] if case.outcome else [0, 3])


@pytest.mark.parametrize("case", WEATHER_CASES, ids=[case.name for case in WEATHER_CASES])
def test_weather_is_no_breach_of_a_whole_plan(case: Case) -> None:
    for seed in range(2):
        rng = random.Random(seed)
        plan, lab = case.simulated("standard", rng)
        verdict = simulate(plan, lab, rng=rng).verdict
        assert {finding.check for finding in verdict.findings} == set(), seed
        if case.outcome == "inconclusive":
            assert verdict.outcome == "inconclusive"
