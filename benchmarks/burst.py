"""How tight a crowd of 256 arrives, and how far arrivals follow the order of release, by the log of nginx."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

from scipy.stats import kendalltau

from benchmarks.firing import found
from benchmarks.measure import Samples, interleaved
from benchmarks.witness_server import WitnessServer, witness_server

CROWD = 256
_NONCE = re.compile(r"tck1-[0-9a-f]{8}-[0-9a-f]{12}-(\d{8})")


class Burst(NamedTuple):
    """One crowd at the server."""

    spread_ms: float
    """From the first to the last arrival; nginx's clock ticks in milliseconds."""
    order: float
    """Kendall's tau between the order of release and that of arrival; nan where the sender numbers nothing."""


def _burst(server: WitnessServer, command: list[str]) -> Burst:
    """The last crowd that a command fires: an earlier one opened the connections."""
    before = len(server.log.read_text().splitlines())
    subprocess.run(command, check=True, capture_output=True)
    arrivals = server.log.read_text().splitlines()[before:][-CROWD:]
    times = [float(line.split()[0]) for line in arrivals]
    released = [int(match.group(1)) for line in arrivals if (match := _NONCE.search(line)) is not None]
    order = kendalltau(range(CROWD), released).statistic if len(released) == CROWD else float("nan")
    return Burst((max(times) - min(times)) * 1000, float(order))


def bursts(repeats: int) -> dict[str, Samples[Burst]]:
    """The crowds of every contender."""
    with witness_server(logged=True) as server:
        own = [sys.executable, "-m", "benchmarks.burst", server.url]
        contenders: dict[str, Callable[[], Burst]] = {"tenantcheck probe": lambda: _burst(server, own)}
        if found("hey"):
            other = ["hey", "-n", str(2 * CROWD), "-c", str(CROWD), server.url]
            contenders["hey"] = lambda: _burst(server, other)
        return interleaved(contenders, repeats)


def main() -> None:
    """Fire three crowds over the sender that `probe` uses."""
    from tenantcheck.model import Call
    from tenantcheck.model import nonce as nonces
    from tenantcheck.run.senders import ConnectsAhead, SenderSettings, open_sender
    from tenantcheck.run.session import run_async

    url = sys.argv[1]

    async def go() -> None:
        sender = open_sender(SenderSettings(direct=True), url)
        numbered = [nonces.compose("0" * 8, "0" * 12, number, "0" * 16) for number in range(CROWD)]
        calls = [Call(method="GET", url=url, headers=(("x-tenantcheck-nonce", nonce),)) for nonce in numbered]
        for _ in range(3):
            if isinstance(sender, ConnectsAhead):
                await sender.connect(url, CROWD)
            await asyncio.gather(*(sender.send(call) for call in calls))
        await sender.close()

    run_async(go())


if __name__ == "__main__":
    main()
