"""One execution environment: a scratch directory, a log stream, and a process that may be replaced.

A crash or a timeout ends the process and keeps directory and log stream, as on Lambda.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tenantcheck.lab.processes import end_descendants, end_marked
from tenantcheck.lab.records import LogStream
from tenantcheck.lab.runtime_api import Answer, Invocation, RuntimeApi

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
#: Variable by which an environment's processes are known again.
MARK = "TENANTCHECK_LAB_ENVIRONMENT"
#: Lambda gives initialisation ten seconds.
INIT_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How one invocation of a sandbox ended."""

    payload: bytes
    error: str | None = None
    """`Handled` or `Unhandled`; None for a result."""
    status: str = "success"
    init_ms: float | None = None
    duration_ms: float = 0.0
    pid: int = 0
    tail: bytes = b""


class Sandbox:
    """One execution environment."""

    def __init__(
        self,
        *,
        number: int,
        task_root: Path,
        handler: str,
        scratch: Path,
        log: LogStream,
        stream: str,
        environ: dict[str, str],
    ) -> None:
        self.number = number
        self._task_root = task_root
        self._handler = handler
        self._scratch = scratch
        self.log = log
        self._stream = stream
        self._environ = environ
        self._api: RuntimeApi | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._exited: asyncio.Future[int] | None = None
        self._mark = f"{MARK}={os.getpid()}-{uuid.uuid4().hex}"

    async def invoke(self, invocation: Invocation, timeout_s: float) -> Ended:
        """Run one event, starting the process first where there is none."""
        since = self.log.position()
        init_ms = None
        if self._process is None:
            begun = time.monotonic()
            problem = await self._start(invocation, INIT_TIMEOUT_S)
            if problem is not None and problem[0] == "timeout":  # Lambda tries again, within the function's own time
                await self.stop()
                problem = await self._start(invocation, timeout_s)
            init_ms = (time.monotonic() - begun) * 1000
            self.log.platform("platform.initReport", initializationType="on-demand", metrics={"durationMs": init_ms})
            if problem is not None:
                return await self._failed(problem, invocation, since, init_ms, 0.0)
        if self._api is None or self._process is None or self._exited is None:
            raise RuntimeError("a started sandbox has a process")
        self.log.platform(
            "platform.start",
            requestId=invocation.request_id,
            functionArn=invocation.arn,
            version="$LATEST",
            tenantId=invocation.tenant,
        )
        begun = time.monotonic()
        answer = self._api.submit(invocation)
        done, _ = await asyncio.wait((answer, self._exited), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        duration_ms = (time.monotonic() - begun) * 1000
        if answer not in done:
            problem = self._exit_error(invocation) if done else _timed_out(invocation, timeout_s)
            return await self._failed(problem, invocation, since, init_ms, duration_ms)
        ended = self._ended(answer.result(), invocation, since, init_ms, duration_ms)
        if answer.result().exits:  # the next event must not meet a process that is on its way out
            await self.stop()
        return ended

    async def initialised(self) -> str | None:
        """Start the process, and end it again. Returns why it could not be initialised, in the runtime's words."""
        invocation = Invocation(request_id="-", payload=b"{}", tenant=None, arn="", deadline_ms=0, trace_id="")
        try:
            problem = await self._start(invocation, INIT_TIMEOUT_S)
        finally:
            await self.stop()
        if problem is None:
            return None
        document = json.loads(problem[1])
        return f"{document.get('errorType', 'error')}: {document.get('errorMessage', '')}"

    def _ended(
        self, answer: Answer, invocation: Invocation, since: int, init_ms: float | None, duration_ms: float
    ) -> Ended:
        status = "error" if answer.failed else "success"
        self._report(invocation, status, init_ms, duration_ms)
        return Ended(
            payload=answer.payload,
            error="Unhandled" if answer.failed else None,
            status=status,
            init_ms=init_ms,
            duration_ms=duration_ms,
            pid=self._process.pid if self._process else 0,
            tail=self.log.tail(since),
        )

    async def _failed(
        self,
        problem: tuple[str, bytes],
        invocation: Invocation,
        since: int,
        init_ms: float | None,
        duration_ms: float,
    ) -> Ended:
        status, payload = problem
        pid = self._process.pid if self._process else 0
        await self.stop()
        self._report(invocation, status, init_ms, duration_ms)
        return Ended(
            payload=payload,
            error="Unhandled",
            status=status,
            init_ms=init_ms,
            duration_ms=duration_ms,
            pid=pid,
            tail=self.log.tail(since),
        )

    def _report(self, invocation: Invocation, status: str, init_ms: float | None, duration_ms: float) -> None:
        common = {"requestId": invocation.request_id, "status": status, "tenantId": invocation.tenant}
        metrics: dict[str, float] = {"durationMs": round(duration_ms, 3)}
        self.log.platform("platform.runtimeDone", **common, metrics=metrics)
        if init_ms is not None:
            metrics = {**metrics, "initDurationMs": round(init_ms, 3)}
        self.log.platform("platform.report", **common, metrics=metrics)

    async def _start(self, invocation: Invocation, limit_s: float) -> tuple[str, bytes] | None:
        """Start the process and wait until it asks for work. Returns what went wrong, if anything."""
        loop = asyncio.get_running_loop()
        api = RuntimeApi()
        await api.listen()
        self._api = api
        self.log.platform(
            "platform.initStart",
            initializationType="on-demand",
            functionName=self._environ.get("AWS_LAMBDA_FUNCTION_NAME"),
            functionVersion="$LATEST",
            instanceId=self._stream,
        )
        self._process = process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own interpreter; vfork does not block
            [sys.executable, "-P", str(_BOOTSTRAP), str(os.getpid()), str(self._task_root), self._handler],
            cwd=self._task_root,
            env=self._environ
            | dict([self._mark.split("=")])
            | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.port}", "TMPDIR": str(self._scratch)},
            stdin=subprocess.DEVNULL,
            stdout=self.log.descriptor,
            stderr=self.log.descriptor,
            start_new_session=True,
        )
        api.owner = process.pid
        self._exited = _watch(loop, process)
        ready = loop.create_task(api.ready.wait())
        done, _ = await asyncio.wait((ready, self._exited), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if api.init_error is not None:
            return "error", _with_request_id(api.init_error, invocation.request_id)
        if self._exited in done:
            return self._exit_error(invocation)
        if not done:
            return _timed_out(invocation, limit_s)
        return None

    def _exit_error(self, invocation: Invocation) -> tuple[str, bytes]:
        how = _how(self._process) if self._process is not None else ""
        text = f"RequestId: {invocation.request_id} Error: Runtime exited {how}"
        return "failure", _error("Runtime.ExitError", text)

    async def stop(self) -> None:
        """End the process; directory and log stream stay."""
        if self._process is not None and self._exited is not None:
            crashed = self._exited.done()
            end_descendants(self._process.pid)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._exited
            if crashed:  # what it had started has other parents now
                await asyncio.to_thread(end_marked, self._mark)
        if self._api is not None:
            await self._api.close()
        self._process = self._api = self._exited = None

    async def retire(self, *, keep_scratch: bool = False) -> None:
        """End the environment: process, log stream and (unless another process uses it) directory."""
        await self.stop()
        self.log.close()
        if not keep_scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _watch(loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """A future that is done when the process has exited."""
    exited: asyncio.Future[int] = loop.create_future()
    descriptor = os.pidfd_open(process.pid)

    def reap() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        code = process.wait()
        if not exited.done():
            exited.set_result(code)

    loop.add_reader(descriptor, reap)
    return exited


def _how(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    if code is not None and code < 0:
        return f"with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    return f"with error: exit status {code}" if code else "without providing a reason"


def _timed_out(invocation: Invocation, timeout_s: float) -> tuple[str, bytes]:
    text = f"RequestId: {invocation.request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    return "timeout", _error("Sandbox.Timedout", text)


def _with_request_id(error: bytes, request_id: str) -> bytes:
    """An error document of the runtime, which knows of no request yet while it initialises."""
    try:
        document = json.loads(error)
    except (ValueError, RecursionError):
        return error
    return json.dumps(document | {"requestId": request_id}).encode() if isinstance(document, dict) else error


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
