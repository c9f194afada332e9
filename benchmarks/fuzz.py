"""A long attack on the command, as a user has it: hostile servers, mutated histories, kills, and interrupts.

    python -m benchmarks.fuzz [--seconds N] [--seed S] [--write]

Every case draws what it does from the seed, prints itself where it fails, and can be run again by `--seed` and
`--only`. An hour by default.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import click
from tabulate import tabulate

from benchmarks.page import SECURITY, put
from tests.hostile import AWS_KEY, ESCAPES, HEAVY, PLACES, SECRETS, TOKEN, forms, hostile, leaked, mutated, nonce_of
from tests.servers import Answer, RawServer, always, dropped, endless, response, silent

_CLIENTS = {"libcurl": "", "built-in": "sys.modules['pycurl'] = sys.modules['uvloop'] = None; "}
_START = "import sys; {}from tenantcheck.cli import main; main()"
_EXITS = {0, 1, 2, 3, 10}
_STEERING = set("\x1b\x9b\u202e\u2028\x07\x7f")
#: A command that takes longer than this hangs.
_LONGEST_S = 60.0


class Ended:
    """A command that has ended."""

    def __init__(self, client: str, folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START.format(_CLIENTS[client]), *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            env=os.environ | {"AWS_EC2_METADATA_DISABLED": "true"} | (environ or {}),
        )

    def wait(self) -> Ended:
        try:
            self.stdout, self.stderr = self.process.communicate(timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.stdout, self.stderr = self.process.communicate()
            self.stderr += "it hung"
        self.code = self.process.returncode
        return self

    def problems(self, exits: set[int]) -> Iterator[str]:
        """What no command may ever do."""
        if self.code not in exits:
            yield f"exit {self.code}"
        for word in ("Traceback", "This is a bug", "it hung", "ResourceWarning"):
            if word in self.stderr:
                yield f"{word}: {self.stderr[-400:]}"
        if set(self.stdout + self.stderr) & _STEERING:
            yield "an escape on the terminal"
        yield from leaked(self.stdout + self.stderr)


def _isolated(request: bytes) -> bytes:
    headers = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
    tenant = headers.get(b"x-tenant-id", b"").decode("latin-1")
    if not tenant.replace("-", "").isalnum() or len(tenant) > 256:
        return response(b'{"message": "no"}', status="400 Bad Request")
    witness = {"executionEnvironmentId": f"environment-of-{tenant}", "tenantId": tenant, "nonce": nonce_of(request)}
    return response(json.dumps(witness).encode())


def _answers(rng: random.Random) -> Answer:
    """A server that does one thing, or another thing every time."""
    text = ESCAPES + " ".join(form for secret in SECRETS for form in forms(secret))
    kinds: list[Answer] = [silent, dropped, endless, *(always(response(body)) for body in HEAVY.values())]
    made: list[Callable[[bytes], bytes]] = [
        _isolated,
        *(lambda request, make=make: make(nonce_of(request), text) for make in PLACES.values()),
        lambda _: bytes(rng.randrange(256) for _ in range(rng.randrange(200))) + b"\r\n\r\n",
        lambda request: _isolated(request)[: rng.randrange(200)],
        lambda request: _isolated(request) + b"surplus" * rng.randrange(3),
    ]

    async def one_of(request: bytes, writer: asyncio.StreamWriter) -> None:
        answer = rng.choice(made)(request)
        writer.write(answer)
        if not answer.startswith(b"HTTP/1.1 2"):
            writer.close()

    chosen = rng.choice(made)

    async def always_one(request: bytes, writer: asyncio.StreamWriter) -> None:
        answer = chosen(request)
        writer.write(answer)
        if not answer.startswith(b"HTTP/1.1 2"):
            writer.close()

    return rng.choice([rng.choice(kinds), one_of, one_of, always_one])


def _run_options(rng: random.Random, url: str) -> tuple[list[str], dict[str, str]]:
    limits = ["--max-time", "3", "--timeout", "1", "--history", "h.jsonl"]
    plan = ["--plan", rng.choice(("quick", "standard")), "--tenants", str(rng.randint(2, 12))]
    more = rng.sample(["--show-errors", "--keep-going", "--strict", "--boundary"], rng.randrange(3))
    if rng.random() < 0.3:
        environ = {"AWS_ACCESS_KEY_ID": "hunter2-id", "AWS_SECRET_ACCESS_KEY": AWS_KEY, "AWS_REGION": "us-east-1"}
        return ["invoke", "f", "--endpoint-url", url, *limits, *plan, *more], environ
    return ["probe", url, "-H", f"X-Key: {TOKEN}", *limits, *plan, *more], {}


def hostile_server(rng: random.Random, folder: Path) -> Iterator[str]:
    """A run against a server that misbehaves, judged again in another format."""
    with RawServer(_answers(rng)) as server:
        arguments, environ = _run_options(rng, server.url)
        begun = time.monotonic()
        ended = Ended(rng.choice([*_CLIENTS]), folder, "-q", *arguments, environ=environ).wait()
        yield from ended.problems(_EXITS)
        if (taken := time.monotonic() - begun) > 3 + 3:
            yield f"took {taken:.1f} s with --max-time 3"
    yield from _judged_again(rng, folder, ended.code)


def _judged_again(rng: random.Random, folder: Path, code: int) -> Iterator[str]:
    history = folder / "h.jsonl"
    if not history.exists():
        return
    yield from leaked(history.read_text())
    if set(history.read_text()) & _STEERING:
        yield "an escape in the history"
    fmt = rng.choice(("text", "plain", "json"))
    again = Ended("libcurl", folder, "check", "h.jsonl", "--format", fmt).wait()
    yield from again.problems(_EXITS)
    if again.code != code:
        yield f"exit {code}, and {again.code} by check"


def secret_in_an_answer(rng: random.Random, folder: Path) -> Iterator[str]:
    """A secret of the run, in one form and one place of the answers."""
    place = rng.choice([*PLACES])
    form = rng.choice(forms(rng.choice((TOKEN, AWS_KEY))))
    with hostile(PLACES[place], rng.choice(("", ESCAPES, "x" * rng.randrange(300))) + form) as server:
        arguments, environ = _run_options(rng, server.url)
        sent = {TOKEN: "X-Key" in str(arguments), AWS_KEY: bool(environ)}
        ended = Ended(rng.choice([*_CLIENTS]), folder, "-q", *arguments, environ=environ).wait()
        output = ended.stdout + ended.stderr + (folder / "h.jsonl").read_text()
        for problem in leaked(output):
            if any(sent[secret] and problem.startswith(secret) for secret in sent):
                yield f"{place}: {problem}"


def _whole_history(folder: Path) -> bytes:
    with RawServer(_by_isolated) as server:
        Ended("libcurl", folder, "-q", "probe", server.url, "--history", "whole.jsonl", "--plan", "quick").wait()
    return (folder / "whole.jsonl").read_bytes()


async def _by_isolated(request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(_isolated(request))


def mutated_history(rng: random.Random, folder: Path) -> Iterator[str]:
    """`check` of a history with some of it changed."""
    whole = _whole_history(folder)
    for number in range(10):
        changed = mutated(whole, rng)
        (folder / f"m{number}.jsonl").write_bytes(changed)
        ended = Ended("libcurl", folder, "check", f"m{number}.jsonl", "--format", rng.choice(("text", "json"))).wait()
        yield from ended.problems(_EXITS)
        if changed.count(b"\n") != whole.count(b"\n") and ended.code == 0:
            yield "a history with other lines passed"
        if ended.code == 10 and _told(changed) <= _told(whole):
            yield "a history of an isolated service was accused"


def _told(history: bytes) -> set[str]:
    """What the answers of a history say, each with its request: it is taken from the file, so one that a byte was
    flipped in may accuse."""
    told = set()
    for line in history.splitlines():
        with suppress(ValueError, AttributeError):
            record = json.loads(line)
            said = {
                name: value for name, value in record.items() if name not in ("call_ns", "first_byte_ns", "end_ns")
            }
            told.add(json.dumps(said, sort_keys=True))
    return told


_TIMES = ("call_ns", "first_byte_ns", "end_ns")


async def _slowly(request: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.05)
    writer.write(_isolated(request))


def _stopped(rng: random.Random, folder: Path, number: signal.Signals) -> Ended:
    client = rng.choice([*_CLIENTS])
    with RawServer(_slowly) as server:
        ended = Ended(client, folder, "-q", "probe", server.url, "--history", "h.jsonl", "--tenants", "8")
        # Not in Python's own start-up, where none of this program runs yet.
        time.sleep(0.15 + 2.0 * rng.random())
        ended.process.send_signal(number)
        return ended.wait()


def kill(rng: random.Random, folder: Path) -> Iterator[str]:
    """SIGKILL at any instant: what is there can be read."""
    _stopped(rng, folder, signal.SIGKILL)
    if (folder / "h.jsonl").exists():
        again = Ended("libcurl", folder, "check", "h.jsonl").wait()
        yield from again.problems({0, 1, 3})
        if again.code == 1 and "the file is empty" not in again.stderr:
            yield f"unreadable: {again.stderr[-300:]}"


def interrupt(rng: random.Random, folder: Path) -> Iterator[str]:
    """Ctrl-C or SIGTERM at any instant: exit 3 with a whole history, or 130 without one."""
    ended = _stopped(rng, folder, rng.choice((signal.SIGINT, signal.SIGTERM)))
    there = (folder / "h.jsonl").exists()
    yield from ended.problems({3, 130, 0} if there else {130})
    if ended.code == 130 and there:
        yield "exit 130, and a history"
    if there:
        again = Ended("libcurl", folder, "check", "h.jsonl").wait()
        yield from again.problems({ended.code})
        if "not whole" in again.stdout:
            yield "an end line that contradicts the records"


CASES: dict[str, tuple[Callable[[random.Random, Path], Iterator[str]], int]] = {
    "hostile servers, both clients": (hostile_server, 4),
    "secrets in answers x outputs": (secret_in_an_answer, 3),
    "mutated histories (ten each)": (mutated_history, 1),
    "SIGKILL at any instant": (kill, 1),
    "Ctrl-C and SIGTERM at any instant": (interrupt, 2),
}


@click.command()
@click.option("--seconds", default=3_600.0, show_default=True, help="How long to go on.")
@click.option("--seed", default=None, type=int, help="First seed. [default: the clock's]")
@click.option("--only", type=click.Choice([*CASES]), help="Cases of this kind alone.")
@click.option("--write", is_flag=True, help="Write the table into SECURITY.md.")
def main(seconds: float, seed: int | None, only: str | None, *, write: bool) -> None:
    """Run cases until the time is over; exits with 1 when one failed."""
    first = seed if seed is not None else int(time.time())
    done: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    begun = time.monotonic()
    number = first
    names = [only] if only else [name for name, (_, weight) in CASES.items() for _ in range(weight)]
    while time.monotonic() - begun < seconds:
        rng = random.Random(number)
        name = rng.choice(names)
        with tempfile.TemporaryDirectory() as folder:
            problems = list(CASES[name][0](rng, Path(folder)))
        done[name] += 1
        failed[name] += bool(problems)
        for problem in problems:
            print(f"seed {number}, {name}: {problem}", flush=True)
        number += 1
    table = tabulate(
        [(name, done[name], failed[name]) for name in CASES if done[name]],
        headers=("cases", "run", "failed"),
        tablefmt="github",
    )
    print(table)
    if write:
        how = f"`python -m benchmarks.fuzz --seconds {seconds:g} --seed {first}`"
        put(SECURITY, "fuzz", f"{how}:\n\n{table}")
    sys.exit(1 if failed.total() else 0)


if __name__ == "__main__":
    main()
