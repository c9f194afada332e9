"""The lab's one function: tenancy rules, the pool, and the sandboxes behind its slots."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tenantcheck.errors import LabError, UsageError
from tenantcheck.lab.faults import Faults, Sent, parse_fault
from tenantcheck.lab.pool import Lease, Pool, Reuse, Slot
from tenantcheck.lab.records import Audit, LogFormat, LogStream
from tenantcheck.lab.runtime_api import Invocation
from tenantcheck.lab.sandbox import Ended, Sandbox
from tenantcheck.lab.scratch import LabFolder
from tenantcheck.lab.tenancy import Isolation, RefusedError, check_tenant


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the lab's function behaves. Times are in seconds."""

    name: str = "tenantcheck-lab"
    isolation: Isolation = "per-tenant"
    reuse: Reuse = "mru"
    handler: str | None = None
    """`path/module.function`; None is the built-in witness handler."""
    hold_s: float = 0.05
    timeout_s: float = 3.0
    idle_s: float = 600.0
    max_environments: int = 250
    faults: tuple[str, ...] = ()
    """`NAME[:param=value]` of `tenantcheck.lab.faults`; they need isolation `per-tenant`."""
    authorizer: bool = False
    """The front demands `Authorization: Bearer lab-<tenant>.<mark>`, which then says who the tenant is."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of the function."""
    audit: Path | None = None
    logs: Path | None = None
    log_format: LogFormat = "json"
    """Text names no tenant, as on Lambda."""
    log_delay_s: float = 0.0
    """Events can be read so long after they were written."""

    def twin(self) -> Settings:
        """The same function without a tenancy configuration, under a name of its own."""
        handler_faults = tuple(text for text in self.faults if parse_fault(text).fault.handler)
        return replace(
            self, name=f"{self.name}-control", isolation="none", faults=handler_faults, audit=None, authorizer=False
        )


def handler_location(handler: str | None) -> tuple[Path, str]:
    """Task root and `module.function` of a handler. Raises `UsageError` when there is no such file."""
    if handler is None:
        return Path(__file__).parent, "witness_handler.handler"
    path, _, function = handler.rpartition(".")
    file = Path(path + ".py").resolve()
    if not path or not function.isidentifier() or not file.is_file():
        raise UsageError(
            f"no handler at '{handler}'", "Name it as path/module.function, for example src/app.handler."
        )
    return file.parent, f"{file.stem}.{function}"


def check_settings(settings: Settings) -> None:
    """Raise `UsageError` for settings that do not go together."""
    handler_location(settings.handler)
    faults = Faults([parse_fault(text) for text in settings.faults])
    for each in faults.active:
        if settings.isolation != "per-tenant" and each.fault.kind not in ("none", "weather"):
            raise UsageError(
                f"the fault {each.fault.name} needs isolation per-tenant", "The others have no isolation to break."
            )
    for hook in ("maps", "authorizes", "image"):
        names = [each.fault.name for each in faults.active if getattr(each.fault, hook) is not None]
        if len(names) > 1:
            raise UsageError(f"the faults {' and '.join(names)} exclude each other", "Choose one of them.")
    variants = faults.handler_variants()
    if variants and settings.handler is not None:
        raise UsageError(f"{variants[0]} is a fault of the built-in handler", "Leave --handler out, or the fault.")
    for each in faults.active:
        if each.fault.needs_authorizer and not settings.authorizer:
            raise UsageError(f"the fault {each.fault.name} is one of an authorizer", "Add --authorizer.")


class Function:
    """One function: `invoke` runs one event in an environment of the pool."""

    def __init__(self, settings: Settings, folder: LabFolder, audit: Audit) -> None:
        self.settings = settings
        self._folder = folder
        self._task_root, self._handler = handler_location(settings.handler)
        self.logs = settings.logs if settings.logs is not None else folder.make(f"{settings.name}-logs")
        self.audit = audit
        self.faults = Faults([parse_fault(text) for text in settings.faults])
        self.pool = Pool(
            isolation=settings.isolation,
            reuse=settings.reuse,
            idle_s=settings.idle_s,
            max_environments=settings.max_environments,
            faults=self.faults,
        )
        self._sandboxes: dict[Slot, Sandbox] = {}
        self._streams: dict[int, str] = {}
        self._marks: dict[str, list[tuple[int, int]]] = {}
        self.created_ms = int(time.time() * 1000)
        self._variants = self.faults.handler_variants()
        if self._variants:
            self._handler = "faulty_handler.handler"
        self._shared = folder.make(f"{settings.name}-shared")
        self.on_error: Callable[[str], object] | None = None
        """Told of each error of the handler, in a line."""

    async def check_handler(self) -> None:
        """Start the handler once, outside of the pool. Raises `LabError` where it can't be."""
        folder = self._folder.make(f"{self.settings.name}-trial")
        sandbox = Sandbox(
            number=0,
            task_root=self._task_root,
            handler=self._handler,
            scratch=folder,
            log=LogStream(folder / "log.jsonl"),
            stream="trial",
            environ=self._environ("trial", "trial"),
        )
        try:
            problem = await sandbox.initialised()
        finally:
            await sandbox.retire()
        if problem is not None:
            raise LabError(f"the handler {self._handler} can't be started: {problem}", "Its code is in --handler.")

    def check_tenant(self, tenant: str | None) -> None:
        """Apply Lambda's rules to a tenant id. Raises `RefusedError`."""
        check_tenant(self.settings.isolation, tenant, accepts=self.faults.accepts)

    async def invoke(
        self,
        payload: bytes,
        tenant: str | None,
        *,
        request_id: str,
        arn: str,
        trace_id: str = "",
        client_context: str | None = None,
        sent: Sent | None = None,
    ) -> Ended:
        """Run one event, of which `sent` came in. Raises `RefusedError` when there are too many environments."""
        lease = None if self.faults.throttled(tenant) else self.pool.acquire(tenant, time.monotonic(), sent)
        if lease is None:
            raise RefusedError(429, "TooManyRequestsException", "Rate exceeded")
        if lease.evicted is not None:
            await self._retire(lease.evicted)
        sandbox = self._sandbox(lease)
        deadline_ms = int((time.time() + self.settings.timeout_s) * 1000)
        invocation = Invocation(
            request_id=request_id,
            payload=payload or b"{}",
            tenant=tenant,
            arn=arn,
            deadline_ms=deadline_ms,
            trace_id=trace_id or _trace_id(),
            client_context=client_context,
        )
        # Shielded: a caller that goes away does not stop a running invocation.
        return await asyncio.shield(asyncio.ensure_future(self._run(lease, sandbox, invocation)))

    async def _run(self, lease: Lease, sandbox: Sandbox, invocation: Invocation) -> Ended:
        try:
            if lease.restarted:
                await sandbox.stop()
            if lease.cold:
                await asyncio.sleep(self.faults.start_s())
            outcome = await sandbox.invoke(invocation, self.settings.timeout_s)
        finally:
            kept = self.pool.release(lease.slot, time.monotonic())
        self.audit.add(
            tenant=invocation.tenant,
            environment=lease.slot.environment,
            process=outcome.pid,
            request_id=invocation.request_id,
            cold=lease.cold,
            status=outcome.status,
        )
        if not kept:
            await self._retire(lease.slot)
        if outcome.error is not None and self.on_error is not None:
            self.on_error(f"{invocation.tenant or 'no tenant'}: {_first_line(outcome.payload)}")
        return outcome

    async def _retire(self, slot: Slot) -> None:
        """End the process of a slot, and its environment with the last of its slots."""
        sandbox = self._sandboxes.pop(slot)
        shared = any(other.environment == slot.environment for other in self._sandboxes)
        if not shared:
            del self._streams[slot.environment]
        await sandbox.retire(keep_scratch=shared)

    def _sandbox(self, lease: Lease) -> Sandbox:
        sandbox = self._sandboxes.get(lease.slot)
        if sandbox is not None:
            return sandbox
        number = lease.slot.environment
        fresh = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        stream = self._streams.setdefault(number, fresh)
        sandbox = Sandbox(
            number=number,
            task_root=self._task_root,
            handler=self._handler,
            scratch=self._folder.make(f"{self.settings.name}-environment-{number}"),
            log=LogStream(
                self.logs_path / f"{stream}.jsonl",
                self.settings.log_format,
                self._marks.setdefault(stream, []),
            ),
            stream=stream,
            environ=self._environ(self.log_group, stream) | self._variant_environ(lease.slot),
        )
        self._sandboxes[lease.slot] = sandbox
        return sandbox

    @property
    def log_group(self) -> str:
        """Name of the log group."""
        return f"/aws/lambda/{self.settings.name}"

    @property
    def logs_path(self) -> Path:
        """Folder of the log streams, one file each."""
        return self.logs / self.log_group.lstrip("/")

    def logged(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """The log streams of this lab by name, each with when what stands from which byte on was written."""
        return self._marks

    def _variant_environ(self, slot: Slot) -> dict[str, str]:
        """What the faulty handler needs to know; nothing for the honest one."""
        if not self._variants:
            return {}
        return {
            "TENANTCHECK_LAB_VARIANTS": ",".join(self._variants),
            "TENANTCHECK_LAB_IMAGE": str(slot.image),
            "TENANTCHECK_LAB_SHARED": str(self._shared),
        }

    def _environ(self, group: str, stream: str) -> dict[str, str]:
        """Lambda's variables and what a program needs to start; no credentials and no proxies of the caller."""
        kept = {
            name: os.environ[name]
            for name in ("PATH", "LANG", "LC_ALL", "HOME", "LD_LIBRARY_PATH", "PYTHONPATH")
            if name in os.environ
        }
        return {**kept, **self.settings.variables} | {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": self.settings.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": group,
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_LAMBDA_LOG_FORMAT": "JSON" if self.settings.log_format == "json" else "Text",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "LAMBDA_TASK_ROOT": str(self._task_root),
            "_HANDLER": self._handler,
            "TENANTCHECK_HOLD_MS": str(self.settings.hold_s * 1000),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TZ": "UTC",
        }

    async def expire(self) -> None:
        """Retire environments that have been idle for too long."""
        for slot in self.pool.expire(time.monotonic()):
            await self._retire(slot)

    async def close(self) -> None:
        """End every environment."""
        await asyncio.gather(*(sandbox.retire() for sandbox in self._sandboxes.values()))
        self._sandboxes.clear()
        self.audit.close()


def _trace_id() -> str:
    """A trace of X-Ray's that is not sampled, as Lambda makes one where the caller sends none."""
    return f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()};Parent={os.urandom(8).hex()};Sampled=0"


def _first_line(payload: bytes) -> str:
    """Type and message of an error document."""
    try:
        document = json.loads(payload)
        told = f"{document['errorType']}: {document['errorMessage']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        told = payload[:_LONGEST_LINE].decode("utf-8", "replace")
    return told.partition("\n")[0][:_LONGEST_LINE]


_LONGEST_LINE = 300


def require_runtime() -> None:
    """Raise `LabError` where no environment could run."""
    from importlib.util import find_spec

    if not sys.platform.startswith("linux"):
        raise LabError("the lab runs on Linux only", "AWS's runtime client for Python exists for Linux alone.")
    if find_spec("awslambdaric") is None:
        raise LabError("the lab's packages are not installed", "pip install 'tenantcheck[lab]'")
