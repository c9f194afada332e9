"""Every check by the triad empty, good, bad: the exact finding."""

from __future__ import annotations

import pytest

from tenantcheck.judge.checks import CHECKS
from tenantcheck.model.boundary import AMBIGUOUS, FOREIGN, FORGED, INVALID, MISSING, RESERVED
from tests.notation import CLEAN, check_status, plan_for

#: Judged by requests of their own, or by logs, which this notation does not write.
BOUNDARY = (
    "not-isolated",
    "control-not-caught",
    "contradicted-witness",
    MISSING,
    INVALID,
    RESERVED,
    AMBIGUOUS,
    FOREIGN,
    FORGED,
)


@pytest.mark.parametrize("check", [check.id for check in CHECKS if check.id not in BOUNDARY])
def test_nothing_exercises_no_check(check: str) -> None:
    plan = plan_for(newcomers="a", fresh=True)
    assert check_status(check, "o a- b- | n A-", plan) == ("not-exercised", 0)


@pytest.mark.parametrize(
    ("check", "opportunities"),
    [
        ("shared-environment", 25),
        ("wrong-tenant", 27),
        ("foreign-residue", 25),
        ("replayed-response", 27),
        ("cloned-identity", 27),
        ("counter-order", 27),
        ("unseen-caller", 27),
        ("not-delivered-once", 22),
        ("lookalike-collapse", 1),
    ],
)
def test_a_clean_run_exercises_every_check(check: str, opportunities: int) -> None:
    assert check_status(check, f"{CLEAN} | n A3", plan_for(newcomers="a", fresh=True)) == ("clean", opportunities)


def test_summaries_and_help_are_one_line_and_not_empty() -> None:
    for check in CHECKS:
        assert "\n" not in check.summary + check.help
        assert check.needs
