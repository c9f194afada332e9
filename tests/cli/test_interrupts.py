"""Ctrl-C and SIGTERM at any instant: exit 3 with a whole history, or exit 130 before anything was sent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from tenantcheck import check
from tests.cli.command import COMMAND, run
from tests.servers import RawServer, response

pytestmark = pytest.mark.usefixtures("in_tmp")

#: As the console script starts it, without the fast client where told so.
START = """
import sys
if sys.argv[1] == "httpx":
    sys.modules["pycurl"] = sys.modules["uvloop"] = None
del sys.argv[1]
from tenantcheck.cli import main
main()
"""


@pytest.fixture
def slow() -> Iterator[RawServer]:
    """Answers each request after a tenth of a second, with a witness."""

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        headers = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
        await asyncio.sleep(0.1)
        tenant = headers[b"x-tenant-id"].decode() if b"x-tenant-id" in headers else "nobody"
        body = {"executionEnvironmentId": f"e-{tenant}", "nonce": headers[b"x-tenantcheck-nonce"].decode()}
        writer.write(response(json.dumps(body).encode()))

    with RawServer(answer) as server:
        yield server


def wait_until_it_took_over(process: subprocess.Popen[str]) -> None:
    """Until the program's own handlers are there: nothing else in a Python process answers SIGTERM."""
    caught = 0
    while not caught >> (signal.SIGTERM - 1) & 1:
        time.sleep(0.001)
        assert process.poll() is None
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))


def interrupted(number: signal.Signals, after_s: float, client: str, *arguments: str) -> tuple[int, str, bool]:
    """Exit code, stderr, and whether a report came, of a command that is interrupted so long after it took over."""
    process = subprocess.Popen(
        # Without -W error: Python warns of files that an interrupted import leaves open.
        [sys.executable, "-c", START, client, "-q", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until_it_took_over(process)
    time.sleep(after_s)
    with suppress(ProcessLookupError):
        process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stderr, bool(stdout)


@pytest.mark.parametrize("client", ["fast", "httpx"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupt_at_any_instant(slow: RawServer, client: str, number: signal.Signals) -> None:
    """
    Given a run that takes seconds
    When it is interrupted 0, 50, 100, … ms after its handlers are there (SIGTERM: 0, 150, 300, …)
    Then it exits with 130 and has no history, or with 3, a report and a history that `check` finds whole.
    """
    seen: Counter[int] = Counter()
    every_s = 0.05 if number == signal.SIGINT else 0.15
    for step in count():
        folder = Path(f"at-{step}")
        folder.mkdir()
        history = folder / "h.jsonl"
        code, stderr, reported = interrupted(
            number, every_s * step, client, "probe", slow.url, "--history", str(history), "--plan", "quick"
        )
        assert "Traceback" not in stderr, stderr
        assert (code, reported, history.exists()) in ((130, False, False), (3, True, True)), (step, code, stderr)
        if code == 130:
            assert stderr == "interrupted\n"
        else:
            judged = check(history)
            assert (judged.outcome, judged.run.ended) == ("inconclusive", "interrupted")
            assert not any("not whole" in reason for reason in judged.reasons)
        seen[code] += 1
        if seen[3] == 4:  # some instants later it would be over
            break
    assert seen[130]


def test_an_interrupt_while_the_report_is_written_leaves_the_verdict(slow: RawServer) -> None:
    """
    Given a breach whose report nobody reads, and a pipe that is full
    When the run is interrupted there
    Then the exit code is that of the verdict.
    """

    async def shared(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response(b'{"executionEnvironmentId": "one", "invocationCount": 1}'))

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with RawServer(shared) as server:
        arguments = ["-q", "probe", server.url, "--keep-going", "--plan", "quick", "--history", "h.jsonl"]
        process = subprocess.Popen([*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True)
        os.close(writer)
        while not (Path("h.jsonl").exists() and '"type":"end"' in Path("h.jsonl").read_text()):
            assert process.poll() is None
            threading.Event().wait(0.02)
        while process.poll() is None:  # the first ones may come before the report is being written
            process.send_signal(signal.SIGINT)
            threading.Event().wait(0.5)
        _, stderr = process.communicate(timeout=30)
    os.close(reader)
    assert process.returncode == run("check", "h.jsonl").returncode
    assert "not every report is whole" in stderr


def test_check_is_broken_off_without_a_word_of_a_bug(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "check", "/dev/stdin"], stdin=reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    os.close(reader)
    wait_until_it_took_over(process)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    os.close(writer)
    assert (process.returncode, stdout, stderr) == (130, "", "interrupted\n")
