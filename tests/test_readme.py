"""The README keeps its word: commands, exit codes, the table of the benchmark, the tenants file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tenantcheck.cli.output import EXIT_CODES
from tenantcheck.cli.root import _COMMANDS
from tenantcheck.lab import Lab
from tenantcheck.run.plan import parse_tenants
from tenantcheck.starter import witness

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/design.md",
    "tenantcheck/judge/checks/README.md",
    "tenantcheck/reports/README.md",
    "tenantcheck/run/senders/README.md",
]


def test_every_command_is_listed_as_its_help_says() -> None:
    for name, summary in _COMMANDS.items():
        assert f"| `{name}` | {summary} |" in README


def test_exit_codes() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)}
    assert codes == {1, 2, 130, *EXIT_CODES.values()}


def test_the_tenants_file_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACME_TOKEN", "GLOBEX_TOKEN", "SPARE_TOKEN"):
        monkeypatch.setenv(name, "t")
    match = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert match is not None
    tenants = parse_tenants("@t.toml", {"t.toml": match.group(1).encode()})
    assert [row.id for row in tenants.rows] == ["acme", "globex"]
    assert [row.id for row in tenants.spare] == ["unused-1"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_files_that_are_there(page: str) -> None:
    text = (ROOT / page).read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / page).parent.joinpath(link).exists(), link
    for path in re.findall(r"`((?:tenantcheck|tests|benchmarks)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.lab
def test_the_pytest_example_passes(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(import httpx\nimport pytest\n.*?)```", README, re.DOTALL)
    file = tmp_path / "test_example.py"
    file.write_text(example)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(file)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.lab
def test_the_decorated_handler_of_the_readme_answers(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(from witness import witnessed\n.*?)```", README, re.DOTALL)
    (tmp_path / "witness.py").write_text(witness("python"))
    (tmp_path / "app.py").write_text(example)
    with Lab(handler=str(tmp_path / "app.handler"), hold_s=0.001) as lab:
        headers = {"x-tenant-id": "acme", "x-tenantcheck-nonce": "n"}
        told, mine = (
            httpx.get(lab.front_url, headers=each, trust_env=False) for each in (headers, {"x-tenant-id": "a"})
        )
    assert told.json()["nonce"] == "n"
    assert mine.text == "mine"
