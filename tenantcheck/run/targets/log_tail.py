"""The tail of a function's log, as Invoke gives it: the platform's records, and nothing else of it."""

from __future__ import annotations

import json
import re
from typing import Any

from tenantcheck.model import PlatformRecord
from tenantcheck.model.secrets import Secrets
from tenantcheck.model.text import printable

_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TEXT_REPORT = re.compile(rf"REPORT RequestId: (?P<id>{_REQUEST_ID.pattern})\tDuration: (?P<duration>[0-9.]+) ms")
_TEXT_INIT = re.compile(r"Init Duration: (?P<init>[0-9.]+) ms")


def platform_record(tail: str, secrets: Secrets) -> PlatformRecord | None:
    found: dict[str, Any] = {}
    for line in tail.splitlines():
        record = _platform_json(line)
        if record is None:
            continue
        found.setdefault("request_id", _request_id(record.get("requestId")))
        found.setdefault("tenant_id", _tenant_id(record.get("tenantId"), secrets))
        metrics = record.get("metrics")
        if isinstance(metrics, dict):
            found.setdefault("duration_ms", _milliseconds(metrics.get("durationMs")))
            if (init := _milliseconds(metrics.get("initDurationMs"))) is not None:
                found["init_ms"] = init
    if (text := _TEXT_REPORT.search(tail)) is not None:
        init_text = _TEXT_INIT.search(tail)
        found = {
            "request_id": text["id"],
            "duration_ms": _milliseconds(text["duration"]),
            "init_ms": _milliseconds(init_text["init"]) if init_text else None,
        }
    present = {name: value for name, value in found.items() if value is not None}
    return PlatformRecord(**present) if present else None


def _platform_json(line: str) -> dict[str, Any] | None:
    if '"platform.' not in line:
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("type") not in (
        "platform.start",
        "platform.runtimeDone",
        "platform.report",
    ):
        return None
    record = document.get("record")
    return record if isinstance(record, dict) else None


def _request_id(value: Any) -> str | None:
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


def _tenant_id(value: Any, secrets: Secrets) -> str | None:
    return printable(value) if isinstance(value, str) and not secrets.found_in(value) else None


#: A month: no invocation takes longer, nor is one made ready for so long.
_MOST_MS = 31 * 86_400_000.0


def _milliseconds(value: Any) -> float | None:
    """A length of time; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= _MOST_MS else None
