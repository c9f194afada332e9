"""Lab processes never outlive the lab, and it leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

import httpx
import pytest

from tenantcheck.errors import LabError, UsageError
from tenantcheck.lab import Lab, scratch
from tenantcheck.lab.scratch import clear_dead

START = [sys.executable, "-m", "tenantcheck", "lab", "--hold", "1"]


def folder_of(pid: int) -> Path:
    """The folder of the lab that runs in this process: it holds the lock file open."""
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.exists()]
    (lock,) = {Path(link) for link in links if "tenantcheck-lab-" in link and link.endswith("/lock")}
    return lock.parent


def start() -> tuple[subprocess.Popen[str], str]:
    """A lab in a process of its own, and its address."""
    process = subprocess.Popen(START, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    match = re.search(r"http://[0-9.:]+", process.stdout.readline())
    assert match is not None
    return process, match.group()


def pid_of_environment(lab: int, url: str) -> int:
    answer = httpx.get(f"{url}/prod/x", headers={"x-tenant-id": "a"}, trust_env=False)
    assert answer.status_code == 200
    found = subprocess.run(["pgrep", "-f", f"lab/bootstrap.py {lab} "], capture_output=True, text=True, check=True)
    return int(found.stdout)


def wait_for_end(pid: int) -> bool:
    """Whether the process ends within ten seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ready, _, _ = select.select([descriptor], [], [], 10)
    os.close(descriptor)
    return bool(ready)


def test_kill_9_of_the_lab_ends_its_environments_and_the_next_start_clears_up() -> None:
    process, url = start()
    pid, folder = pid_of_environment(process.pid, url), folder_of(process.pid)
    process.kill()
    process.communicate()
    assert wait_for_end(pid)
    assert (folder / "tenantcheck-lab-environment-1").exists()
    clear_dead()
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_lab_that_is_asked_to_stop_leaves_nothing(number: signal.Signals) -> None:
    process, url = start()
    pid, folder = pid_of_environment(process.pid, url), folder_of(process.pid)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert wait_for_end(pid)
    assert not folder.exists()


def test_a_lab_that_lives_is_not_cleared() -> None:
    with Lab() as lab:
        clear_dead()
        answer = httpx.get(lab.front_url, headers={"x-tenant-id": "a"}, trust_env=False)
        assert answer.status_code == 200


def test_a_lab_that_is_about_to_live_is_not_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given a lab that has made its folder and has not locked it yet
    When another lab starts at that moment, and clears what dead labs left behind
    Then the folder of the first one is there.
    """
    lock, cleared = fcntl.flock, list[int]()

    def late(file: IO[str], how: int) -> None:
        if not cleared:
            cleared.append(0)
            cleared.append(clear_dead())
        lock(file, how)

    clear_dead()
    monkeypatch.setattr(scratch, "clear_dead", lambda: 0)
    monkeypatch.setattr(fcntl, "flock", late)
    folder = scratch.LabFolder()
    try:
        assert folder.make("environment").is_dir()
    finally:
        folder.close()
    assert len(cleared) == 2


def test_idle_environments_are_retired() -> None:
    with Lab(idle_s=0.1, hold_s=0.001) as lab:
        for _ in range(2):
            httpx.get(lab.front_url, headers={"x-tenant-id": "a"}, trust_env=False)
            folder = folder_of(os.getpid())
            # the folder of a retired environment goes away
            deadline = 200
            while any(folder.glob("tenantcheck-lab-environment-*")) and deadline:
                deadline -= 1
                select.select([], [], [], 0.05)
            assert deadline
        assert [entry["cold"] for entry in lab.audit] == [True, True]


def test_a_port_that_is_taken() -> None:
    with Lab() as lab:
        port = int(lab.endpoint_url.rpartition(":")[2])
        with pytest.raises(LabError, match=f"port {port} can't be used"), Lab(port=port):
            pass


def test_a_handler_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no handler at"), Lab(handler="nope/app.handler"):
        pass


def test_an_audit_log_that_can_not_be_written() -> None:
    with pytest.raises(LabError, match="the audit log /nope/x can't be written"), Lab(audit=Path("/nope/x")):
        pass


def test_a_lab_that_is_not_running_has_no_address() -> None:
    with pytest.raises(LabError, match="not running"):
        _ = Lab().endpoint_url


#: Starts a process that leaves the process group, session and parent of the handler, tells its number, and crashes
#: where told.
LEAVING = """
import os, subprocess, sys, time
def handler(event, context):
    read, write = os.pipe()
    if not os.fork():
        os.setsid()
        pid = os.fork()
        if pid:
            os.write(write, str(pid).encode())
            os._exit(0)
        os.close(write)
        time.sleep(600)
        os._exit(0)
    number = os.read(read, 32).decode()
    if (event.get("queryStringParameters") or {}).get("crash"):
        with open(event["queryStringParameters"]["crash"], "w") as file:
            file.write(number)
        os._exit(1)
    return {"statusCode": 200, "body": number}
"""


@pytest.mark.parametrize("how", ["retired", "crashed"])
def test_what_a_handler_started_does_not_outlive_its_environment(tmp_path: Path, how: str) -> None:
    (tmp_path / "leaving.py").write_text(LEAVING)
    told = tmp_path / "pid"
    with Lab(handler=f"{tmp_path}/leaving.handler") as lab:
        answer = httpx.get(
            lab.front_url,
            headers={"x-tenant-id": "a"},
            params={"crash": str(told)} if how == "crashed" else {},
            trust_env=False,
        )
        pid = int(told.read_text() if how == "crashed" else answer.text)
        if how == "retired":
            os.kill(pid, 0)
    assert wait_for_end(pid)


def test_the_runtime_api_answers_the_process_that_it_is_for_and_nobody_else() -> None:
    with Lab(hold_s=0.001) as lab:
        httpx.get(lab.front_url, headers={"x-tenant-id": "a"}, trust_env=False)
        found = subprocess.run(["pgrep", "-f", f"lab/bootstrap.py {os.getpid()} "], capture_output=True, check=True)
        environ = Path(f"/proc/{int(found.stdout.split()[0])}/environ").read_bytes().decode().split("\0")
        api = next(each.partition("=")[2] for each in environ if each.startswith("AWS_LAMBDA_RUNTIME_API="))
        answer = httpx.get(f"http://{api}/2018-06-01/runtime/invocation/next", trust_env=False)
        assert answer.status_code == 403
        assert httpx.get(lab.front_url, headers={"x-tenant-id": "a"}, trust_env=False).status_code == 200


BROKEN = {
    "half a body": b"POST /prod/x HTTP/1.1\r\nhost: a\r\nx-tenant-id: a\r\ncontent-length: 1000\r\n\r\nhalf",
    "half an event": b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nh",
    "a wrong chunk": b"POST /prod/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "not compressed": b"POST /prod/x HTTP/1.1\r\nhost: a\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nhalf",
    "no request": b"junk\r\n\r\n",
    "gone": b"GET /prod/x HTTP/1.1\r\nhost: a\r\nx-tenant-id: a\r\n\r\n",
}


def test_what_a_client_breaks_prints_no_traceback() -> None:
    process = subprocess.Popen(START, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(re.search(r"127.0.0.1:([0-9]+)", process.stdout.readline())[1])  # type: ignore[index]
    for upload in BROKEN.values():
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(upload)
            select.select([client], [], [], 0.2)
    answer = httpx.get(f"http://127.0.0.1:{port}/prod/x", headers={"x-tenant-id": "a"}, trust_env=False)
    process.terminate()
    _, stderr = process.communicate(timeout=20)
    assert (answer.status_code, process.returncode, stderr) == (200, 0, "")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("def other(event, context): pass", "Handler 'handler' missing on module 'app'"),
        ("def handler(event, context)", "SyntaxError"),
        ("import sys; sys.exit(4)", "exit status 4"),
    ],
    ids=["import", "no function", "syntax", "exit"],
)
def test_a_handler_that_can_not_be_started_ends_the_lab_with_the_reason(
    tmp_path: Path, source: str, reason: str
) -> None:
    (tmp_path / "app.py").write_text(source)
    command = [*START, "--handler", str(tmp_path / "app.handler")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: the handler app.handler can't be started: ")
    assert reason in result.stderr
    assert "Traceback" not in result.stderr


def test_it_says_what_it_runs_and_what_goes_wrong_in_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): raise ValueError('no \x1b[2J today')")
    command = [*START, "--handler", str(tmp_path / "app.handler"), "--fault", "throttled:p=0", "--authorizer"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    for part in ("function tenantcheck-lab", "app.handler", "fault throttled:p=0", "authorizer"):
        assert part in line
    match = re.search(r"http://[0-9.:]+", line)
    assert match is not None
    asked = subprocess.run([*INVOKE, "--endpoint-url", match.group()], capture_output=True, text=True, cwd=tmp_path)
    assert asked.returncode == 3
    assert "ValueError: no \ufffd[2J today" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


INVOKE = [
    *("env", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y", sys.executable, "-m", "tenantcheck", "-q", "invoke"),
    *("tenantcheck-lab", "--region", "us-east-1", "--plan", "quick", "--preflight"),
]
