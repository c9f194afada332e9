"""The demonstration."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import COMMAND, run

Labs = Callable[..., Lab]
pytestmark = pytest.mark.usefixtures("in_tmp")


def test_demo(in_tmp: Path) -> None:
    result = run("demo")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.findall(r"^(PASS|FAIL)  (?:an|one) ", result.stdout, re.MULTILINE) == [
        "PASS",
        "PASS",
        "PASS",
        "FAIL",
        "FAIL",
    ]
    assert len(re.findall(r"^      #\d+  tck-", result.stdout, re.MULTILINE)) == 4  # the two requests of each breach
    assert re.findall(r"An audit of its logs says so, too: (\w+)", result.stdout) == ["PASS", "FAIL"]
    histories = re.findall(r"history: (\S+)", result.stdout)
    assert len(histories) == 5
    assert all(Path(name).exists() for name in histories)
    assert result.stdout.endswith("  tenantcheck probe URL\n")
    match = re.search(r"isolated in (\d+) of 100 repeats", result.stdout)
    assert match is not None
    assert 20 <= int(match.group(1)) <= 80


def test_ctrl_c_ends_the_demonstration() -> None:
    process = subprocess.Popen([*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("probe per-tenant")
    while not any(b'"observation"' in path.read_bytes() for path in Path(".tenantcheck").glob("*.jsonl")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (130, "")
    assert stderr == "interrupted\n"
