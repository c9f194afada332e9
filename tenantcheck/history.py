"""The history: JSON Lines of header, observations and end line.

It is written as observations arrive, so that a killed run leaves a readable file. Reading one is reading
untrusted input: every line is bounded, typed and checked against the plan in the header.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

import msgspec

from tenantcheck.errors import HistoryError, TenantcheckError, UsageError
from tenantcheck.model import MAX_TENANTS, SCHEDULE, End, Header, Observation, Plan, Sighting
from tenantcheck.model.text import ascii_json

MAX_HEADER_BYTES = 4 << 20
MAX_LINE_BYTES = 256 << 10
#: Observations of one wave are held in memory together.
MAX_WAVE = 100_000
MAX_PER_WAVE = 1_000

_DELETE = b"\x7f"
_encode = msgspec.json.Encoder().encode
_decode_header = msgspec.json.Decoder(Header).decode
_Record = Observation | Sighting | End
_decode_record: Callable[[bytes], _Record] = msgspec.json.Decoder(_Record).decode


class HistoryWriter:
    """Writes one history; readable by its owner only, never over an existing file.

    Raises `UsageError` when the file can't be created.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self._digest = hashlib.sha256()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise UsageError(
                f"the history {path} exists already", "Name another file: histories are never overwritten."
            ) from error
        except OSError as error:
            raise UsageError(
                f"the history {path} can't be written: {error.strerror}", "Name another file with --history."
            ) from error
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._pending: list[bytes] = []
        self._broken = False
        self._write(header)
        self.flush()

    def _write(self, record: Header | _Record) -> None:
        line = _encode(record)
        if not line.isascii() or _DELETE in line:
            line = ascii_json(line.decode()).encode()  # `cat` shows it on a terminal
        self._pending.append(line)

    def flush(self) -> None:
        """Put everything that was recorded into the file."""
        if not self._pending:
            return
        self._pending.append(b"")
        lines = b"\n".join(self._pending)
        self._pending.clear()
        if self._broken:
            return
        written = 0
        try:
            while written < len(lines):
                written += self._file.write(lines[written:])
            self._digest.update(lines)
        except OSError as error:
            self._broken = True
            torn = written - (lines.rfind(b"\n", 0, written) + 1)
            with suppress(OSError):  # then the last line stays torn, which a reader tolerates
                os.ftruncate(self._file.fileno(), self._file.tell() - torn)
            raise TenantcheckError(
                f"the history {self.path} can't be written any more: {error.strerror}",
                "What was written so far is kept; judge it with `tenantcheck check`.",
            ) from error

    def observation(self, observation: Observation) -> None:
        """Record one observation; it is in the file after the next `flush`."""
        self._write(observation)

    def sighting(self, sighting: Sighting) -> None:
        """Record what the logs told about a request that is recorded already."""
        self._write(sighting)

    def end(self, end: End) -> None:
        """Append the end line."""
        self._write(end)
        self.flush()

    @property
    def sha256(self) -> str:
        """Digest of everything written so far."""
        return self._digest.hexdigest()

    def __enter__(self) -> HistoryWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        finally:
            self._file.close()


def default_path(started: str, run: str, folder: Path = Path(".tenantcheck")) -> Path:
    """Where a history goes unless told otherwise; makes the folder, with a `.gitignore` of its own."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileExistsError), (folder / ".gitignore").open("x") as ignore:
            ignore.write("*\n")
    except OSError as error:
        raise TenantcheckError(
            f"the folder {folder} can't be made: {error.strerror}", "Name a file with --history."
        ) from error
    return folder / f"{started[:19].replace(':', '').replace('-', '')}Z-{run}.jsonl"


#: Histories of one folder that are looked through for earlier runs, and named.
_LOOKED_AT = 2_000
_NAMED = 10


def newest(folder: Path = Path(".tenantcheck")) -> Path:
    """The history that was begun last. Raises `UsageError` where there is none."""
    runs = [path for path in folder.glob("*.jsonl") if not _is_own_control(path)]
    if not runs:
        raise UsageError(f"there is no history in {folder}/", "Name a file, or - for standard input.")
    return max(runs, key=lambda path: path.name)  # it begins with the time


class Earlier(NamedTuple):
    """Earlier runs against a target."""

    names: tuple[str, ...]
    """Their histories, the newest ones."""
    runs: int
    """How many there were, those included whose histories are gone."""
    same_tenants: str
    """The newest one that asked for one of these tenants, too; empty where none did."""


def earlier_runs(folder: Path, plan: Plan) -> Earlier:
    """Earlier runs against the target of a plan, by the histories in a folder. What can't be read does not count."""
    names: list[str] = []
    count, same_tenants = 0, ""
    ids = {tenant.id for tenant in plan.tenants}
    for path in sorted(folder.glob("*.jsonl"))[-_LOOKED_AT:]:
        try:
            if not path.is_file():  # a pipe would be waited for
                continue
            with path.open("rb") as file:
                header = HistoryReader(file).header
        except (OSError, HistoryError):
            continue
        if (header.plan.kind, header.plan.target) != (plan.kind, plan.target):
            continue
        names.append(path.name)
        count = max(count, header.earlier_runs) + 1
        if not ids.isdisjoint(tenant.id for tenant in header.plan.tenants):
            same_tenants = path.name
    return Earlier(tuple(names[-_NAMED:]), count, same_tenants)


#: How many runs' histories are kept in their own folder, unless told otherwise.
HISTORIES = 50
#: Names that `default_path` gives, and that of a control beside it.
_OWN_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}(-control)?\.jsonl")


def _is_own_control(path: Path) -> bool:
    """Whether a history has the name that a run gives that of its control."""
    return path.stem.endswith("-control") and _OWN_NAME.fullmatch(path.name) is not None


def is_control(path: Path) -> bool:
    """Whether a history is that of a control, by its own word; what can't be read is none."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(HistoryReader(file).header.control_of)
    except (OSError, HistoryError):
        return False


def _may_go_on(path: Path) -> bool:
    """Whether a history is still being written: it has no end line, and was touched within the longest time of "
    "a run."""
    try:
        about = path.stat()
        with path.open("rb") as file:
            file.seek(max(0, about.st_size - _END_BYTES))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        if isinstance(_decode_record(last), End):
            return False
    except OSError:
        return False
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass  # torn, or the header of a run that has just begun
    return time.time() - about.st_mtime < _LONGEST_RUN_S


#: More than an end line is long.
_END_BYTES = 64 << 10
_LONGEST_RUN_S = 8 * 86_400


def tidy(keep: int, folder: Path = Path(".tenantcheck")) -> int:
    """Remove all but the newest histories of runs that have their name from here. Returns how many are gone."""
    own = sorted(path for path in folder.glob("*.jsonl") if _OWN_NAME.fullmatch(path.name) and path.is_file())
    runs = [path for path in own if not _is_own_control(path)]
    if len(runs) <= keep:
        return 0
    first_kept = runs[-keep].name
    gone = 0
    for path in own:
        if path.name < first_kept and not path.name.startswith(runs[-keep].stem) and not _may_go_on(path):
            with suppress(OSError):
                path.unlink()
                gone += path in runs
    return gone


class HistoryReader:
    """Reads one history, wave by wave.

    `header` is there at once; `waves()` yields the observations of each wave, as they were recorded; afterwards `end`
    is the end line (None where the run was killed), `torn` tells whether the last line was cut, `sightings` is what
    the logs told, by the number of the request, and `sha256` is the digest of the file. Raises `HistoryError` with
    the line number.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._line = 0
        self.end: End | None = None
        self.torn = False
        self.sightings: dict[int, Sighting] = {}
        self.header = self._header()
        self._people = len(self.header.plan.everyone())

    @property
    def sha256(self) -> str:
        """Digest of what was read so far."""
        return self._digest.hexdigest()

    def _next_line(self, limit: int) -> bytes:
        line = self._file.readline(limit + 1)
        self._line += 1
        if len(line) > limit:
            raise self._error(f"longer than {limit} bytes")
        self._digest.update(line)
        return line

    def _error(self, message: str) -> HistoryError:
        return HistoryError(message, line=self._line, hint="Is this file a history of tenantcheck, unchanged?")

    def _header(self) -> Header:
        line = self._next_line(MAX_HEADER_BYTES)
        if not line:
            raise self._error("the file is empty")
        try:
            header = _decode_header(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise self._error(f"not the header of a history: {_reason(error)}") from error
        if header.schedule != SCHEDULE:
            raise HistoryError(
                f"recorded by tenantcheck {header.tool}, which draws waves otherwise (schedule {header.schedule}, "
                f"here {SCHEDULE})",
                line=1,
                hint=f"Judge it with that version: pip install 'tenantcheck=={header.tool}'",
            )
        problem = _plan_problem(header.plan)
        if problem:
            raise self._error(f"not a plan this program makes: {problem}")
        return header

    def waves(self) -> Iterator[list[Observation]]:
        """The observations of each wave, in the order of the file."""
        wave: list[Observation] = []
        last_seq = -1
        number = -1
        seqs: set[int] = set()
        while (record := self._next_record(max(seqs, default=-1))) is not None:
            if self.end is not None:
                raise self._error("a record after the end line")
            if isinstance(record, End):
                self.end = record
                continue
            if record.request.wave != number:
                if record.request.wave < number:
                    raise self._error(f"wave {record.request.wave} after wave {number}")
                last_seq = max(seqs, default=last_seq)
                if wave:
                    yield wave
                wave, number, seqs = [], record.request.wave, set()
            self._check(record, wave, last_seq)
            if record.request.seq in seqs:
                raise self._error(f"request {record.request.seq} a second time")
            seqs.add(record.request.seq)
            wave.append(record)
        if wave:
            yield wave

    def _next_record(self, newest: int) -> Observation | End | None:
        """The next line that is no sighting; sightings are kept. `newest` is the highest number of a request so "
        "far."""
        while line := self._next_line(MAX_LINE_BYTES):
            record = self._record(line)
            if not isinstance(record, Sighting):
                return record
            self._sighted(record, newest)
        return None

    def _sighted(self, sighting: Sighting, newest: int) -> None:
        if self.end is not None:
            raise self._error("a record after the end line")
        if self.header.plan.witness_from != "logs":
            raise self._error("the logs tell of a request of a run that did not ask them")
        if sighting.seq > newest:
            raise self._error(f"the logs tell of request {sighting.seq}, which is not there")
        if sighting.seq in self.sightings:
            raise self._error(f"the logs tell of request {sighting.seq} a second time")
        self.sightings[sighting.seq] = sighting

    def _record(self, line: bytes) -> _Record | None:
        try:
            return _decode_record(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            if not line.endswith(b"\n"):
                self.torn = True
                return None
            raise self._error(f"not a record of a history: {_reason(error)}") from error

    def _check(self, observation: Observation, wave: list[Observation], last_seq: int) -> None:
        request = observation.request
        for tenant in (request.tenant, request.sent.credential):
            if tenant is not None and not 0 <= tenant < self._people:
                raise self._error(f"tenant {tenant} is not in the plan")
        if request.seq <= last_seq:
            raise self._error(f"request {request.seq} belongs before this wave")
        if not 0 <= observation.call_ns <= observation.end_ns:
            raise self._error("it ends before it begins")
        if wave and wave[0].request.kind != request.kind:
            raise self._error(f"a {request.kind} request inside a wave of kind {wave[0].request.kind}")
        if len(wave) >= MAX_WAVE:
            raise self._error(f"a wave of more than {MAX_WAVE} requests")


def _plan_problem(plan: Plan) -> str | None:
    people = plan.everyone()
    if not 2 <= len(plan.tenants) <= MAX_TENANTS or len(people) > 2 * MAX_TENANTS:
        return f"{len(plan.tenants)} tenants"
    if not re.fullmatch("[0-9a-f]{8}", plan.run) or not re.fullmatch("[0-9a-f]{1,32}", plan.seed):
        return "its run or seed is not hexadecimal"
    if any(tenant.index != position for position, tenant in enumerate(people)):
        return "tenants are not numbered in order"
    if any(tenant.sibling is not None and not 0 <= tenant.sibling < tenant.index for tenant in people):
        return "a newcomer looks like a tenant that is not there"
    if any(len(names) > len(set(names)) for names in (plan.checks, [tenant.id for tenant in people])):
        return "a check or a tenant id stands in it twice"
    if not 0 < plan.significance < 1:
        return "its significance is not between 0 and 1"
    if min(plan.ordered_requests, plan.further_requests) < 1:
        return "its ordered waves are empty"
    if max(plan.ordered_requests, plan.further_requests) > MAX_PER_WAVE:
        return f"its ordered waves ask more than {MAX_PER_WAVE} times per tenant"
    return None


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
