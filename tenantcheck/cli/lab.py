"""`tenantcheck lab`"""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path
from typing import get_args

import click

from tenantcheck.cli.interrupts import interrupts
from tenantcheck.cli.options import OnePerLine, option
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.say import say, tell
from tenantcheck.errors import UsageError
from tenantcheck.lab import LabServer, Settings
from tenantcheck.lab.faults import FAULTS
from tenantcheck.lab.mapping import token
from tenantcheck.lab.pool import Reuse
from tenantcheck.lab.records import LogFormat
from tenantcheck.lab.tenancy import Isolation

_KINDS = {
    "pool": "Pools that break isolation",
    "identity": "Identities that do not name one environment",
    "storage": "Storage",
    "front": "Fronts that break the boundary",
    "weather": "Weather, which lets no tenants meet",
}


def _known_faults() -> str:
    """Every fault with its parameters, by kind, for the help."""
    lines: list[str] = []
    for kind, title in _KINDS.items():
        lines += ["\b", f"{title}:"]
        for each in FAULTS:
            if each.kind == kind:
                given = ",".join(f"{name}={value:g}" for name, value in each.defaults.items())
                lines += textwrap.wrap(
                    f"{each.name}{':' + given if given else ''}: {each.summary}",
                    width=76,
                    initial_indent="  ",
                    subsequent_indent="    ",
                )
        lines.append("")
    return "\n".join(lines)


@click.command(
    "lab",
    cls=Command,
    epilog="\n\n".join([examples("tenantcheck lab", "tenantcheck lab --handler src/app.handler"), _known_faults()]),
)
@option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
@option("--handler", metavar="PATH/MODULE.FUNCTION", help="[default: the built-in witness handler]")
@option("--isolation", type=click.Choice(("per-tenant", "none", "broken")), default="per-tenant")
@option("--reuse", type=click.Choice(("mru", "fifo", "random", "never")), default="mru")
@option("--hold", type=click.FloatRange(0, 60_000), default=50.0, help="Milliseconds the built-in handler takes.")
@option("--timeout", type=click.FloatRange(0, 900, min_open=True), default=3.0, help="Of the function, seconds.")
@option("--idle", type=click.FloatRange(0, min_open=True), default=600.0, help="Idle seconds until retirement.")
@option("--max-environments", type=click.IntRange(1, 2000), default=250)
@option("--tenant-header", default="x-tenant-id", help="Header that the front maps to the tenant.")
@option("--tenant-query", help="Query parameter that the front maps instead.")
@option("--control", is_flag=True, help="Serve a twin without isolation beside it, at /prod/control.")
@option("--authorizer", is_flag=True, help="The front demands a token and maps its tenant. Two tokens are printed.")
@option(
    "--fault",
    multiple=True,
    metavar="NAME[:PARAM=VALUE,…]",
    help="Known fault, or weather, of those below (repeatable).",
)
@option(
    "--variable",
    multiple=True,
    type=OnePerLine(),
    metavar="NAME=VALUE",
    help="Environment variable of the function (repeatable).",
)
@option("--audit", type=click.Path(dir_okay=False, path_type=Path), help="Write the ground truth, JSON Lines.")
@option("--logs", type=click.Path(file_okay=False, path_type=Path), help="Keep the log streams in this folder.")
@option("--log-format", type=click.Choice(get_args(LogFormat)), default="json", help="Text names no tenant.")
@option(
    "--log-delay",
    type=click.FloatRange(0, 600),
    default=0.0,
    help="Seconds until events can be read by CloudWatch's calls.",
)
@click.pass_obj
def command(
    common: Common,
    port: int,
    handler: str | None,
    isolation: Isolation,
    reuse: Reuse,
    hold: float,
    timeout: float,
    idle: float,
    max_environments: int,
    tenant_header: str,
    tenant_query: str | None,
    control: bool,
    authorizer: bool,
    fault: tuple[str, ...],
    variable: tuple[str, ...],
    audit: Path | None,
    logs: Path | None,
    log_format: LogFormat,
    log_delay: float,
) -> int:
    """Run a local Lambda until Ctrl-C: one function, real runtime clients, one process per environment.

    --isolation per-tenant behaves as Lambda does; none has no tenancy configuration; broken demands a tenant
    id and ignores it when it chooses an environment. Each environment's scratch directory is its TMPDIR; a
    handler that names /tmp itself is not separated here.
    """
    settings = Settings(
        isolation=isolation,
        reuse=reuse,
        handler=handler,
        hold_s=hold / 1000,
        timeout_s=timeout,
        idle_s=idle,
        max_environments=max_environments,
        faults=fault,
        authorizer=authorizer,
        variables=_variables(variable),
        audit=audit,
        logs=logs,
        log_format=log_format,
        log_delay_s=log_delay,
    )
    server = LabServer(settings, port=port, tenant_header=tenant_header, tenant_query=tenant_query, control=control)
    how = "" if tenant_header == "x-tenant-id" else f" --tenant-header {tenant_header}"
    if tenant_query is not None:
        how = f" --tenant-query {tenant_query}"
    if authorizer:
        how += " --tenants @tenants.toml"
    asyncio.run(_serve(server, settings, how, common))
    return 0


def _variables(texts: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE` pairs. Raises `UsageError`."""
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
            raise UsageError("--variable: NAME=VALUE was expected", "Example: --variable TENANTCHECK_KEY=secret")
    return {name: value for name, _, value in pairs}


#: A tenants file for the lab's authorizer, ready to paste.
_TENANTS_FILE = (
    "  and in tenants.toml, for example:",
    *(
        line
        for id_ in ("a", "b")
        for line in ("[[tenant]]", f'id = "{id_}"', f'credentials = {{ bearer = "{token(id_)}" }}')
    ),
)


async def _serve(server: LabServer, settings: Settings, how: str, common: Common) -> None:
    stopped = interrupts.defer()
    server.function.on_error = say
    await server.start()
    try:
        if settings.handler is not None:
            await server.function.check_handler()
        if not common.quiet:
            tell("\n".join(_how_to_use(settings, server, how)))
        await stopped.wait()
    finally:
        await server.stop()


def _described(settings: Settings) -> str:
    """The function in a line."""
    parts = [
        f"function {settings.name}",
        f"isolation {settings.isolation}",
        f"reuse {settings.reuse}",
        f"handler {settings.handler or 'built in'}",
        *(f"fault {name}" for name in settings.faults),
        *(["authorizer"] if settings.authorizer else []),
    ]
    return ", ".join(parts)


def _how_to_use(settings: Settings, server: LabServer, how: str) -> tuple[str, ...]:
    port = server.port
    controls = [function.settings.name for function in server.functions[1:]]
    return (
        f"lab on http://127.0.0.1:{port} ({_described(settings)}); Ctrl-C ends it",
        f"  tenantcheck probe http://127.0.0.1:{port}/prod/witness{how}",
        f"  tenantcheck invoke {settings.name} --endpoint-url http://127.0.0.1:{port} --region us-east-1",
        "  (invoke signs its requests: any AWS credentials will do, such as AWS_ACCESS_KEY_ID=lab "
        "AWS_SECRET_ACCESS_KEY=lab)",
        *(_TENANTS_FILE if settings.authorizer else ()),
        "  {tenant} in the path has no meaning here: the front maps one header or query parameter",
        *(f"  control: --control http://127.0.0.1:{port}/prod/control, or --control {name}" for name in controls),
        f"  logs in {server.function.logs}"
        + ("" if settings.logs else ", removed with the lab (--logs FOLDER keeps them)"),
        "  scratch directories are told apart by TMPDIR: a handler that names /tmp itself is not separated",
    )
