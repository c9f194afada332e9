"""The plugin in a pytest of its own, as somebody's test suite loads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tenantcheck.lab import Lab

EXAMPLE = Path(__file__).parents[1] / "examples" / "pytest"
APP, TEST = (EXAMPLE / "app.py").read_text(), (EXAMPLE / "test_app.py").read_text()

pytestmark = [pytest.mark.lab, pytest.mark.no_cover, pytest.mark.usefixtures("in_tmp")]


def pytest_run(test: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a test file in a pytest that has only this plugin."""
    Path("test_it.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
        "test_it.py",
        *arguments,
    ]
    command += ["--basetemp", "runs"]
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | variables
    return subprocess.run([*command, "-p", "tenantcheck.pytest_plugin"], env=environ, capture_output=True, text=True)


def test_an_application_that_keeps_tenants_apart_passes() -> None:
    Path("app.py").write_text(APP)
    result = pytest_run(TEST)
    assert result.returncode == 0, result.stdout


def test_a_cache_that_mixes_tenants_fails_with_the_two_requests() -> None:
    """
    Given a FastAPI application with a module-level cache whose key lacks the tenant
    When its test runs
    Then it fails with the finding, both requests, and no trace of the program itself.
    """
    assert "key = (tenant, nonce)" in APP
    Path("app.py").write_text(APP.replace("key = (tenant, nonce)", 'key = "profile"'))
    result = pytest_run(TEST)
    assert result.returncode == 1
    assert "FAIL  " in result.stdout
    assert "'acme'" in result.stdout
    assert "'globex'" in result.stdout
    assert "#0" in result.stdout or "#1" in result.stdout
    assert "pytest_plugin.py" not in result.stdout


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('tenantcheck.probe("/", app=app, need="no-breach", tenants=2)', "wants the checks named"),
        ('tenantcheck.probe("/", app=app, tenants=2)', "INCONCLUSIVE"),
        (
            'tenantcheck.probe("/", app=app, need="no-breach", only=("lookalike-collapse",), tenants=2)',
            "not-exercised",
        ),
        ('tenantcheck.probe("/", app=app, need="all", tenants=2)', "'pass' or 'no-breach' was expected"),
    ],
)
def test_what_can_not_be_told_fails(call: str, said: str) -> None:
    app = "async def app(scope, receive, send):\n    await send({'type': 'http.response.start', 'status': 200})\n"
    app += "    await send({'type': 'http.response.body', 'body': b'{\"tenantId\": null}'})\n"
    result = pytest_run(f"{app}\n\ndef test_it(tenantcheck):\n    {call}\n")
    assert (result.returncode, said in result.stdout) == (1, True), result.stdout


def test_markers_give_options_and_histories_stay_in_the_folder_of_the_test() -> None:
    with Lab(hold_s=0.02) as lab:
        result = pytest_run(
            "import pytest\n"
            "pytestmark = pytest.mark.tenantcheck(plan='deep', tenants=2)\n\n\n"
            "@pytest.mark.tenantcheck(plan='quick')\n"
            "def test_it(tenantcheck, tmp_path):\n"
            f"    first = tenantcheck.probe('{lab.front_url}')\n"
            f"    tenantcheck.probe('{lab.front_url}', tenants=3)\n"
            "    assert (first.run.plan, len(first.tenants)) == ('quick', 2)\n"
            "    assert len([*tmp_path.glob('tenantcheck-*.jsonl')]) == 2\n",
            "--strict-markers",
        )
    assert result.returncode == 0, result.stdout
    assert not Path(".tenantcheck").exists()


def test_nothing_is_imported_for_those_who_do_not_use_it() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import tenantcheck.pytest_plugin;"
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('tenantcheck')));"
        "print(sorted(name for name in set(sys.modules) - before if name.startswith('tenantcheck')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    others, own = result.stdout.splitlines()
    assert others == "[]"
    assert own == "['tenantcheck', 'tenantcheck.errors', 'tenantcheck.pytest_plugin', 'tenantcheck.version']"


def test_the_package_names_it_to_pytest() -> None:
    from importlib.metadata import entry_points

    (point,) = [each for each in entry_points(group="pytest11") if each.name == "tenantcheck"]
    assert point.value == "tenantcheck.pytest_plugin"
