"""What is around the package: locked versions, workflows, what the package says of itself."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_has_every_dependency_in_a_version_that_is_allowed() -> None:
    locked = [Requirement(line) for line in (ROOT / ".ci" / "dev.lock").read_text().splitlines()]
    extras = PROJECT["optional-dependencies"]
    wanted = [Requirement(each) for name in ("fast", "lab", "dev") for each in extras[name] + PROJECT["dependencies"]]
    for requirement in wanted:
        if requirement.name == "tenantcheck":
            continue
        pins = [pin for pin in locked if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
        assert pins, f"{requirement.name} is missing: make lock"
        for pin in pins:
            (version,) = pin.specifier
            assert requirement.specifier.contains(version.version), f"{pin} is not {requirement}: make lock"


def test_workflows_run_actions_of_one_commit() -> None:
    """A tag can be moved to other code; a commit can't."""
    ours = (ROOT / ".github" / "workflows").glob("*.yml")
    for workflow in (*ours, ROOT / "tenantcheck" / "starter" / "workflow.yml"):
        for used in re.findall(r"uses: (\S+)", workflow.read_text()):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used


def described(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """What the package says of itself, built where these variables are set."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    metadata: dict[str, Any] = {}
    runpy.run_path(str(ROOT / ".ci" / "metadata.py"))["Links"](str(ROOT), {}).update(metadata)
    return metadata


def test_links_of_a_released_package_lead_to_the_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    home = {"GITHUB_SERVER_URL": "https://git.test", "GITHUB_REPOSITORY": "us/tenantcheck", "GITHUB_REF_NAME": "v9"}
    metadata = described(monkeypatch, **home)
    links = re.findall(r"\]\(([^)]+)\)", metadata["readme"]["text"])
    assert "https://git.test/us/tenantcheck/blob/v9/docs/design.md" in links
    assert [link for link in links if not link.startswith("https://")] == []
    assert metadata["urls"]["Source"] == "https://git.test/us/tenantcheck"


def test_links_of_any_other_package_are_those_of_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = described(monkeypatch)
    assert metadata["readme"]["text"] == (ROOT / "README.md").read_text()
    assert metadata["urls"] == {}
