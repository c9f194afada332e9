"""`tenantcheck lint TEMPLATE…`"""

from __future__ import annotations

from typing import Any

import click

from tenantcheck.api import linted
from tenantcheck.cli.configured import config_options, read_config
from tenantcheck.cli.options import in_group
from tenantcheck.cli.output import show
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.wanted import report_options, wanted_reports
from tenantcheck.errors import UsageError


@click.command(
    "lint",
    cls=Command,
    epilog=examples(
        "tenantcheck lint template.yaml --expect Orders",
        "tenantcheck lint cdk.out --report sarif=tenantcheck.sarif",
    ),
)
@click.argument("templates", metavar="TEMPLATE…", nargs=-1)
@in_group("Target")(
    "--parameter",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the template. [default: its default]",
)
@config_options()
@report_options()
@click.pass_obj
def command(common: Common, /, templates: tuple[str, ...], **given: Any) -> int:
    """Find mistakes in tenant isolation before they are deployed.

    TEMPLATE is a template of CloudFormation or SAM (YAML or JSON), a folder with some, cdk.out, or a plan of
    Terraform (terraform show -json plan.bin > plan.json). Nothing is sent, and AWS is not asked. A finding is
    accepted in Metadata of its resource: tenantcheck: {accepted: [{rule: …, reason: …, until: 2027-01-31}]}.
    """
    wanted = wanted_reports(given, placed=True)
    parameters = dict(_pair(text) for text in given.pop("parameters"))
    return show(linted(templates, parameters=parameters, **read_config(given)), common, wanted)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--parameter {name}: NAME=VALUE was expected")
    return name, value
