"""The lab as a server: in this process's event loop, or in a thread of its own as a context manager."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from aiohttp import web

from tenantcheck.errors import LabError
from tenantcheck.lab.front import Front
from tenantcheck.lab.function import Function, Settings, check_settings, require_runtime
from tenantcheck.lab.invoke_api import CONFIGURATION_PATH, MAX_PAYLOAD_BYTES, OTHER_OPERATIONS, PATH, InvokeApi
from tenantcheck.lab.logs_api import LogsApi
from tenantcheck.lab.quiet import LOGGER
from tenantcheck.lab.records import Audit
from tenantcheck.lab.scratch import LabFolder
from tenantcheck.lab.weather import weathered

_EXPIRY_INTERVAL_S = 0.5
#: Where the front serves the twin without isolation.
CONTROL_PATH = "/{stage}/{path:control}"


class LabServer:
    """The lab inside a running event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        port: int = 0,
        tenant_header: str = "x-tenant-id",
        tenant_query: str | None = None,
        control: bool = False,
    ) -> None:
        """`control` serves a twin without isolation beside the function."""
        require_runtime()
        check_settings(settings)
        audit = Audit(settings.audit)  # raises where it can't be written: before there is a folder to remove
        self._folder = LabFolder()
        self.function = Function(settings, self._folder, audit)
        self.functions = [self.function]
        if control:
            self.functions.append(Function(settings.twin(), self._folder, Audit(None)))
        self._asked_port = port
        self._fronts = [
            Front(function, tenant_header=tenant_header, tenant_query=tenant_query) for function in self.functions
        ]
        self._runner: web.AppRunner | None = None
        self._expiry: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on loopback. Raises `LabError` when the port is taken."""
        app = web.Application(client_max_size=MAX_PAYLOAD_BYTES + (1 << 20))
        faults = self.function.faults
        api = InvokeApi(self.functions)
        invoke = weathered(faults, lambda request: request.headers.get("X-Amz-Tenant-Id"), api.invoke)
        app.router.add_post(PATH, invoke)
        app.router.add_get(CONFIGURATION_PATH, api.configuration)
        app.router.add_post("/", LogsApi(self.functions).answer)
        app.router.add_route("*", OTHER_OPERATIONS, api.other)
        front, *controls = self._fronts
        for control in controls:
            app.router.add_route("*", CONTROL_PATH, weathered(faults, control.whose, control.handle))
        app.router.add_route("*", "/{stage}/{path:.*}", weathered(faults, front.whose, front.handle))
        self._runner = web.AppRunner(app, access_log=None, logger=LOGGER, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._asked_port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            raise LabError(
                f"port {self._asked_port} can't be used: {error.strerror}", "Leave --port out for a free one."
            ) from error
        self.port = self._runner.addresses[0][1]
        self._expiry = asyncio.ensure_future(self._expire())

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRY_INTERVAL_S)
            for function in self.functions:
                await function.expire()

    async def stop(self) -> None:
        """End the server, every environment and the lab's folder."""
        try:
            if self._expiry is not None:
                self._expiry.cancel()
                with suppress(asyncio.CancelledError):
                    await self._expiry
            if self._runner is not None:
                await self._runner.cleanup()
        finally:
            for function in self.functions:
                await function.close()
            self._folder.close()


class Lab:
    """A lab in a thread of its own:

    >>> with Lab(isolation="per-tenant") as lab:  # doctest: +SKIP
    ...     print(lab.front_url, lab.endpoint_url, lab.function_name)

    Keyword arguments are those of `Settings`. Raises `LabError` when it can't start.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tenant_header: str = "x-tenant-id",
        tenant_query: str | None = None,
        control: bool = False,
        **settings: Any,
    ) -> None:
        self.settings = Settings(**settings)
        self._control = control
        self._port = port
        self._tenant_header = tenant_header
        self._tenant_query = tenant_query
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: LabServer | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._problem: BaseException | None = None

    def __enter__(self) -> Lab:
        self._thread = threading.Thread(target=self._run, name="tenantcheck-lab", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._problem is not None:
            self._thread.join()
            raise self._problem
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            self._server = LabServer(
                self.settings,
                port=self._port,
                tenant_header=self._tenant_header,
                tenant_query=self._tenant_query,
                control=self._control,
            )
            await self._server.start()
        except Exception as problem:  # noqa: BLE001 - raised again in the thread that waits
            self._problem = problem
            return
        finally:
            self._started.set()
        try:
            await self._stop.wait()
        finally:
            await self._server.stop()

    @property
    def endpoint_url(self) -> str:
        """For boto3's `endpoint_url` and `tenantcheck invoke --endpoint-url`."""
        return f"http://127.0.0.1:{self._running().port}"

    @property
    def front_url(self) -> str:
        """For `tenantcheck probe`."""
        return f"{self.endpoint_url}/prod/witness"

    @property
    def control_url(self) -> str:
        """The twin without isolation, for `tenantcheck probe --control`."""
        return f"{self.endpoint_url}/prod/control"

    @property
    def function_name(self) -> str:
        return self.settings.name

    @property
    def control_name(self) -> str:
        """The twin without isolation, for `tenantcheck invoke --control`."""
        return self.settings.twin().name

    @property
    def audit(self) -> Sequence[dict[str, Any]]:
        """The ground truth so far: one entry per request that reached an environment."""
        return list(self._running().function.audit.entries)

    def _running(self) -> LabServer:
        if self._server is None:
            raise LabError("the lab is not running", "Use it as a context manager: with Lab() as lab: …")
        return self._server
