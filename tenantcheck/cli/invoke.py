"""`tenantcheck invoke FUNCTION`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from tenantcheck.cli.execute import execute
from tenantcheck.cli.options import judging_options, option, parse_reports, report_options, run_options
from tenantcheck.cli.output import show
from tenantcheck.cli.planning import RunOptions, make_control, make_plan, print_plan, read_tenants
from tenantcheck.cli.probe import read_data
from tenantcheck.cli.root import Command, Common
from tenantcheck.cli.say import say
from tenantcheck.run.senders import SenderSettings


@click.command("invoke", cls=Command)
@click.argument("function")
@option("--qualifier", help="Version or alias.")
@option("--region", help="AWS region.")
@option("--profile", help="AWS profile.")
@option("--endpoint-url", help="Another endpoint, such as the lab's.")
@option("--payload", default="{}", metavar="JSON|@FILE", help="Event of every invocation.")
@option("--event", type=click.Choice(("raw", "api-gateway")), default="raw", help="api-gateway wraps the payload.")
@run_options()
@judging_options()
@report_options()
@click.pass_obj
def command(common: Common, /, function: str, **given: Any) -> int:
    """Test the Lambda FUNCTION (name, ARN or partial ARN) for tenant isolation, by Invoke.

    Needs lambda:InvokeFunction and nothing else. The handler answers with its witness (see examples/). Sends
    about 160 requests with the standard plan.
    """
    from tenantcheck.run.targets.aws import AwsOptions, AwsSession
    from tenantcheck.run.targets.function import FunctionTarget

    reports = parse_reports(given.pop("report"))
    options = RunOptions(**{name: given.pop(name) for name in RunOptions.__dataclass_fields__})
    tenants = read_tenants(options.tenants)
    session = AwsSession(AwsOptions(given["region"], given["profile"], given["endpoint_url"]))
    target = FunctionTarget(
        session,
        function,
        qualifier=given["qualifier"],
        payload=read_data(given["payload"]),
        event=given["event"],
    )
    plan = make_plan(options, tenants, target)
    control = make_control(options, tenants, target)
    print_plan(plan, options, common)
    if not target.carries_nonce:
        say("the payload is not an object: it carries no nonce, so replays and residue stay unseen")
    if options.dry_run:
        return 0
    bundle = os.environ.get("AWS_CA_BUNDLE")  # what boto3 would trust
    settings = SenderSettings(timeout_s=options.timeout, cacert=Path(bundle) if bundle else None)
    verdict = execute(plan, target, options, common, settings, control)
    return show(verdict, common, given["format"], reports)
