"""What the lab writes down: the audit log (ground truth) and platform logs in Lambda's JSON format."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from tenantcheck.errors import LabError

#: Lambda gives the last 4 KB of an invocation's log with LogType=Tail.
TAIL_BYTES = 4096
_AUDIT_IN_MEMORY = 100_000


def timestamp() -> str:
    """Now, as Lambda's logs write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Audit:
    """One line per request that reached an environment: time, tenant, environment, process, request id."""

    def __init__(self, path: Path | None = None) -> None:
        self.entries: deque[dict[str, Any]] = deque(maxlen=_AUDIT_IN_MEMORY)
        try:
            self._file: IO[str] | None = path.open("a", buffering=1) if path is not None else None
        except OSError as error:
            raise LabError(f"the audit log {path} can't be written: {error.strerror}") from error

    def add(self, **entry: Any) -> None:
        """Append one entry."""
        entry = {"time": timestamp(), **entry}
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


LogFormat = Literal["json", "text"]


class LogStream:
    """One log stream: platform records of the lab and everything the process prints, in one file."""

    def __init__(self, path: Path, form: LogFormat = "json", marks: list[tuple[int, int]] | None = None) -> None:
        """`marks` takes when what stands from which byte on was written (milliseconds since the epoch), as far as the
        lab knows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._form = form
        self._marks = [] if marks is None else marks
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def platform(self, kind: str, **record: Any) -> None:
        """Write a platform record, such as `platform.start`, in the function's log format."""
        present = {key: value for key, value in record.items() if value is not None}
        if self._form == "json":
            record_line = {"time": timestamp(), "type": kind, "record": present}
            lines = json.dumps(record_line, separators=(",", ":")) + "\n"  # as Lambda writes it
        else:
            lines = _in_text(kind, present)
        self._marks.append((self.position(), int(time.time() * 1000)))
        os.write(self.descriptor, lines.encode())

    def position(self) -> int:
        """Bytes written so far."""
        return os.fstat(self.descriptor).st_size

    def tail(self, since: int) -> bytes:
        """The last 4 KB of what was written after `since`."""
        size = self.position()
        start = max(since, size - TAIL_BYTES)
        return os.pread(self.descriptor, size - start, start)

    def close(self) -> None:
        os.close(self.descriptor)


def _in_text(kind: str, record: dict[str, Any]) -> str:
    """What Lambda writes in text format, which names no tenant."""
    id_, metrics = record.get("requestId"), record.get("metrics", {})
    match kind:
        case "platform.initStart":
            return "INIT_START Runtime Version: lab\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:lab\n"
        case "platform.start":
            return f"START RequestId: {id_} Version: {record['version']}\n"
        case "platform.report":
            init = f"\tInit Duration: {metrics['initDurationMs']} ms" if "initDurationMs" in metrics else ""
            return (
                f"END RequestId: {id_}\nREPORT RequestId: {id_}\tDuration: {metrics['durationMs']} ms\t"
                f"Billed Duration: {metrics['durationMs']:.0f} ms\tMemory Size: 128 MB\tMax Memory Used: 40 "
                f"MB{init}\n"
            )
        case _:
            return ""
