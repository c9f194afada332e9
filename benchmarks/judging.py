"""Judging: observations per second from file to verdict, peak memory, and how both grow."""

from __future__ import annotations

import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from typing import NamedTuple

import msgspec

from benchmarks.measure import Samples, interleaved, peak_mb
from tenantcheck.history import HistoryReader
from tenantcheck.judge import Judge
from tenantcheck.lab.pool import Pool
from tenantcheck.model import SCHEDULE, End, Header, Observation, Witness
from tenantcheck.run.plan import Schedule
from tests.simulation import SimulatedLab, make_plan
from tests.simulation.run import Simulation

SIZES = (10_000, 100_000, 1_000_000)


class Judged(NamedTuple):
    """One judgement."""

    seconds: float
    peak_mb: float
    observations: int

    @property
    def rate(self) -> float:
        return self.observations / self.seconds


def generate(path: Path, observations: int) -> None:
    """The history of a long run on a healthy pool: the standard plan, then ordered waves, with complete witnesses."""
    plan = make_plan(seed="1", max_requests=10 * observations)
    rng = random.Random(1)
    schedule, simulation = Schedule(plan), Simulation(plan, SimulatedLab(pool=Pool(rng=rng)), rng)
    encode = msgspec.json.Encoder().encode
    count = waves = 0
    with path.open("wb") as file:
        file.write(
            encode(Header(schedule=SCHEDULE, tool="benchmark", started="2026-01-01T00:00:00Z", plan=plan)) + b"\n"
        )
        while count < observations:
            fired = simulation.fire(schedule.next() or schedule.further(), 0.0)
            schedule.ended(fired)
            waves += 1
            count += len(fired)
            file.write(b"".join(encode(_complete(each)) + b"\n" for each in fired))
        end = End(reason="complete", requests=count, waves=waves, duration_ns=simulation.now_ns)
        file.write(encode(end) + b"\n")


def _complete(observation: Observation) -> Observation:
    """With the name of the log stream, as the built-in handler gives it."""
    witness = observation.witness
    if witness is None or witness.sandbox_id is None:
        return observation
    stream = f"2026/01/01/[$LATEST]{witness.sandbox_id.removeprefix('s'):0>32}"
    named: Witness = msgspec.structs.replace(witness, log_stream_name=stream)
    return msgspec.structs.replace(observation, witness=named)


def judge(path: Path) -> Judged:
    """Judge one history in a process of its own."""
    result = run([sys.executable, "-m", "benchmarks.judging", str(path)], capture_output=True, text=True, check=True)
    return Judged(**json.loads(result.stdout))


def judging(repeats: int) -> dict[str, Samples[Judged]]:
    """Every size, interleaved."""
    with tempfile.TemporaryDirectory() as folder:
        contenders: dict[str, Callable[[], Judged]] = {}
        for size in SIZES:
            path = Path(folder) / f"{size}.jsonl"
            generate(path, size)
            contenders[f"{size:,}"] = lambda path=path: judge(path)  # type: ignore[misc]
        return interleaved(contenders, repeats)


def exponent(samples: dict[str, Samples[Judged]]) -> float:
    """The power of the size that the time grows with, from the smallest to the largest."""
    small, *_, large = samples.values()
    ratio = large.median(lambda each: each.seconds) / small.median(lambda each: each.seconds)
    return math.log(ratio) / math.log(large.values[0].observations / small.values[0].observations)


def main() -> None:
    """Judge the history named on the command line."""
    count = 0
    begun = time.perf_counter()
    with Path(sys.argv[1]).open("rb") as file:
        reader = HistoryReader(file)
        judge_ = Judge(reader.header.plan)
        for wave in reader.waves():
            judge_.add(wave)
            count += len(wave)
        verdict = judge_.verdict(reader.header, reader.end)
    seconds = time.perf_counter() - begun
    if verdict.outcome != "pass":
        raise RuntimeError(f"the history of a healthy pool was judged {verdict.outcome}: {verdict.reasons}")
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "observations": count}))


if __name__ == "__main__":
    main()
