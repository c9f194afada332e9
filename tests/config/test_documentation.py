"""Every rule has a section of its name, made from the rules themselves (`make update`)."""

from __future__ import annotations

import os
from pathlib import Path

import tenantcheck
from tenantcheck.config.rules import RULES
from tests.config.templates import MISTAKES, planted

PAGE = Path(__file__).parents[2] / "tenantcheck" / "config" / "rules" / "README.md"
INTRODUCTION = """# Rules over a configuration

`tenantcheck lint` looks at templates and plans, `tenantcheck inspect` at what is live; the rules are the same. A
finding is a *breach* (exit 10), a *weakness* (reported; fails only with `--strict`) or *open* (the verdict is
inconclusive, exit 3). A value that is known at deployment only makes a rule not exercised, never clean.
"""


def page(folder: Path) -> str:
    sections = []
    for rule in RULES:
        mistake = next(each for each in MISTAKES if each.rule == rule.id)
        file = folder / "template.yaml"
        file.write_text(planted(mistake))
        verdict = tenantcheck.lint(file, expect=["Orders"], tenant_count=100)
        finding = next(each for each in verdict.findings if each.check == rule.id)
        remedies = finding.exhibits[0].remedies  # type: ignore[union-attr]
        rows = "\n".join(f"- {tool}: `{remedy}`" for tool, remedy in remedies.items())
        sections.append(
            f"## {rule.id}\n\n**Severity:** {finding.severity}. **Clean means:** {rule.summary}. "
            f"**Looks at:** {rule.needs}.\n\n{rule.help}\n\n{rows}\n"
        )
    return "\n".join([INTRODUCTION, *sections])


def test_the_page_is_made_from_the_rules(tmp_path: Path) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page(tmp_path))
    assert PAGE.read_text() == page(tmp_path)


def test_summaries_and_help_are_one_line_and_not_empty() -> None:
    for rule in RULES:
        assert "\n" not in rule.summary + rule.help
        assert rule.needs
        assert rule.help
