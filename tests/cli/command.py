"""Run the command line as a user does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tenantcheck.lab import Lab
from tests.cases import Case
from tests.cli.forked import forks

COMMAND = [sys.executable, "-W", "error", "-m", "tenantcheck"]

FAST = {"hold_s": 0.05}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run tenantcheck in the current folder."""
    return run_in(Path(), *arguments, **variables)


def run_in(folder: Path, /, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run tenantcheck in a folder."""
    return forks().run(arguments, os.environ | variables, folder)


def run_by(client: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run tenantcheck in the current folder, by the `fast` client; by any other name without that extra."""
    without = () if client == "fast" else ("pycurl", "uvloop")
    return forks().run(arguments, os.environ | variables, Path(), without)


def probe(case: Case, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Probe a lab that behaves as the case says, from this folder; the report is JSON."""
    (folder / "tenants.toml").write_text(case.tenants_file())
    with Lab(hold_s=0.03, **case.lab_settings()) as lab:
        options = ["--plan", case.plan or "standard", *case.probe_options(), "--format", "json", *more]
        return run_in(folder, "-q", "probe", lab.front_url, *options)


def history() -> Path:
    (path,) = Path(".tenantcheck").glob("*.jsonl")
    return path


def wave_sizes(path: Path) -> list[int]:
    """Requests of each wave in a history, the calls outside the waves left out."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    numbers = [record["request"]["wave"] for record in records if record["type"] == "observation"]
    return [count for wave, count in Counter(numbers).items() if wave > 1]


def invoke(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        "-q",
        "invoke",
        lab.function_name,
        "--endpoint-url",
        lab.endpoint_url,
        *arguments,
        AWS_ACCESS_KEY_ID="lab",
        AWS_SECRET_ACCESS_KEY="hunter2",
        AWS_REGION="us-east-1",
    )
