"""`tenantcheck probe URL`"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click

from tenantcheck.cli.execute import execute
from tenantcheck.cli.files import read_file
from tenantcheck.cli.options import (
    OnePerLine,
    judging_options,
    option,
    parse_reports,
    report_options,
    run_options,
)
from tenantcheck.cli.output import show
from tenantcheck.cli.planning import RunOptions, make_control, make_plan, print_plan, read_tenants
from tenantcheck.cli.root import Command, Common
from tenantcheck.errors import UsageError
from tenantcheck.model.boundary import ALIASES
from tenantcheck.run.senders import SenderSettings
from tenantcheck.run.targets.http import (
    DEFAULT_TENANT_HEADER,
    HttpRequestSpec,
    HttpTarget,
    Place,
    Signer,
    parse_header,
    parse_nonce_place,
)


@click.command("probe", cls=Command)
@click.argument("url")
@option("--tenant-header", metavar="NAME", help=f"Header of the tenant id. [default: {DEFAULT_TENANT_HEADER}]")
@option("--tenant-query", metavar="NAME", help="Query parameter of the tenant id.")
@option("--tenant-from-credentials", is_flag=True, help="No id is sent: each tenant's credentials say who it is.")
@option("-X", "--method", default=None, metavar="METHOD", help="[default: GET, POST with data]")
@option(
    "-H",
    "--header",
    multiple=True,
    type=OnePerLine(),
    metavar="'Name: value'",
    help="Header of every request (repeatable).",
)
@option("-d", "--data", metavar="DATA|@FILE", help="Body of every request.")
@option("--nonce", default="header:x-tenantcheck-nonce", metavar="PLACE", help="header:, query:, body:NAME or none.")
@option(
    "--alias",
    multiple=True,
    metavar="PLACE",
    help="header:NAME or query:NAME: another name of the tenant to try, besides the usual ones (repeatable).",
)
@option("--aws-sigv4", is_flag=True, help="Sign for an IAM-authorised API Gateway API.")
@option("--region", help="Region to sign for. [default: the URL's, else as boto3 finds it]")
@option("--profile", help="AWS profile to sign with.")
@option("--cacert", type=click.Path(dir_okay=False, path_type=Path), help="PEM file of CA certificates to trust.")
@option("--insecure", is_flag=True, help="Do not verify certificates.")
@run_options()
@judging_options()
@report_options()
@click.pass_obj
def command(common: Common, /, url: str, cacert: Path | None, insecure: bool, **given: Any) -> int:
    """Test the HTTP endpoint URL for tenant isolation.

    Put {tenant} into the URL where the tenant id belongs in the path. The handler behind it answers with its
    witness (see examples/). Sends about 170 requests with the standard plan.
    """
    reports = parse_reports(given.pop("report"))
    options = RunOptions(**{name: given.pop(name) for name in RunOptions.__dataclass_fields__})
    tenants = read_tenants(options.tenants)
    target = _target(url, given)
    if given["tenant_from_credentials"]:
        tenants.require_own_credentials()
    plan = make_plan(options, tenants, target)
    control = make_control(options, tenants, target)
    print_plan(plan, options, common)
    if options.dry_run:
        return 0
    settings = SenderSettings(timeout_s=options.timeout, cacert=cacert, insecure=insecure)
    verdict = execute(plan, target, options, common, settings, control)
    return show(verdict, common, given["format"], reports)


def _target(url: str, given: dict[str, Any]) -> HttpTarget:
    data = read_data(given["data"])
    method = (given["method"] or ("POST" if data else "GET")).upper()
    if not re.fullmatch("[A-Z]+", method):
        raise UsageError(f"-X {method}: not an HTTP method")
    spec = HttpRequestSpec(
        url=url,
        method=method,
        headers=tuple(parse_header(text) for text in given["header"]),
        data=data,
        tenant=_tenant_place(url, given),
        nonce=parse_nonce_place(given["nonce"]),
        aliases=(*ALIASES, *(_alias(text) for text in given["alias"])),
    )
    signer = _signer(url, given) if given["aws_sigv4"] else None
    return HttpTarget(spec, signer)


def _alias(text: str) -> str:
    """`header:NAME` or `query:NAME`. Raises `UsageError`."""
    kind, _, name = text.partition(":")
    if kind not in ("header", "query") or not name:
        raise UsageError(f"--alias {text}: header:NAME or query:NAME was expected")
    return f"header:{parse_header(f'{name}:')[0]}" if kind == "header" else text


def _tenant_place(url: str, given: dict[str, Any]) -> Place:
    chosen = [
        name
        for name, is_chosen in (
            ("--tenant-header", given["tenant_header"]),
            ("--tenant-query", given["tenant_query"]),
            ("--tenant-from-credentials", given["tenant_from_credentials"]),
            ("{tenant} in the URL", "{tenant}" in url),
        )
        if is_chosen
    ]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)}: the tenant travels in one place only")
    if given["tenant_from_credentials"]:
        return Place("none")
    if "{tenant}" in url:
        return Place("path")
    if given["tenant_query"]:
        return Place("query", given["tenant_query"])
    return Place("header", parse_header(f"{given['tenant_header'] or DEFAULT_TENANT_HEADER}:")[0])


def _signer(url: str, given: dict[str, Any]) -> Signer:
    from tenantcheck.run.targets.aws import ApiSigner, AwsOptions, AwsSession

    session = AwsSession(AwsOptions(region=given["region"], profile=given["profile"]))
    return ApiSigner(session, url, given["region"])


def read_data(text: str | None) -> bytes:
    """The value of `-d` or `--payload`: text, or a file after @. Raises `UsageError`."""
    if text is None:
        return b""
    if not text.startswith("@"):
        return os.fsencode(text)  # the bytes of the command line
    try:
        data = read_file(Path(text[1:]), 6 << 20)
    except OSError as error:
        raise UsageError(f"{text}: {error.strerror}", "Name a readable file after @.") from error
    if len(data) > 6 << 20:
        raise UsageError(f"{text}: larger than 6 MB, the most that Lambda takes")
    return data
