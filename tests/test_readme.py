"""README and guide keep their word: commands, exit codes, and every block of code."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

import httpx
import pytest

from tenantcheck.cli.changes import read_accepted
from tenantcheck.cli.output import EXIT_CODES
from tenantcheck.cli.root import _COMMANDS
from tenantcheck.lab import Lab
from tenantcheck.run.plan import parse_tenants
from tenantcheck.starter import witness
from tests.cli.command import run_in
from tests.config.control_plane import snapshot
from tests.config.templates import GOOD

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "docs" / "guide.md").read_text()
#: Every block of code in them, as language and text.
AUDIT = (ROOT / "docs" / "audit.md").read_text()
BLOCKS = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", README + GUIDE + AUDIT)
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/audit.md",
    "docs/config.md",
    "tenantcheck/config/rules/README.md",
    "docs/design.md",
    "docs/guide.md",
    "tenantcheck/judge/checks/README.md",
    "tenantcheck/logs/rules/README.md",
    "tenantcheck/reports/README.md",
    "tenantcheck/run/senders/README.md",
]


def _block(language: str, begins: str) -> str:
    """The one block of this language that begins so."""
    (text,) = [text for each, text in BLOCKS if each == language and text.startswith(begins)]
    return str(text)


def test_every_block_of_code_is_run_here() -> None:
    """By the tests below: commands, two files and three programs; the workflow by those of `examples/ci`."""
    kinds = Counter(language for language, _ in BLOCKS)
    assert kinds == {"console": kinds["console"], "yaml": 1, "toml": 2, "python": 4}


def test_the_file_of_accepted_weaknesses_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(_block("toml", "[[accepted]]"))
    assert list(read_accepted(tmp_path / "a.toml", date(2027, 1, 31))) == ["f54ebcfc7afbb419"]


def test_the_test_of_the_guide_is_the_example() -> None:
    """Which `test_pytest_plugin` runs."""
    assert _block("python", "from app import app") == (ROOT / "examples" / "pytest" / "test_app.py").read_text()


def _commands() -> list[str]:
    lines = "".join(text for language, text in BLOCKS if language == "console").splitlines()
    assert all(line.startswith("$ ") for line in lines)
    return [line.removeprefix("$ ") for line in lines]


@pytest.mark.lab
@pytest.mark.parametrize("line", _commands())
def test_every_command_works(line: str, tmp_path: Path) -> None:
    """On the lab; what installs something is held against what there is to install."""
    words = shlex.split(line)
    if words[:2] == ["pipx", "install"]:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert set(re.findall(r"\w+", words[2])) <= set(extras)
        return
    if words[0] == "make":
        assert subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True).returncode == 0
        return
    if words[:2] == ["tenantcheck", "lab"]:  # it runs until it is ended; its options are those of the one below
        assert importlib.import_module("tenantcheck.cli.lab").command.make_context("lab", words[2:]).params["control"]
        return
    if words[1:2] in (["lint"], ["inspect"]):  # what they read is made; the lab has no configuration
        (tmp_path / "template.yaml").write_text(GOOD)
        (tmp_path / "my-function").with_suffix(".json").write_text(json.dumps(snapshot("my-function")))
        words = ["my-function.json" if word == "my-function" else word for word in words[1:]]
        result = run_in(tmp_path, *words)
        assert result.returncode == 0, result.stdout + result.stderr
        return
    with Lab(control=True, hold_s=0.02) as lab:
        at_lab = re.sub(r"https?://\S+/prod/", f"{lab.front_url.removesuffix('witness')}", line)
        _, *words = shlex.split(at_lab.replace("my-function", lab.function_name).partition(" > ")[0])
        variables = {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": lab.endpoint_url,
        }
        if words[0] == "audit":  # it looks at what ran before
            run_in(tmp_path, "invoke", lab.function_name, "--plan", "quick", **variables)
        result = run_in(tmp_path, *words, **variables)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.lab
def test_the_python_example_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Lab(hold_s=0.02) as lab:
        exec(_block("python", "import tenantcheck").replace("https://api.example.com/witness", lab.front_url), {})


def test_every_command_is_listed_as_its_help_says() -> None:
    for name, summary in _COMMANDS.items():
        assert f"| `{name}` | {summary} |" in README


def test_exit_codes() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \| ", README, re.MULTILINE)}
    assert codes == {1, 2, 130, *EXIT_CODES.values()}


def test_the_tenants_file_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACME_TOKEN", "GLOBEX_TOKEN", "SPARE_TOKEN"):
        monkeypatch.setenv(name, "t")
    tenants = parse_tenants("@t.toml", {"t.toml": _block("toml", "[[tenant]]").encode()})
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
    example = _block("python", "import httpx")
    file = tmp_path / "test_example.py"
    file.write_text(example)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(file)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.lab
def test_the_decorated_handler_of_the_readme_answers(tmp_path: Path) -> None:
    example = _block("python", "from witness import witnessed")
    (tmp_path / "witness.py").write_text(witness("python"))
    (tmp_path / "app.py").write_text(example)
    with Lab(handler=str(tmp_path / "app.handler"), hold_s=0.001) as lab:
        headers = {"x-tenant-id": "acme", "x-tenantcheck-nonce": "n"}
        told, mine = (
            httpx.get(lab.front_url, headers=each, trust_env=False) for each in (headers, {"x-tenant-id": "a"})
        )
    assert told.json()["nonce"] == "n"
    assert mine.text == "mine"
