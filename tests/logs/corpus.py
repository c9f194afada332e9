"""One set of logs in every format, with planted conflicts, gaps and hostile lines: every engine has to find the "
"same."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.logs.lines import done, init, invocation, moment, report, request_id, said, start

GROUP = "/aws/lambda/orders"


def stream(number: int) -> str:
    return f"2026/11/25/[$LATEST]{number:032x}"


class Planted(NamedTuple):
    """What is in it."""

    shared: frozenset[str]
    """Streams that two tenants ran in."""
    gaps: frozenset[str]


def streams(healthy: int = 12) -> dict[str, list[str]]:
    """The lines of each stream."""
    made: dict[str, list[str]] = {}
    number = 0
    for n in range(healthy):
        tenant = f"tenant-{n % 5}"
        lines = [init(stream(n))]
        for _ in range(20):
            number += 1
            lines += [start(number, tenant), said(number, tenant), done(number, tenant), report(number, tenant)]
        made[stream(n)] = lines
    # The conflict may stand at the end, in a report alone, or among lines that only look like one.
    made[stream(100)] = [*made[stream(0)][1:], *invocation(9001, "tenant-x")]
    made[stream(101)] = [*made[stream(1)][1:], report(9002, "tenant-y")]
    made[stream(102)] = [
        '{"a":"\\"platform.start\\",\\"record\\":{\\"requestId\\":\\"x\\",\\"tenantId\\":\\"zzz\\"}"}',
        "]}{\" \\ '; DROP TABLE logs; -- \t \x00 \u202e",
        *invocation(9003, "tenant-a"),
        "[" * 500,
        json.dumps({"message": '{"messageType":"DATA_MESSAGE"}{"messageType":"'}),
        *invocation(9004, "tenant-b"),
    ]
    made[stream(200)] = [
        f"START RequestId: {request_id(9005)} Version: $LATEST",
        f"END RequestId: {request_id(9005)}",
    ]
    made[stream(201)] = invocation(9006, "****")
    made[stream(202)] = [report(9007), start(9008, "tenant-1")]
    made[stream(203)] = ["nothing of the platform"]
    made[stream(204)] = [start(9009, "tenant-1")[:-20]]
    made[stream(205)] = [*invocation(9010)]
    return made


PLANTED = Planted(
    frozenset({stream(100), stream(101), stream(102)}),
    frozenset({"text-format", "masked-tenant", "no-tenant-in-report", "no-start", "unreadable-line"}),
)


def export(folder: Path, made: dict[str, list[str]]) -> Path:
    """As CloudWatch exports to S3: a folder for each stream, gzip, the time in front of each line."""
    for name, lines in made.items():
        place = folder / "task" / name.replace("/", "-")
        place.mkdir(parents=True)
        text = "".join(f"{moment(1)} {line}\n" for line in lines)
        half = text.rfind("\n", 0, len(text) // 2) + 1  # in two members, as appended files are
        data = gzip.compress(text[:half].encode(), mtime=0) + gzip.compress(text[half:].encode(), mtime=0)
        (place / "000000.gz").write_bytes(data)
    (folder / "aws-logs-write-test").write_text("Permission Check Successful")
    return folder


def lab(folder: Path, made: dict[str, list[str]]) -> Path:
    """As the lab keeps its streams."""
    for name, lines in made.items():
        place = folder / GROUP.lstrip("/") / f"{name}.jsonl"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def deliveries(made: dict[str, list[str]], size: int = 7) -> Iterator[dict[str, object]]:
    """Records of a subscription."""
    yield {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logEvents": [{"message": "CWL CONTROL MESSAGE"}],
    }
    for name, lines in made.items():
        for at in range(0, len(lines), size):
            events = [{"id": str(n), "timestamp": n, "message": line} for n, line in enumerate(lines[at : at + size])]
            yield {
                "messageType": "DATA_MESSAGE",
                "owner": "123456789012",
                "logGroup": GROUP,
                "logStream": name,
                "subscriptionFilters": ["all"],
                "logEvents": events,
            }


def firehose(folder: Path, made: dict[str, list[str]]) -> Path:
    """Objects of Firehose: gzip members one behind the other, records without anything between them."""
    folder.mkdir(parents=True, exist_ok=True)
    records = list(deliveries(made))
    for part in range(3):
        own = records[part::3]
        data = b"".join(gzip.compress(json.dumps(each).encode(), mtime=0) for each in own)
        (folder / f"orders-{part}").write_bytes(data)
    return folder


def events(folder: Path, made: dict[str, list[str]]) -> Path:
    """What `aws logs filter-log-events` prints."""
    folder.mkdir(parents=True, exist_ok=True)
    told = [
        {"logStreamName": name, "timestamp": n, "message": line, "eventId": f"{n}"}
        for name, lines in made.items()
        for n, line in enumerate(lines)
    ]
    (folder / "events.json").write_text(json.dumps({"events": told, "searchedLogStreams": []}, indent=4))
    return folder


FORMS = {"lines": export, "lab": lab, "subscription": firehose, "events": events}
