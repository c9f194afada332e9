"""Every check has a section of its name in the documentation, made from the check itself (`make update`)."""

from __future__ import annotations

import os
from pathlib import Path

from tenantcheck.judge.checks import CHECKS

PAGE = Path(__file__).parents[3] / "tenantcheck" / "judge" / "checks" / "README.md"
INTRODUCTION = """# Checks

Each check turns grouped observations into findings. A finding is a *breach* (exit 10), a *weakness* (reported;
fails only with `--strict`) or *open* (the verdict is inconclusive). *Opportunities* count how often a check
could have failed: a check without any was not exercised. Choose checks with `--only` and `--skip`.
"""


def page() -> str:
    sections = [
        f"## {check.id}\n\n**Clean means:** {check.summary}.\n\n**Needs:** {check.needs}.\n\n{check.help}\n"
        for check in CHECKS
    ]
    return "\n".join([INTRODUCTION, *sections])


def test_the_page_is_made_from_the_checks() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


def test_every_check_has_a_test_of_its_name() -> None:
    for check in CHECKS:
        assert Path(__file__).with_name(f"test_{check.id.replace('-', '_')}.py").exists()
