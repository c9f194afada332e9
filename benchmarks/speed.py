"""Speed, measured beside what users would otherwise run: `make bench`.

    python -m benchmarks.speed [--repeats 5] [--write]

Medians of repeated, interleaved runs on this machine; ratios are what counts. `--write` puts tables, goals and
profiles into benchmarks/SPEED.md and all figures into benchmarks/speed.json. Needs nginx; wrk, hey, hyperfine (Debian
packages), Locust, HTTPie and Schemathesis are left out where they are not installed.
"""

from __future__ import annotations

import cProfile
import io
import json
import os
import platform
import pstats
import sys
import tempfile
import time
import timeit
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
from tabulate import tabulate

from benchmarks.burst import CROWD, Burst, bursts
from benchmarks.contenders import runner_alone, tenantcheck_probe
from benchmarks.firing import Answer, firing
from benchmarks.judging import Judged, exponent, generate, judging
from benchmarks.measure import Samples
from benchmarks.startup import import_profile, startup
from benchmarks.verdicts import LOWER_BOUND, Spent, spent
from benchmarks.witness_server import witness_server
from tenantcheck.history import HistoryReader
from tenantcheck.model import Call
from tenantcheck.run.session import run_async
from tenantcheck.run.targets.aws import AwsOptions, AwsSession
from tests.nginx.process import installed

_HERE = Path(__file__).parent


class Goal(NamedTuple):
    """One goal, and what was measured."""

    what: str
    goal: str
    measured: str
    met: bool


def at_least(what: str, value: float, bound: float, unit: str = " x") -> Goal:
    """A goal that is met from `bound` on."""
    return Goal(what, f">= {bound:g}{unit}", f"{value:.3g}{unit}", value >= bound)


def at_most(what: str, value: float, bound: float, unit: str) -> Goal:
    """A goal that is met up to `bound`."""
    return Goal(what, f"<= {bound:g}{unit}", f"{value:.3g}{unit}", value <= bound)


def firing_goals(fired: Mapping[str, Mapping[str, Samples[Answer]]]) -> list[Goal]:
    """Ratios between medians of one run."""
    rates = {
        group: {name: samples.median(lambda each: each.rate) for name, samples in contenders.items()}
        for group, contenders in fired.items()
    }
    at_64, own = rates["GET, 64 in flight"], rates["GET, 64 in flight"]["tenantcheck probe"]
    goals = [at_least("firing, of a bare loop over the same sender", own / at_64["bare loop over its sender"], 0.8)]
    for peer, bound in (("Locust FastHttpUser", 2.0), ("httpx.AsyncClient", 50.0), ("hey", 0.4)):
        if peer in at_64:
            goals.append(at_least(f"firing, of {peer}", own / at_64[peer], bound))
    invokes = rates["Invoke, 64 in flight"]
    goals.append(
        at_least("invoke, of boto3 in threads", invokes["tenantcheck invoke"] / invokes["boto3 in threads"], 8)
    )
    held = fired["GET, 1,000 in flight"]["tenantcheck probe"]
    goals.append(at_most("1,000 in flight: answers missing", held.most(lambda each: each.not_served), 0, ""))
    goals.append(at_most("1,000 in flight: peak memory", held.most(lambda each: each.peak_mb), 300, " MB"))
    return goals


def other_goals(
    crowds: Mapping[str, Samples[Burst]], judged: dict[str, Samples[Judged]], started: Mapping[str, float]
) -> list[Goal]:
    """Bursts, judging and start-up."""
    spread = crowds["tenantcheck probe"].median(lambda each: each.spread_ms)
    largest = list(judged.values())[-1]
    goals = [
        at_most(f"a crowd of {CROWD}: first to last arrival", spread, 10, " ms"),
        at_least("judging, largest history", largest.median(lambda each: each.rate), 200_000, " observations/s"),
        at_most("judging, exponent of growth", exponent(judged), 1.05, ""),
        at_most("judging, peak memory", largest.most(lambda each: each.peak_mb), 300, " MB"),
    ]
    if started:
        bare = started["python -c pass"]
        goals.append(at_most("--version, over bare Python", started["tenantcheck --version"] - bare, 80, " ms"))
        goals.append(at_most("--help, over bare Python", started["tenantcheck --help"] - bare, 120, " ms"))
    return goals


def firing_rows(fired: Mapping[str, Mapping[str, Samples[Answer]]]) -> list[list[str]]:
    """Rate, ratio to ours, peak memory."""
    rows: list[list[str]] = []
    for group, contenders in fired.items():
        own = next(iter(contenders.values())).median(lambda each: each.rate)
        for name, samples in contenders.items():
            rate = samples.median(lambda each: each.rate)
            memory = samples.most(lambda each: each.peak_mb)
            rows.append([group, name, f"{rate:,.0f}", f"{own / rate:.2f}", f"{memory:.0f}" if memory else ""])
    return rows


def parts_us() -> list[tuple[str, float]]:
    """Microseconds that single parts take: the runner with a sender that answers at once, with and without judging,
    signatures, and reading a history without judging it."""
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder) / "history"
        generate(history, 50_000)
        begun = time.perf_counter()
        with history.open("rb") as file:
            observations = sum(len(wave) for wave in HistoryReader(file).waves())
        reading = (time.perf_counter() - begun) / observations
    alone = run_async(runner_alone(16_000))
    call = Call(method="POST", url="http://127.0.0.1:1/2015-03-31/functions/f/invocations", body=b"{}")
    session = AwsSession(AwsOptions(region="us-east-1", made_up=True))
    signing = timeit.timeit(lambda: session.sign(call, "lambda", "us-east-1", {}), number=5_000) / 5_000
    return [
        ("the runner alone, recorded and judged", 1e6 / alone["rate"]),
        ("of that, judging", alone["judging_us"]),
        ("a signature by botocore", signing * 1e6),
        ("reading and decoding an observation of a history", reading * 1e6),
    ]


def profile() -> str:
    """Where the time of `probe` goes: own time by function, of 16,000 requests with 64 in flight."""
    profiler = cProfile.Profile()
    with witness_server() as server:
        profiler.enable()
        run_async(tenantcheck_probe(server.url, 64, 16_000))
        profiler.disable()
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(18)
    return "\n".join(line for line in text.getvalue().splitlines()[6:] if line.strip())


def table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """A table as GitHub shows it."""
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


@click.command()
@click.option("--repeats", default=5, show_default=True, help="Runs of each contender.")
@click.option("--write", is_flag=True, help="Write SPEED.md and speed.json.")
def main(repeats: int, *, write: bool) -> None:
    """Measure everything and print it."""
    if not installed():
        sys.exit("nginx is needed: apt-get install nginx-light")
    fired = firing(repeats)
    crowds = bursts(2 * repeats)
    judged = judging(min(repeats, 3))
    verdicts = spent(200)
    started = startup(10 * repeats)
    goals = firing_goals(fired) + other_goals(crowds, judged, started)
    page = _page(repeats, goals, fired, crowds, judged, verdicts, started)
    print(page)
    if write:
        (_HERE / "SPEED.md").write_text(page)
        document = {
            "machine": _machine(),
            "goals": [goal._asdict() for goal in goals],
            "firing": {
                group: {name: [value._asdict() for value in samples.values] for name, samples in contenders.items()}
                for group, contenders in fired.items()
            },
            "bursts": {name: [value._asdict() for value in samples.values] for name, samples in crowds.items()},
            "judging": {name: [value._asdict() for value in samples.values] for name, samples in judged.items()},
            "requests_to_verdict": [row._asdict() for row in verdicts],
            "startup_ms": started,
        }
        (_HERE / "speed.json").write_text(json.dumps(document, indent=1) + "\n")


def _machine() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}"


def _page(
    repeats: int,
    goals: Sequence[Goal],
    fired: Mapping[str, Mapping[str, Samples[Answer]]],
    crowds: Mapping[str, Samples[Burst]],
    judged: dict[str, Samples[Judged]],
    verdicts: Sequence[Spent],
    started: Mapping[str, float],
) -> str:
    burst_rows = [
        [
            name,
            f"{samples.median(lambda each: each.spread_ms):.0f}",
            f"{samples.median(lambda each: each.order):.3f}"
            if samples.values[0].order == samples.values[0].order
            else "",
        ]
        for name, samples in crowds.items()
    ]
    judging_rows = [
        [
            size,
            f"{samples.median(lambda each: each.rate):,.0f}",
            f"{samples.median(lambda each: each.seconds):.2f}",
            f"{samples.most(lambda each: each.peak_mb):.0f}",
        ]
        for size, samples in judged.items()
    ]
    verdict_rows = [
        [row.plan, row.loss, row.requests, row.requests_95, row.environments, row.waves, f"{row.passed:.3f}"]
        for row in verdicts
    ]
    bare = started.get("python -c pass", 0.0)
    parts = {
        "repeats": str(repeats),
        "machine": _machine(),
        "goals": table([[*goal[:3], "yes" if goal.met else "**no**"] for goal in goals], _GOAL_HEADERS),
        "firing": table(firing_rows(fired), ("", "", "requests/s", "ours / this", "peak MB")),
        "bursts": table(burst_rows, ("", "first to last arrival, ms", "order (Kendall's tau)")),
        "judging": table(judging_rows, ("observations", "per second", "seconds", "peak MB")),
        "exponent": f"{exponent(judged):.3f}",
        "verdicts": table(verdict_rows, _VERDICT_HEADERS),
        "bound": str(LOWER_BOUND),
        "startup": table([[name, f"{ms:.0f}", f"{ms - bare:.0f}"] for name, ms in started.items()], _START_HEADERS),
        "imports": table([[name, f"{ms:.1f}"] for name, ms in import_profile()], ("module", "own ms")),
        "profile": profile(),
        "parts": table([[name, f"{us:.1f}"] for name, us in parts_us()], ("part", "us")),
    }
    return _PAGE.format(**parts)


_GOAL_HEADERS = ("goal", "wanted", "measured", "met")
_VERDICT_HEADERS = ("plan", "weather", "requests", "95 %", "environments", "waves", "passed")
_START_HEADERS = ("command", "ms", "over bare Python")
_PAGE = (_HERE / "SPEED.template.md").read_text()


if __name__ == "__main__":
    main()
