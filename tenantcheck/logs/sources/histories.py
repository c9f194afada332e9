"""Histories of runs beside the logs: for whom each request was sent, by its id."""

from __future__ import annotations

from pathlib import Path

from tenantcheck.errors import HistoryError, TenantcheckError, UsageError
from tenantcheck.history import HistoryReader

#: Requests that are remembered, at most.
_MOST = 2_000_000
#: How a history begins.
HISTORY = b'{"type":"header"'


def is_history(path: str) -> bool:
    """Whether a file is a history of a run."""
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            return file.read(len(HISTORY)) == HISTORY
    except OSError:
        return False


def sent_in(path: str) -> dict[str, str]:
    """The tenant of each request in a history that has an id of Lambda's. Raises `TenantcheckError`."""
    sent: dict[str, str] = {}
    try:
        with Path(path).open("rb") as file:
            reader = HistoryReader(file)
            people = reader.header.plan.everyone()
            by_seq: dict[int, str] = {}
            for wave in reader.waves():
                for each in wave:
                    request = each.request
                    if request.tenant is None or request.sent.forged or len(sent) >= _MOST:
                        continue
                    by_seq[request.seq] = people[request.tenant].id
                    if reader.header.plan.kind == "invoke" and "x-amzn-requestid" in each.headers:
                        sent[each.headers["x-amzn-requestid"]] = people[request.tenant].id
            for sighting in reader.sightings.values():
                if sighting.request_id is not None and sighting.seq in by_seq and not sighting.others:
                    sent[sighting.request_id] = by_seq[sighting.seq]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "Name a readable file.") from error
    except HistoryError as error:
        raise TenantcheckError(f"{path}, {error.message}", error.hint) from error
    return sent
