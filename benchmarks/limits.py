"""What hostile answers cost: how long a run goes on after its time, or after Ctrl-C, and its memory.

    python -m benchmarks.limits

The server answers every request with the same mebibyte: of what is dearest to look through, for the times; with a
witness at its head, for the memory. Each run is the command as a user has it, by both clients.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
from tabulate import tabulate

from benchmarks.page import SECURITY, put
from tests.hostile import HEAVY, MEBIBYTE, nonce_of
from tests.servers import RawServer, always, response, silent

TENANTS = 200
MAX_TIME_S = 2.0
#: Wanted: seconds beyond the time of a run, seconds after Ctrl-C, and megabytes.
WANTED_OVER_S, WANTED_AFTER_S, WANTED_MB = 1.0, 0.5, 300.0
_CLIENTS = {"libcurl": "", "built-in": "sys.modules['pycurl'] = sys.modules['uvloop'] = None; "}
_START = "import sys; {}from tenantcheck.cli import main; main()"
#: Peak memory of a run with 1,000 in flight, in a process of its own.
_MANY = """
import sys
{}
from benchmarks.limits import many_large
many_large(sys.argv[1])
"""


class Row(NamedTuple):
    """One kind of answer by one client."""

    answer: str
    client: str
    over_s: float
    """Seconds beyond `--max-time`."""
    after_s: float
    """Seconds from Ctrl-C to the exit."""

    @property
    def met(self) -> bool:
        return self.over_s <= WANTED_OVER_S and self.after_s <= WANTED_AFTER_S


def _command(client: str, url: str, *options: str) -> list[str]:
    start = _START.format(_CLIENTS[client])
    return [sys.executable, "-c", start, "-q", "probe", url, "--tenants", str(TENANTS), "--history", "h", *options]


def timed(server: RawServer, client: str, folder: Path) -> tuple[float, float]:
    """Seconds to the exit, report included: beyond `--max-time` after the first request, and from Ctrl-C."""
    options = ("--max-time", str(MAX_TIME_S), "--timeout", "30")
    subprocess.run(_command(client, server.url, *options), cwd=folder, capture_output=True, check=False)
    over_s = time.monotonic() - server.first_at - MAX_TIME_S
    (folder / "h").unlink()
    process = subprocess.Popen(
        _command(client, server.url), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    asked = len(server.requests)
    while len(server.requests) < asked + TENANTS // 2 and process.poll() is None:
        time.sleep(0.01)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait()
    (folder / "h").unlink(missing_ok=True)
    return over_s, time.monotonic() - begun


def rows() -> list[Row]:
    """All kinds of answer by both clients."""
    answers: dict[str, Callable[[], RawServer]] = {
        name: partial(RawServer, always(response(body))) for name, body in HEAVY.items()
    }
    answers["no answer"] = partial(RawServer, silent)
    found = []
    for name, serve in answers.items():
        for client in _CLIENTS:
            with serve() as server, tempfile.TemporaryDirectory() as folder:
                found.append(Row(name, client, *timed(server, client, Path(folder))))
    return found


async def _large(request: bytes, writer: asyncio.StreamWriter) -> None:
    tenant = request.partition(b"x-tenant-id: ")[2].partition(b"\r\n")[0].decode()
    witness = json.dumps({"executionEnvironmentId": f"e-{tenant}", "nonce": nonce_of(request)})[:-1]
    head = f'{witness}, "rest": "'.encode()
    writer.write(response(head + b"x" * (MEBIBYTE - len(head) - 2) + b'"}'))


def many_large(url: str) -> None:
    """Run a plan whose waves have 1,000 in flight; print peak memory and what was not served as JSON."""
    from benchmarks.contenders import run_many
    from benchmarks.measure import peak_mb
    from tenantcheck.run.session import run_async

    outcome = run_async(run_many(url, 1_000, 5_000))
    print(json.dumps(outcome | {"peak_mb": peak_mb()}))


def memory() -> dict[str, dict[str, float]]:
    """Peak megabytes by client, with 1,000 answers of a mebibyte in flight."""
    found = {}
    for client, without in _CLIENTS.items():
        with RawServer(_large) as server:
            line = subprocess.run(
                [sys.executable, "-c", _MANY.format(f"{without}"), server.url],
                capture_output=True,
                check=True,
                text=True,
                env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            ).stdout
        found[client] = json.loads(line)
    return found


@click.command()
@click.option("--write", is_flag=True, help="Write the tables into SECURITY.md.")
def main(*, write: bool) -> None:
    """Print the tables; exits with 1 where a limit does not hold."""
    timed_rows = rows()
    print(table(timed_rows))
    peaks = memory()
    print()
    print(memory_table(peaks))
    if write:
        put(SECURITY, "limits", f"`python -m benchmarks.limits`:\n\n{table(timed_rows)}\n\n{memory_table(peaks)}")
    held = all(row.met for row in timed_rows) and all(each["peak_mb"] <= WANTED_MB for each in peaks.values())
    sys.exit(0 if held else 1)


def table(timed_rows: list[Row]) -> str:
    """The times as GitHub shows them."""
    return tabulate(
        [(row.answer, row.client, f"{row.over_s:.2f}", f"{row.after_s:.2f}", _yes(row.met)) for row in timed_rows],
        headers=("every answer", "client", f"s beyond --max-time {MAX_TIME_S:g}", "s after Ctrl-C", "met"),
        tablefmt="github",
        disable_numparse=True,
    )


def memory_table(peaks: dict[str, dict[str, float]]) -> str:
    """Peak memory as GitHub shows it."""
    return tabulate(
        [
            (client, f"{each['peak_mb']:.0f}", f"{each['not_served']:.0f}", _yes(each["peak_mb"] <= WANTED_MB))
            for client, each in peaks.items()
        ],
        headers=("client", "peak MB, 1,000 x 1 MiB in flight", "not served", "met"),
        tablefmt="github",
        disable_numparse=True,
    )


def _yes(met: bool) -> str:
    return "yes" if met else "**no**"


if __name__ == "__main__":
    main()
