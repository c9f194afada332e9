"""Start-up: what every command waits for, beside other tools of the field, by hyperfine."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.firing import found
from benchmarks.judging import generate


def startup(runs: int) -> dict[str, float]:
    """Median milliseconds of each command; empty without hyperfine."""
    if not found("hyperfine"):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder) / "tiny.jsonl"
        generate(history, 150)
        own = found("tenantcheck") or "tenantcheck"
        commands = {
            "python -c pass": f"{sys.executable} -c pass",
            "tenantcheck --version": f"{own} --version",
            "tenantcheck --help": f"{own} --help",
            "tenantcheck check (tiny history)": f"{own} check {history} --format plain",
        }
        for tool, name in (
            ("http", "http --version"),
            ("locust", "locust --version"),
            ("schemathesis", "schemathesis --version"),
        ):
            if path := found(tool):
                commands[name] = f"{path} --version"
        export = Path(folder) / "times.json"
        arguments = ["hyperfine", "-N", "-i", "--warmup", "3", "--runs", str(runs), "--export-json", str(export)]
        for name, command in commands.items():
            arguments += ["-n", name, command]
        subprocess.run(arguments, check=True, capture_output=True)
        results = json.loads(export.read_text())["results"]
    return {result["command"]: result["median"] * 1000 for result in results}


def import_profile(lines: int = 12) -> list[tuple[str, float]]:
    """The modules that `tenantcheck --help` spends most time on importing: name and own milliseconds."""
    command = [sys.executable, "-X", "importtime", "-m", "tenantcheck", "--help"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    rows = [line.removeprefix("import time:").split("|") for line in output.splitlines() if "|" in line]
    own = [(name.strip(), int(self_us) / 1000) for self_us, _, name in rows if self_us.strip().isdigit()]
    return sorted(own, key=lambda row: -row[1])[:lines]
