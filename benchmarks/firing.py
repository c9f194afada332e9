"""Firing: requests per second beside what users would otherwise run, against one nginx on the same machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Samples, interleaved
from benchmarks.witness_server import witness_server

_LOCUSTFILE = """
from locust import FastHttpUser, constant, task

class Witness(FastHttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/witness", headers={"x-tenant-id": "tck-0123456789ab", "x-tenantcheck-nonce": "n"})
"""
_SECONDS = 3


class Answer(NamedTuple):
    """What one run of a contender came to."""

    rate: float
    peak_mb: float = 0.0
    not_served: float = 0.0


def python(name: str, url: str, in_flight: int, count: int) -> Answer:
    """A contender of `benchmarks.contenders`."""
    command = [sys.executable, "-m", "benchmarks.contenders", name, url, str(in_flight), str(count)]
    outcome = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return Answer(outcome["rate"], outcome["peak_mb"], outcome["not_served"])


def wrk(url: str, in_flight: int) -> Answer:
    """wrk, one thread per core."""
    return _tool(["wrk", "-t2", f"-c{in_flight}", f"-d{_SECONDS}s"], url)


def hey(url: str, in_flight: int) -> Answer:
    """hey."""
    return _tool(["hey", "-z", f"{_SECONDS}s", "-c", str(in_flight)], url)


def _tool(command: list[str], url: str) -> Answer:
    """A load generator that takes headers by -H and prints its rate."""
    headers = ["-H", "x-tenant-id: t", "-H", "x-tenantcheck-nonce: n"]
    output = subprocess.run([*command, *headers, url], capture_output=True, text=True, check=True).stdout
    return Answer(_found(r"Requests/sec:\s+([0-9.]+)", output))


def locust(url: str, in_flight: int) -> Answer:
    """Locust's FastHttpUser, as many users as requests in flight."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "locustfile.py"
        file.write_text(_LOCUSTFILE)
        users = ["-u", str(in_flight), "-r", str(in_flight), "-t", f"{_SECONDS + 1}s"]
        where = ["--host", url.rpartition("/")[0]]
        command = [found("locust") or "locust", "-f", str(file), "--headless", "--json", *users, *where]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    (stats,) = json.loads(result.stdout)
    per_second = sorted(stats["num_reqs_per_sec"].values())
    # The median second: users start in the first one, and the last one is cut.
    return Answer(float(per_second[len(per_second) // 2]))


def _found(pattern: str, output: str) -> float:
    match = re.search(pattern, output)
    if match is None:
        raise RuntimeError(f"no figure in: {output[:500]}")
    return float(match.group(1))


def found(tool: str) -> str | None:
    """Where a tool is: beside this Python, or on the path."""
    return shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)


def contenders(url: str, in_flight: int) -> dict[str, Callable[[], Answer]]:
    """Everything that is installed, with enough requests for a few seconds each."""
    runs: dict[str, Callable[[], Answer]] = {
        "tenantcheck probe": lambda: python("tenantcheck probe", url, in_flight, 32_000),
        "bare loop over its sender": lambda: python("bare loop over its sender", url, in_flight, 48_000),
        "libcurl's own loop": lambda: python("libcurl's own loop", url, in_flight, 80_000),
        "bare loop over pyreqwest": lambda: python("bare loop over pyreqwest", url, in_flight, 48_000),
        "httpx.AsyncClient": lambda: python("httpx.AsyncClient", url, in_flight, 400 if in_flight < 100 else 600),
    }
    tools = {"wrk": wrk, "hey": hey, "locust": locust}
    names = {"locust": "Locust FastHttpUser"}
    for tool, run in tools.items():
        if found(tool):
            runs[names.get(tool, tool)] = lambda run=run: run(url, in_flight)  # type: ignore[misc]
    return runs


def firing(repeats: int) -> dict[str, dict[str, Samples[Answer]]]:
    """The runs of every contender, by what was measured."""
    measured: dict[str, dict[str, Samples[Answer]]] = {}
    with witness_server() as server:
        for in_flight in (64, 512):
            name = f"GET, {in_flight} in flight"
            measured[name] = interleaved(contenders(server.url, in_flight), repeats)
        invokes: dict[str, Callable[[], Answer]] = {
            "tenantcheck invoke": lambda: python("tenantcheck invoke", server.url, 64, 16_000),
            "boto3 in threads": lambda: python("boto3 in threads", server.url, 64, 2_500),
        }
        measured["Invoke, 64 in flight"] = interleaved(invokes, repeats)
        held = {"tenantcheck probe": lambda: python("tenantcheck probe", server.url, 1_000, 32_000)}
        measured["GET, 1,000 in flight"] = interleaved(held, repeats)
    return measured
