"""Lines of a log as Lambda writes them, and a scanner that reads them one by one: slow, and plainly right."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

HEX = "0123456789abcdef" * 2
STREAM = f"2026/11/25/[$LATEST]{HEX}"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
NOTHING: Any = object()


def request_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def moment(number: int) -> str:
    return f"2026-11-25T10:{number // 60000 % 60:02d}:{number // 1000 % 60:02d}.{number % 1000:03d}Z"


def record(kind: str, number: int, tenant: Any = NOTHING, **more: Any) -> str:
    """A record of the platform; `tenant` is left out where there is none."""
    told: dict[str, Any] = {"requestId": request_id(number), **more}
    if tenant is not NOTHING:
        told["tenantId"] = tenant
    return json.dumps({"time": moment(number), "type": f"platform.{kind}", "record": told}, separators=(",", ":"))


def start(number: int, tenant: Any = NOTHING) -> str:
    return record("start", number, tenant, functionArn=ARN, version="$LATEST")


def report(number: int, tenant: Any = NOTHING) -> str:
    return record("report", number, tenant, metrics={"durationMs": 1.5}, status="success")


def done(number: int, tenant: Any = NOTHING) -> str:
    return record("runtimeDone", number, tenant, status="success")


def said(number: int, tenant: str, message: str = "hello") -> str:
    told = {"timestamp": moment(number), "level": "INFO", "requestId": request_id(number), "tenantId": tenant}
    return json.dumps({**told, "message": message}, separators=(",", ":"))


def invocation(number: int, tenant: Any = NOTHING, at_ms: int | None = None) -> list[str]:
    """The records of one invocation; `at_ms` is when it was, milliseconds since the epoch."""
    told = [start(number, tenant), done(number, tenant), report(number, tenant)]
    if at_ms is None:
        return told
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return [line.replace(moment(number), at) for line in told]


def init(stream: str = STREAM) -> str:
    told = {"initializationType": "on-demand", "instanceId": stream}
    return json.dumps({"time": moment(0), "type": "platform.initStart", "record": told}, separators=(",", ":"))


@dataclass
class Plain:
    """What is in some lines, read one by one."""

    tenants: set[str] = field(default_factory=set)
    starts: int = 0
    unnamed: int = 0
    masked: int = 0
    text: int = 0
    blind: set[str] = field(default_factory=set)
    reports_name: bool = False
    said: set[str] = field(default_factory=set)


_TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")


def read_plainly(lines: list[str]) -> Plain:
    """The reference that the scanner is held against."""
    plain = Plain()
    started: set[str] = set()
    reported: set[str] = set()
    for line in lines:
        if re.match("START RequestId: [0-9a-f-]{36} ", line):
            plain.starts += 1
            plain.text += 1
            continue
        document = _document(line)
        told, kind = document.get("record"), document.get("type")
        if kind in ("platform.start", "platform.runtimeDone", "platform.report") and isinstance(told, dict):
            _platform(plain, kind, told, started, reported)
        elif kind is None and isinstance(document.get("tenantId"), str):
            plain.said.add(document["tenantId"])
    plain.blind = reported - started
    return plain


def _document(line: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _platform(plain: Plain, kind: str, told: dict[str, Any], started: set[str], reported: set[str]) -> None:
    tenant = told.get("tenantId")
    if kind == "platform.start":
        plain.starts += told["requestId"] not in started
        started.add(told["requestId"])
        plain.unnamed += not isinstance(tenant, str)
    if kind == "platform.report":
        plain.reports_name |= isinstance(tenant, str)
    if not isinstance(tenant, str):
        if kind == "platform.report":
            reported.add(told["requestId"])
    elif _TENANT.fullmatch(tenant):
        plain.tenants.add(tenant)
    else:
        plain.masked += 1
