"""`tenantcheck inspect FUNCTION…`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tenantcheck.api import inspected
from tenantcheck.cli.configured import config_options, read_config
from tenantcheck.cli.options import in_group
from tenantcheck.cli.output import show
from tenantcheck.cli.progress import Told
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.wanted import report_options, wanted_reports

option = in_group("Target")


@click.command(
    "inspect",
    cls=Command,
    epilog=examples(
        "tenantcheck inspect my-function --snapshot my-function.json",
        "tenantcheck inspect --all --region eu-west-1",
    ),
)
@click.argument("functions", metavar="FUNCTION…", nargs=-1)
@option("--all", "every", is_flag=True, help="Every function of the region.")
@option("--region", help="AWS region.")
@option("--profile", help="AWS profile.")
@option("--endpoint-url", help="Another endpoint of AWS.")
@config_options()
@in_group("Judging")("--price-per-gb", type=click.FloatRange(0), help="Charge for one environment, for each GB.")
@in_group("Output")(
    "--snapshot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="Keep what was read. The file is a FUNCTION again, offline.",
)
@report_options()
@click.pass_obj
def command(common: Common, /, functions: tuple[str, ...], **given: Any) -> int:
    """Find mistakes in tenant isolation where it runs: the function, the APIs that call it, its logs.

    FUNCTION is a name, an ARN, or a snapshot (FILE.json). Only reads: lambda:GetFunctionConfiguration, ListFunctions
    (--all), GetPolicy, ListFunctionUrlConfigs, ListProvisionedConcurrencyConfigs, ListEventSourceMappings,
    GetFunctionConcurrency; apigateway:GET; logs:DescribeLogGroups, DescribeAccountPolicies, GetTransformer. A rule
    whose action is denied is not exercised, and says which one.
    """
    wanted = wanted_reports(given, placed=True)
    with Told(quiet=common.quiet, no_color=common.no_color, first="reading") as told:
        verdict = inspected(functions, on_progress=told, **read_config(given))
    return show(verdict, common, wanted)
