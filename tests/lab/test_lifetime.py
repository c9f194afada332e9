"""Lab processes never outlive the lab, and it leaves nothing behind."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tenantcheck.errors import LabError, UsageError
from tenantcheck.lab import Lab
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
