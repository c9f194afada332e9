"""What the command line and the Python API have in common: arguments go in, a session or a verdict comes out."""

from __future__ import annotations

import asyncio
import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from msgspec import structs

from tenantcheck.errors import HistoryError, TenantcheckError, UsageError
from tenantcheck.files import open_file, read_file, seekable
from tenantcheck.history import HistoryReader
from tenantcheck.judge import Judge
from tenantcheck.model import PlanName, Requirement, Verdict, WitnessFrom
from tenantcheck.model.boundary import ALIASES, KEY_HEADER
from tenantcheck.model.sighted import all_sighted
from tenantcheck.run.plan import TenantList, fresh_tenants, named_tenants, parse_tenants
from tenantcheck.run.plan.tenants import MAX_FILE_BYTES
from tenantcheck.run.redraw import Redraw
from tenantcheck.run.senders import SenderSettings
from tenantcheck.run.session import Session, run_async
from tenantcheck.run.settings import TENANTS, RunSettings, chosen_checks
from tenantcheck.run.targets.http import (
    DEFAULT_NONCE_PLACE,
    DEFAULT_TENANT_HEADER,
    HttpRequestSpec,
    HttpTarget,
    Location,
    parse_header,
    parse_nonce_place,
)
from tenantcheck.run.targets.logs import LogSource

Tenants = int | str | Path | Iterable[str] | TenantList
"""How many fresh ids; which ids; a tenants file; or text as `--tenants` takes it."""
AsgiApp = Callable[..., Any]
#: Where an application in this process seems to be.
_IN_PROCESS = "http://app.invalid"


class RunOptions(TypedDict, total=False):
    """Options of every run. `RunSettings` says what each means, and what holds where it is not given."""

    plan: PlanName
    idle: Sequence[float]
    soak: float | None
    rate: float | None
    in_flight: int | None
    control: str | None
    require: Sequence[Requirement]
    max_requests: int | None
    max_time: float | None
    timeout: float
    seed: str | None
    keep_going: bool
    boundary: bool
    witness: Mapping[str, str]
    witness_at: str | None
    witness_from: WitnessFrom
    log_wait: float
    log_group: str | None
    """Log group of the function. `invoke` finds it out where nobody names it."""
    control_log_group: str | None
    """That of the control, where it is another one."""
    history: str | Path | None
    significance: float
    only: Sequence[str]
    skip: Sequence[str]
    strict: bool


class ProbeOptions(RunOptions, total=False):
    """Options of `probe`: how the tenant, its credentials and the nonce travel."""

    tenant_header: str | None
    """Header of the tenant id; without any other place `x-tenant-id`."""
    tenant_query: str | None
    """Query parameter of the tenant id."""
    tenant_from_credentials: bool
    """No id is sent: each tenant's credentials say who it is."""
    method: str | None
    """GET, or POST with data."""
    headers: Mapping[str, str] | Sequence[tuple[str, str]]
    """Headers of every request."""
    data: bytes | str
    """Body of every request."""
    witness_key: str | None
    """The function's TENANTCHECK_KEY, without which its handler tells nothing. It is never stored."""
    nonce: str
    """Where the nonce travels: `header:NAME`, `query:NAME`, `body:KEY` or `none`."""
    aliases: Sequence[str]
    """Other names of the tenant to try besides the usual ones: `header:NAME` or `query:NAME`."""
    aws_sigv4: bool
    """Sign for an IAM-authorised API Gateway API."""
    region: str | None
    profile: str | None
    cacert: str | Path | None
    """PEM file of the certificate authorities to trust."""
    endpoint_url: str | None
    """Another endpoint of AWS for the logs, such as the lab's."""
    insecure: bool
    """Do not verify certificates."""
    app: AsgiApp | None
    """An ASGI application to ask in this process; the URL is then a path, or nothing."""


class InvokeOptions(RunOptions, total=False):
    """Options of `invoke`."""

    qualifier: str | None
    """Version or alias."""
    region: str | None
    profile: str | None
    endpoint_url: str | None
    """Another endpoint, such as the lab's."""
    payload: bytes | str
    """Event of every invocation, as JSON."""
    event: Literal["raw", "api-gateway", "http-api", "alb"] | bytes | str
    """What wraps the payload; or an event of one's own as JSON, with `{nonce}` and `{tenant}` where they belong."""
    witness_key: str | None
    """The function's TENANTCHECK_KEY, without which its handler tells nothing. It is never stored."""


def probe_session(url: str, tenants: Tenants = TENANTS, **options: Unpack[ProbeOptions]) -> Session:
    """A run against an HTTP endpoint. Raises `UsageError` and `TargetError`."""
    _refuse_unknown("probe", options, ProbeOptions)
    who = tenant_list(tenants)
    app = options.get("app")
    if app is not None and not re.match("https?://", url):
        url = f"{_IN_PROCESS}/{url.removeprefix('/')}"
    target = _http_target(url, options)
    if options.get("tenant_from_credentials"):
        who.require_own_credentials()
    settings = run_settings(options)
    cacert = options.get("cacert")
    sender = SenderSettings(
        timeout_s=settings.timeout,
        cacert=None if cacert is None else Path(cacert),
        insecure=options.get("insecure", False),
        app=app,
    )
    return Session.of(target, who, settings, sender, _logs_of_endpoint(options, settings, target))


def _logs_of_endpoint(options: ProbeOptions, settings: RunSettings, target: HttpTarget) -> LogSource | None:
    """Where the environments behind an endpoint are read, if not in the answers. Raises `UsageError`."""
    from tenantcheck.run.targets.aws import AwsOptions, AwsSession

    if not _from_logs(options, settings):
        return None
    if options.get("log_group") is None:
        raise UsageError(
            "--witness-from logs: which log group does the function behind this URL write to?",
            "Name it: --log-group /aws/lambda/my-function",
        )
    if settings.control is not None and options.get("control_log_group") is None:
        raise UsageError(
            "--witness-from logs: which log group does the function behind --control write to?",
            "Name it: --control-log-group, the same one if both share it.",
        )
    if not target.carries_nonce:
        raise UsageError(
            "--witness-from logs: the requests carry no nonce, by which the logs would name them",
            "Leave --nonce out, or name a place that the handler logs.",
        )
    session = AwsSession(AwsOptions(options.get("region"), options.get("profile"), options.get("endpoint_url")))
    return LogSource(session, options.get("log_group"), options.get("control_log_group"))


def _from_logs(options: RunOptions, settings: RunSettings) -> bool:
    """Whether environments are read in the logs. Raises `UsageError` for options of the logs where they are not."""
    if settings.witness_from == "logs":
        for name in ("log_group", "control_log_group"):
            group = options.get(name)
            if group is not None and not re.fullmatch(r"[.\-_/#A-Za-z0-9]{1,512}", str(group)):
                raise UsageError(f"--{name.replace('_', '-')} {group}: that is no name of a log group")
        return True
    if options.get("log_group") or options.get("control_log_group"):
        raise UsageError("--log-group: the logs are not asked", "Add --witness-from logs, or leave it out.")
    return False


def invoke_session(function: str, tenants: Tenants = TENANTS, **options: Unpack[InvokeOptions]) -> Session:
    """A run against a function, by Invoke. Raises `UsageError` and `TargetError`."""
    from tenantcheck.run.targets.aws import AwsOptions, AwsSession
    from tenantcheck.run.targets.events import RAW, parse_event
    from tenantcheck.run.targets.function import FunctionTarget

    _refuse_unknown("invoke", options, InvokeOptions)
    who = tenant_list(tenants)
    region = _region(function, options.get("region"))
    session = AwsSession(AwsOptions(region, options.get("profile"), options.get("endpoint_url")))
    key = options.get("witness_key") or None
    target = FunctionTarget(
        session,
        function,
        qualifier=options.get("qualifier"),
        event=parse_event(options.get("event", RAW), _bytes(options.get("payload", "{}")), key),
        witness_key=key,
    )
    settings = run_settings(options)
    bundle = os.environ.get("AWS_CA_BUNDLE")  # what boto3 would trust
    sender = SenderSettings(timeout_s=settings.timeout, cacert=Path(bundle) if bundle else None)
    logs = None
    if _from_logs(options, settings):
        logs = LogSource(session, options.get("log_group"), options.get("control_log_group"))
    return Session.of(target, who, settings, sender, logs)


_ARN = re.compile(r"arn:aws[a-z-]*:lambda:([a-z0-9-]+):")


def _region(function: str, given: str | None) -> str | None:
    """The region of an ARN, else the one that was given. Raises `UsageError`."""
    if re.match("https?://", function):
        raise UsageError("invoke takes a function's name or ARN, not a URL", "An HTTP endpoint is tested by probe.")
    arn = _ARN.match(function)
    if arn is None:
        return given
    if given not in (None, arn[1]):
        raise UsageError(f"--region {given}: this ARN is one of {arn[1]}", "Leave --region out.")
    return arn[1]


def judged_again(
    path: Path,
    *,
    significance: float | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    strict: bool = False,
) -> Verdict:
    """The verdict on a history file; without options it is that of the run itself. Raises `UsageError`, and
    `TenantcheckError` with the line where the file is not a whole history."""
    changes: dict[str, object] = {}
    if only or skip:
        changes["checks"], changes["requested"] = chosen_checks(tuple(only), tuple(skip))
    if significance is not None:
        changes["significance"] = RunSettings(significance=significance).significance
    if strict:
        changes["strict"] = True
    try:
        with open_file(path) as opened, seekable(opened) as file:
            reader, sightings = HistoryReader(file), None
            header = structs.replace(reader.header, plan=structs.replace(reader.header.plan, **changes))
            judge, redraw = Judge(header.plan), Redraw(reader.header.plan)
            if (
                reader.header.plan.witness_from == "logs"
            ):  # what the logs tell stands behind the waves that it is about
                for _ in reader.waves():
                    pass
                sightings = reader.sightings
                file.seek(0)
                reader = HistoryReader(file)
            for wave in reader.waves():
                judge.add(wave if sightings is None else all_sighted(wave, sightings))
                redraw.add(wave)
            end = reader.end
            return judge.verdict(
                header,
                end,
                history=str(path),
                sha256=reader.sha256,
                torn=reader.torn,
                altered=redraw.ended(end.reason if end is not None else None),
                recorded=reader.header.plan,
            )
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "Name a history file.") from error
    except HistoryError as error:
        raise TenantcheckError(f"{path}, {error.message}", error.hint) from error


class AuditOptions(TypedDict, total=False):
    """Options of `audit`."""

    since: datetime | None
    """Of a log group; a day before `until` where nobody says."""
    until: datetime | None
    source_format: str | None
    """`lines`, `subscription`, `events`, `table` or `rows`; recognised by content where nobody says."""
    expect: Iterable[str] | None
    """Tenants that should be there."""
    engine: Literal["scan", "insights", "spark"]
    unmask: bool
    """Read what a data protection policy masks."""
    cursor: str | Path | None
    """File from which reading a log group goes on."""
    watch: bool
    """Go on from where a complete cursor ended."""
    rows: str | Path | None
    """Also keep the merged rows in this file."""
    processes: int | None
    spark_master: str | None
    region: str | None
    profile: str | None
    endpoint_url: str | None
    strict: bool


def audited(
    sources: Sequence[str], on_progress: Callable[[str], object] = lambda _: None, **options: Unpack[AuditOptions]
) -> Verdict:
    """The verdict on logs. Raises `UsageError` and `TenantcheckError`."""
    from tenantcheck.aws import ReadingOptions
    from tenantcheck.logs.audit import AuditSettings, audit

    _refuse_unknown("audit", options, AuditOptions)
    expect, since, until = options.get("expect"), options.get("since"), options.get("until")
    cursor, rows = options.get("cursor"), options.get("rows")
    settings = AuditSettings(
        sources=tuple(sources),
        form=options.get("source_format"),
        since_ms=None if since is None else int(since.timestamp() * 1000),
        until_ms=None if until is None else int(until.timestamp() * 1000),
        expect=None if expect is None else frozenset(expect),
        engine=options.get("engine", "scan"),
        unmask=options.get("unmask", False),
        cursor=None if cursor is None else Path(cursor),
        watch=options.get("watch", False),
        rows=None if rows is None else Path(rows),
        processes=options.get("processes"),
        spark_master=options.get("spark_master"),
        strict=options.get("strict", False),
        aws=ReadingOptions(options.get("region"), options.get("profile"), options.get("endpoint_url")),
    )
    return audit(settings, on_progress)


class ConfigOptions(TypedDict, total=False):
    """Options of `lint` and `inspect`."""

    expect: Iterable[str]
    """Functions that should be isolated; `*` means all."""
    tenant_count: int | None
    """How many tenants there will be."""
    only: Sequence[str]
    skip: Sequence[str]
    strict: bool


class LintOptions(ConfigOptions, total=False):
    """Options of `lint`."""

    parameters: Mapping[str, str]
    """Values of parameters, instead of their defaults."""


class InspectOptions(ConfigOptions, total=False):
    """Options of `inspect`."""

    region: str | None
    profile: str | None
    endpoint_url: str | None
    every: bool
    """Every function of the region."""
    price_per_gb: float | None
    """Charge for one environment, for each GB of its memory."""
    snapshot: str | Path | None
    """Keep what was read in this file: it can be judged again, offline."""


def linted(paths: Sequence[str], **options: Unpack[LintOptions]) -> Verdict:
    """The verdict on templates. Raises `UsageError`."""
    from tenantcheck.config.lint import LintSettings, lint

    _refuse_unknown("lint", options, LintOptions)
    return lint(LintSettings(paths=tuple(paths), parameters=options.get("parameters", {}), **_config(options)))


def inspected(
    functions: Sequence[str], on_progress: Callable[[str], object] = lambda _: None, **options: Unpack[InspectOptions]
) -> Verdict:
    """The verdict on live functions. Raises `UsageError` and `TenantcheckError`."""
    from tenantcheck.aws import ReadingOptions
    from tenantcheck.config.inspect import InspectSettings, inspect

    _refuse_unknown("inspect", options, InspectOptions)
    snapshot = options.get("snapshot")
    settings = InspectSettings(
        functions=tuple(functions),
        every=options.get("every", False),
        snapshot=None if snapshot is None else Path(snapshot),
        price_per_gb=options.get("price_per_gb"),
        aws=ReadingOptions(options.get("region"), options.get("profile"), options.get("endpoint_url")),
        **_config(options),
    )
    return inspect(settings, on_progress)


def _config(options: ConfigOptions) -> dict[str, Any]:
    """What both take."""
    return {
        "expect": frozenset(options.get("expect", ())),
        "tenant_count": options.get("tenant_count"),
        "only": tuple(options.get("only", ())),
        "skip": tuple(options.get("skip", ())),
        "strict": options.get("strict", False),
    }


#: Bytes of a list of tenants.
_MOST_IDS = 64 << 20


def tenant_ids(text: str | None, option: str) -> frozenset[str] | None:
    """Ids as an option takes them: `a,b`, or a file with one per line. Raises `UsageError`."""
    if text is None:
        return None
    if not text.startswith("@"):
        return frozenset(part.strip() for part in text.split(",") if part.strip())
    try:
        content = read_file(Path(text[1:]), _MOST_IDS)
    except OSError as error:
        raise UsageError(f"{option} {text}: {error.strerror}", "Name a readable file.") from error
    if len(content) > _MOST_IDS:
        raise UsageError(f"{option} {text}: larger than {_MOST_IDS >> 20} MiB")
    if text.lower().endswith(".toml"):
        return frozenset(row.id for row in tenant_list(text).rows)
    lines = content.decode("utf-8", "replace").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


async def run_within(session: Session) -> Verdict:
    """Run a session to its verdict, inside a running event loop."""
    return await session.run(Judge)


def run(session: Session) -> Verdict:
    """Run a session to its verdict, outside of any event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run_async(run_within(session))
    raise RuntimeError("an event loop is running here: await probe_async or invoke_async")


def tenant_list(tenants: Tenants) -> TenantList:
    """The tenants of a run. Raises `UsageError`."""
    if isinstance(tenants, TenantList):
        return tenants
    if isinstance(tenants, int):
        return fresh_tenants(tenants)
    if isinstance(tenants, Path):
        tenants = f"@{tenants}"
    if not isinstance(tenants, str):
        return named_tenants(tenants)
    if not tenants.startswith("@"):
        if ("." in tenants or "/" in tenants) and Path(tenants).is_file():
            raise UsageError(f"--tenants {tenants}: that is a file, not an id", f"Read it: --tenants @{tenants}")
        return parse_tenants(tenants)
    name = tenants[1:]
    try:
        content = read_file(Path(name), MAX_FILE_BYTES)
    except OSError as error:
        raise UsageError(f"--tenants {tenants}: {error.strerror}", "Name a readable file.") from error
    return parse_tenants(tenants, {name: content})


_LISTS = ("idle", "require", "only", "skip")


def run_settings(options: Mapping[str, Any]) -> RunSettings:
    """What of the options is the same for every target. Raises `UsageError`."""
    given = {each.name: options[each.name] for each in fields(RunSettings) if each.name in options}
    given |= {name: tuple(given[name]) for name in _LISTS if name in given}
    if given.get("history") is not None:
        given["history"] = Path(given["history"])
    return RunSettings(**given)


def _refuse_unknown(name: str, options: Mapping[str, Any], known: type) -> None:
    for option in options.keys() - known.__annotations__.keys():
        raise TypeError(f"{name}() has no option '{option}'")


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")


def _http_target(url: str, options: ProbeOptions) -> HttpTarget:
    data = _bytes(options.get("data", b""))
    method = (options.get("method") or ("POST" if data else "GET")).upper()
    if not re.fullmatch("[A-Z]+", method):
        raise UsageError(f"-X {method}: not an HTTP method")
    if method not in _METHODS and (meant := difflib.get_close_matches(method, _METHODS, 1)):
        raise UsageError(f"-X {method}: not a method that services know", f"Did you mean {meant[0]}?")
    headers = options.get("headers", ())
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    key = options.get("witness_key")
    keys = [(KEY_HEADER, key)] if key else []
    spec = HttpRequestSpec(
        url=url,
        method=method,
        headers=tuple(parse_header(f"{name}: {value}") for name, value in (*pairs, *keys)),
        data=data,
        tenant=_tenant_place(url, options),
        nonce=parse_nonce_place(options.get("nonce", DEFAULT_NONCE_PLACE)),
        aliases=(*ALIASES, *(_alias(text) for text in options.get("aliases", ()))),
    )
    if not options.get("aws_sigv4"):
        return HttpTarget(spec)
    from tenantcheck.run.targets.aws import ApiSigner, AwsOptions, AwsSession

    session = AwsSession(AwsOptions(region=options.get("region"), profile=options.get("profile")))
    return HttpTarget(spec, ApiSigner(session, url, options.get("region")))


def _bytes(data: bytes | str) -> bytes:
    return os.fsencode(data) if isinstance(data, str) else data  # the bytes of a command line


def _alias(text: str) -> str:
    """`header:NAME` or `query:NAME`. Raises `UsageError`."""
    kind, _, name = text.partition(":")
    if kind not in ("header", "query") or not name:
        raise UsageError(f"--alias {text}: header:NAME or query:NAME was expected")
    return f"header:{parse_header(f'{name}:')[0]}" if kind == "header" else text


def _tenant_place(url: str, options: ProbeOptions) -> Location:
    header, query = options.get("tenant_header"), options.get("tenant_query")
    by_credentials = options.get("tenant_from_credentials", False)
    chosen = [
        name
        for name, is_chosen in (
            ("--tenant-header", header),
            ("--tenant-query", query),
            ("--tenant-from-credentials", by_credentials),
            ("{tenant} in the URL", "{tenant}" in url),
        )
        if is_chosen
    ]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)}: the tenant travels in one place only")
    if by_credentials:
        return Location("none")
    if "{tenant}" in url:
        return Location("path")
    for name, value in (("--tenant-header", header), ("--tenant-query", query)):
        if value == "":
            raise UsageError(f"{name} is empty", "Name where the service expects the tenant.")
    if query:
        return Location("query", query)
    return Location("header", parse_header(f"{header or DEFAULT_TENANT_HEADER}:")[0])
