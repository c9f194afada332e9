"""The same rules within cfn-lint."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.config.templates import GOOD, MISTAKES, place, planted

ROOT = Path(__file__).parents[2]


def cfn_lint(text: str, folder: Path) -> list[dict[str, object]]:
    """What our rules find, run by cfn-lint."""
    file = folder / "template.yaml"
    file.write_text(text)
    program = Path(sys.executable).with_name("cfn-lint")
    words = [str(program), "--append-rules", "tenantcheck.cfn_lint_rules", "--format=json", "--include-checks=I"]
    ran = subprocess.run([*words, "--", str(file)], capture_output=True, text=True)
    return [each for each in json.loads(ran.stdout) if str(each["Rule"]["Id"])[1:3] == "98"]


@pytest.mark.lab
@pytest.mark.parametrize("rule", ["mapping-literal", "function-url", "text-log-format"])
def test_a_mistake_is_found_where_it_stands(rule: str, tmp_path: Path) -> None:
    mistake = next(each for each in MISTAKES if each.rule == rule)
    text = planted(mistake)
    (found,) = cfn_lint(text, tmp_path)
    start = found["Location"]["Start"]  # type: ignore[index]
    assert (start["LineNumber"], start["ColumnNumber"]) == place(text, mistake.at)
    assert found["Level"] == {"breach": "Error", "open": "Warning", "weakness": "Informational"}[mistake.severity]


@pytest.mark.lab
def test_nothing_is_found_in_what_is_right_and_what_is_not_known_is_said(tmp_path: Path) -> None:
    assert cfn_lint(GOOD, tmp_path) == []
    unknown = GOOD.replace("LogFormat: JSON", "LogFormat: !ImportValue Format")
    (found,) = cfn_lint(unknown, tmp_path)
    assert found["Rule"]["Id"] == "W9800"  # type: ignore[index]


def test_the_hook_looks_at_templates_only() -> None:
    import re

    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"].split() == ["tenantcheck", "-q", "lint"]
    wanted = ["template.yaml", "a/template.yml", "cdk.out/App.template.json"]
    others = ["values.yaml", "a/my-template.yaml", "package.json"]
    assert [bool(re.search(hook["files"], name)) for name in (*wanted, *others)] == [True] * 3 + [False] * 3
