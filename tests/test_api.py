"""The Python API: what it imports, what it takes, and that it says what the command line says."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import tenantcheck
from tenantcheck.api import InvokeOptions, ProbeOptions, RunOptions
from tenantcheck.cli.invoke import command as invoke_command
from tenantcheck.cli.options import LOG_OPTIONS
from tenantcheck.cli.probe import command as probe_command
from tenantcheck.lab import Lab
from tenantcheck.run.settings import BOUNDS, RunSettings
from tests.notation import verdict

Labs = Callable[..., Lab]
README = Path(__file__).parents[1] / "README.md"
#: Named otherwise on the command line, for it alone, or for Python alone.
RENAMED = {"header": "headers", "alias": "aliases"}
COMMON = {"quiet", "verbose", "debug", "no_color"}
COMMANDS_ONLY = COMMON | {
    "keep",
    "sarif_anchor",
    "baseline",
    "accepted",
    "tenants",
    "price_per_gb",
    "memory",
    "show_errors",
    "dry_run",
    "preflight",
    "format",
    "report",
    "inspect",  # a function of its own in Python
}
PYTHON_ONLY = {"app"}
Send = Callable[[dict[str, Any]], Awaitable[None]]


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys; before = set(sys.modules); import tenantcheck; print(*set(sys.modules) - before)"
    imported = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    others = {name.partition(".")[0] for name in imported.split()} - set(sys.stdlib_module_names)
    assert others == {"tenantcheck"}
    assert not {"asyncio", "ssl", "json", "socket", "dataclasses", "inspect"} & set(imported.split())


@pytest.mark.parametrize(
    ("options", "command"), [(ProbeOptions, probe_command), (InvokeOptions, invoke_command)], ids=["probe", "invoke"]
)
def test_it_takes_what_the_command_line_takes(options: Any, command: Any) -> None:
    taken = {each.name for each in command.params if each.name not in ("url", "function")} - COMMANDS_ONLY
    assert {RENAMED.get(name, name) for name in taken} == set(options.__annotations__) - PYTHON_ONLY
    assert {each.name for each in fields(RunSettings)} == set(RunOptions.__annotations__) - set(LOG_OPTIONS)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_out_of_bounds_is_refused(name: str) -> None:
    for value in (BOUNDS[name].most * 2, -1.0, float("nan")):
        with pytest.raises(tenantcheck.UsageError, match=f"{name}: "):
            tenantcheck.probe("http://x.test", **{name: value})  # type: ignore[arg-type]


def test_an_option_that_is_not_there_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="no option 'tenant_heder'"):
        tenantcheck.probe("http://x.test", tenant_heder="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no option 'insecure'"):
        tenantcheck.invoke("f", insecure=True)  # type: ignore[call-arg]


@pytest.mark.usefixtures("in_tmp")
class TestRuns:
    def test_an_isolated_endpoint_passes_and_check_says_the_same(self, labs: Labs) -> None:
        result = tenantcheck.probe(labs().front_url, tenants=["acme", "globex"], history="here.jsonl", max_time=60)
        assert result.outcome == "pass", result.reasons
        result.raise_for_breach()
        again = tenantcheck.check("here.jsonl")
        assert (again.outcome, again.evidence) == (result.outcome, result.evidence)
        assert tenantcheck.check(Path("here.jsonl"), significance=1e-30).outcome == "inconclusive"

    def test_a_breach_is_raised_with_its_counterexample(self, labs: Labs) -> None:
        result = tenantcheck.probe(labs(isolation="none", hold_s=0.01).front_url, tenants=2)
        assert result.outcome == "fail"
        with pytest.raises(tenantcheck.IsolationBreachedError) as raised:
            result.raise_for_breach()
        first, *exhibits, last = raised.value.message.splitlines()
        assert "shared-environment" in first
        environments = {re.search("environment ([0-9a-f-]{36})", line)[1] for line in exhibits[:2]}  # type: ignore[index]
        assert len(environments) == 1
        assert last.strip() == f"tenantcheck check {result.source.path}"

    @pytest.mark.usefixtures("aws")
    def test_invoke(self, labs: Labs) -> None:
        lab = labs()
        result = tenantcheck.invoke(lab.function_name, endpoint_url=lab.endpoint_url, plan="quick")
        assert (result.outcome, result.run.kind) == ("pass", "invoke")

    async def _both(self, url: str) -> tuple[str, str]:
        with pytest.raises(RuntimeError, match="await probe_async"):
            tenantcheck.probe(url)
        one = await tenantcheck.probe_async(url, plan="quick")
        return one.outcome, one.run.plan

    def test_inside_an_event_loop(self, labs: Labs) -> None:
        import asyncio

        assert asyncio.run(self._both(labs().front_url)) == ("pass", "quick")

    def test_wrong_usage_and_no_answer(self, unused_url: str) -> None:
        with pytest.raises(tenantcheck.UsageError, match="at least two"):
            tenantcheck.probe("http://x.test", tenants=1)
        with pytest.raises(tenantcheck.UsageError, match="No such file"):
            tenantcheck.check("nothing.jsonl")
        result = tenantcheck.probe(unused_url, timeout=2)
        assert (result.outcome, result.unable) == ("inconclusive", True)


@pytest.fixture
def unused_url() -> str:
    """Nobody listens there."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def application(*, isolated: bool) -> Callable[..., Awaitable[None]]:
    """An ASGI application that says which environment served a request, one for each tenant or one for all."""
    environments: dict[str, str] = {}
    counts: dict[str, int] = {}

    async def app(scope: Any, receive: Any, send: Send) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        tenant = headers.get("x-tenant-id", "")
        status = 200 if re.fullmatch("[a-zA-Z0-9._:/=+@ -]{1,256}", tenant) else 400
        environment = environments.setdefault(tenant if isolated else "", str(uuid.uuid4()))
        witness = {"executionEnvironmentId": environment, "tenantId": tenant, "nonce": headers["x-tenantcheck-nonce"]}
        if status == 200:
            counts[environment] = counts.get(environment, 0) + 1
            witness["invocationCount"] = counts[environment]
        body = json.dumps(witness if status == 200 else {"message": "no"}).encode()
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": body})

    return app


@pytest.mark.usefixtures("in_tmp")
@pytest.mark.parametrize(("isolated", "outcome"), [(True, "pass"), (False, "fail")])
def test_an_application_in_this_process(isolated: bool, outcome: str) -> None:
    result = tenantcheck.probe("/witness", app=application(isolated=isolated), tenants=3)
    assert result.outcome == outcome, result.reasons
    assert result.subject.target == "http://app.invalid/witness"


@pytest.mark.usefixtures("in_tmp")
def test_what_an_application_raises_is_an_answer() -> None:
    async def app(scope: Any, receive: Any, send: Send) -> None:
        raise ValueError("secret words of the application")

    result = tenantcheck.probe(app=app, tenants=2)
    assert result.outcome == "inconclusive"
    assert "secret words" not in Path(result.source.path).read_text()


def test_a_clean_verdict_raises_nothing() -> None:
    clean = verdict("o a1 b2 | r a1 b2")
    clean.raise_for_breach()
    assert clean.findings == ()


@pytest.mark.usefixtures("in_tmp")
def test_the_example_of_the_readme(labs: Labs) -> None:
    blocks = re.findall(r"```python\n(import tenantcheck\n.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 1
    code = blocks[0].replace("https://api.example.com/witness", labs().front_url)
    assert code != blocks[0]
    exec(compile(ast.parse(code), "README.md", "exec"), {})
