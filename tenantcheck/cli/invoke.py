"""`tenantcheck invoke FUNCTION`"""

from __future__ import annotations

from typing import Any

import click

from tenantcheck.api import invoke_session
from tenantcheck.cli.execute import run_and_show
from tenantcheck.cli.options import (
    LOG_OPTIONS,
    in_group,
    judging_options,
    read_data,
    run_options,
    settings_of,
)
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.say import say
from tenantcheck.cli.wanted import report_options, wanted_reports
from tenantcheck.model.text import listed
from tenantcheck.run.targets.events import RAW, SHAPES

option = in_group("Target")


@click.command(
    "invoke",
    cls=Command,
    epilog=examples(
        "tenantcheck invoke my-function",
        "tenantcheck invoke my-function --qualifier live --tenants acme,globex --report report.json",
    ),
)
@click.argument("function")
@option("--qualifier", help="Version or alias.")
@option("--region", help="AWS region.")
@option("--profile", help="AWS profile.")
@option("--endpoint-url", help="Another endpoint, such as the lab's.")
@option("--payload", default="{}", metavar="JSON|@FILE", help="Event of every invocation.")
@option(
    "--event",
    default=RAW,
    metavar="SHAPE|@FILE",
    help=f"What the payload is wrapped in: {listed(SHAPES, 'or')}; or an event of your own, with {{nonce}} and "
    "{tenant} where they belong.",
)
@in_group("Judging")("--inspect", is_flag=True, help="Judge the function's configuration, too, in the same verdict.")
@run_options()
@judging_options()
@report_options()
@click.pass_obj
def command(common: Common, /, function: str, **given: Any) -> int:
    """Test the Lambda FUNCTION (name, ARN or partial ARN) for tenant isolation, by Invoke.

    Needs lambda:InvokeFunction and nothing else. The handler answers with its witness (tenantcheck handler prints
    one); with --witness-from logs it may be any handler, and the logs say which environment served each request.
    Sends about 160 requests with the standard plan.
    """
    wanted = wanted_reports(given)
    options = settings_of(given)
    options["payload"] = read_data(given["payload"])
    if given["event"].startswith("@"):
        given["event"] = read_data(given["event"])
    names = ("qualifier", "region", "profile", "endpoint_url", "event", "witness_key", *LOG_OPTIONS)
    session = invoke_session(function, given["tenants"], **options, **{name: given[name] for name in names})
    if not session.target.carries_nonce:
        say("the event has no place for the nonce, so replays and residue stay unseen")
    given["inspect"] = function if given["inspect"] else ""
    return run_and_show(session, common, given, wanted)
