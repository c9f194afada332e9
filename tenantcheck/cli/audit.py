"""`tenantcheck audit SOURCE…`"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from tenantcheck.api import audited, tenant_ids
from tenantcheck.cli.options import in_group
from tenantcheck.cli.output import show
from tenantcheck.cli.progress import Told
from tenantcheck.cli.root import Command, Common, examples
from tenantcheck.cli.say import say, tell
from tenantcheck.cli.wanted import report_options, wanted_reports
from tenantcheck.errors import UsageError
from tenantcheck.logs.sources.files import FORMATS
from tenantcheck.logs.sources.tables import ATHENA_QUERY, ATHENA_TABLE

_MERGE = "merge"
option = in_group("Target")
limits = in_group("Limits")
output = in_group("Output")


@click.command(
    "audit",
    cls=Command,
    epilog=examples(
        "tenantcheck audit /aws/lambda/my-function --since 7d --cursor audit.cursor",
        "tenantcheck audit s3://my-bucket/exported-logs/ --expect @tenants.txt --report report.html",
    ),
)
@click.argument("sources", metavar="SOURCE…", nargs=-1)
@option("--since", metavar="TIME", help="Of a log group: 2026-11-25, 2026-11-25T08:00Z, 24h, 7d. [default: 24h]")
@option("--until", metavar="TIME", help="Of a log group. [default: now]")
@option(
    "--source-format",
    type=click.Choice([each.name for each in FORMATS]),
    help="Format of the files. [default: recognised by content]",
)
@option("--unmask", is_flag=True, help="Read what a data protection policy masks. Needs logs:Unmask.")
@option("--region", help="AWS region.")
@option("--profile", help="AWS profile.")
@option("--endpoint-url", help="Another endpoint of AWS, such as the lab's.")
@in_group("Tenants")("--expect", metavar="a,b|@FILE", help="Tenants that should be there; others are named.")
@limits(
    "--engine",
    type=click.Choice(("scan", "insights", "athena", "spark")),
    default="scan",
    help="Who groups lines by environment: this machine, Logs Insights, Athena (prints the query), or Spark.",
)
@limits("--processes", type=click.IntRange(1, 1024), help="Processes that scan files. [default: one per core]")
@limits("--spark-master", metavar="URL", help="Such as local[2]; without it the session of spark-submit.")
@limits("--cursor", type=click.Path(dir_okay=False, path_type=Path), help="Go on reading a log group from this file.")
@limits("--watch", is_flag=True, help="Go on from where a complete cursor ended, for scheduled jobs.")
@in_group("Judging")("--strict", is_flag=True, help="Weaknesses fail the audit.")
@output(
    "--rows", type=click.Path(dir_okay=False, path_type=Path), help="Also keep the rows, to be merged with others."
)
@report_options()
@click.pass_obj
def command(common: Common, /, sources: tuple[str, ...], **given: Any) -> int:
    """Find environments that served two tenants, in the logs of everything that ran.

    SOURCE is a log group, files, folders or S3 URIs: an export, Firehose or subscription objects, the JSON of aws
    logs filter-log-events, the lab's logs, results of queries, histories of runs (for functions that log in text
    format), or rows of earlier audits (audit merge ROWS…). Needs JSON log format at level INFO.
    """
    wanted = wanted_reports(given, placed=True)
    if sources[:1] == (_MERGE,):
        sources, given["source_format"] = sources[1:], "rows"
    if given["engine"] == "athena":
        return _athena(sources)
    now = datetime.now(UTC)
    options = {
        "since": _moment(given["since"], "--since", now),
        "until": _moment(given["until"], "--until", now),
        "source_format": given["source_format"],
        "expect": tenant_ids(given["expect"], "--expect"),
    }
    names = ("unmask", "region", "profile", "endpoint_url", "engine", "processes", "spark_master", "cursor", "watch")
    with Told(quiet=common.quiet, no_color=common.no_color, first="reading") as told:
        verdict = audited(
            sources,
            on_progress=told,
            strict=given["strict"],
            rows=given["rows"],
            **options,
            **{name: given[name] for name in names},
        )
    return show(verdict, common, wanted)


_AGO = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _moment(text: str | None, option: str, now: datetime) -> datetime | None:
    """A time, or how long ago. Raises `UsageError`."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text}: not a time", "Write 2026-11-25, 2026-11-25T08:00Z, or 24h, 7d."
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _athena(sources: tuple[str, ...]) -> int:
    """Print what to ask Athena. Nothing is judged yet."""
    places = [source for source in sources if source.startswith("s3://")]
    if len(places) != 1 or len(sources) != 1:
        raise UsageError("--engine athena takes the S3 URI of one export", "Its result, as CSV, is a source again.")
    place = places[0] if places[0].endswith("/") else f"{places[0]}/"
    if "'" in place:
        raise UsageError(f"{place}: a quote has no place in it")
    tell(ATHENA_TABLE.format(location=place) + "\n" + ATHENA_QUERY.format().rstrip("\n"))
    say("no verdict yet: run this in Athena (it was not verified on AWS), then: tenantcheck audit RESULT.csv")
    return 3
