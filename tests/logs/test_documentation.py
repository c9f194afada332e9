"""Every rule has a section of its name, and every gap a line, made from the rules themselves (`make update`)."""

from __future__ import annotations

import os
from pathlib import Path

from tenantcheck.logs.rules import RULES
from tenantcheck.logs.rules.log_gap import MEANS

PAGE = Path(__file__).parents[2] / "tenantcheck" / "logs" / "rules" / "README.md"
INTRODUCTION = """# Rules of an audit

Each rule looks at the rows of all log streams. A finding is a *breach* (exit 10), a *weakness* (reported; fails
only with `--strict`) or *open* (the verdict is inconclusive). *Opportunities* count how often a rule could have
failed: one without any was not exercised.
"""


def page() -> str:
    sections = [
        f"## {rule.id}\n\n**Clean means:** {rule.summary}.\n\n**Needs:** {rule.needs}.\n\n{rule.help}\n"
        for rule in RULES
    ]
    gaps = [f"| `{kind}` | {says.format(count='N', streams='M')} |" for kind, says in MEANS.items()]
    table = "\n".join(["## Gaps", "", "| gap | what a report says |", "|---|---|", *gaps, ""])
    return "\n".join([INTRODUCTION, *sections, table])


def test_the_page_is_made_from_the_rules() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


def test_summaries_and_help_are_one_line_and_not_empty() -> None:
    for rule in RULES:
        assert "\n" not in rule.summary + rule.help
        assert rule.needs
