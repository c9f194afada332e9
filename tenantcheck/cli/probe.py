"""`tenantcheck probe URL`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tenantcheck.api import probe_session
from tenantcheck.cli.execute import run_and_show
from tenantcheck.cli.options import (
    LOG_OPTIONS,
    OnePerLine,
    in_group,
    judging_options,
    read_data,
    run_options,
    settings_of,
)
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.wanted import report_options, wanted_reports
from tenantcheck.run.targets.http import DEFAULT_NONCE_PLACE, DEFAULT_TENANT_HEADER, parse_header

_PLACES = ("tenant_header", "tenant_query", "tenant_from_credentials")


option = in_group("Target")


@click.command(
    "probe",
    cls=Command,
    epilog=examples(
        "tenantcheck probe https://abc.execute-api.eu-west-1.amazonaws.com/prod/witness",
        "tenantcheck probe https://api.example.com/{tenant}/me --tenants @tenants.toml --plan quick",
    ),
)
@click.argument("url")
@option(
    "--tenant-header",
    metavar="NAME",
    help=f"Header of the tenant id. [default: {DEFAULT_TENANT_HEADER}]",
)
@option("--tenant-query", metavar="NAME", help="Query parameter of the tenant id.")
@option(
    "--tenant-from-credentials",
    is_flag=True,
    help="No id is sent: each tenant's credentials say who it is.",
)
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
@option(
    "--nonce",
    default=DEFAULT_NONCE_PLACE,
    metavar="PLACE",
    help="header:, query:, body:NAME or none.",
)
@option(
    "--alias",
    multiple=True,
    metavar="PLACE",
    help="header:NAME or query:NAME: another name of the tenant to try, besides the usual ones (repeatable).",
)
@option("--aws-sigv4", is_flag=True, help="Sign for an IAM-authorised API Gateway API.")
@option("--region", help="Region to sign for. [default: the URL's, else as boto3 finds it]")
@option("--profile", help="AWS profile to sign with.")
@option(
    "--cacert",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM file of CA certificates to trust.",
)
@option("--insecure", is_flag=True, help="Do not verify certificates.")
@option("--endpoint-url", help="Another endpoint of AWS for logs and configuration, such as the lab's.")
@in_group("Judging")(
    "--inspect", metavar="FUNCTION", help="Judge the configuration of this function, too, in the same verdict."
)
@run_options()
@judging_options()
@report_options()
@click.pass_obj
def command(common: Common, /, url: str, **given: Any) -> int:
    """Test the HTTP endpoint URL for tenant isolation.

    Put {tenant} into the URL where the tenant id belongs in the path. The handler behind it answers with its
    witness (tenantcheck handler prints one), or logs its event or headers (--witness-from logs). Sends about 170
    requests with the standard plan.
    """
    wanted = wanted_reports(given)
    options = settings_of(given)
    options["headers"] = [parse_header(text) for text in given["header"]]
    options["data"] = read_data(given["data"])
    options["aliases"] = given["alias"]
    names = (
        *_PLACES,
        "method",
        "nonce",
        "aws_sigv4",
        "region",
        "profile",
        "cacert",
        "insecure",
        "witness_key",
        "endpoint_url",
        *LOG_OPTIONS,
    )
    session = probe_session(url, given["tenants"], **options, **{name: given[name] for name in names})
    return run_and_show(session, common, given, wanted)
