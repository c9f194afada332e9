"""`inspect`: what is configured, live or in a snapshot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenantcheck.aws import ReadingOptions
from tenantcheck.config.description import Description
from tenantcheck.config.judge import About, chosen, judged
from tenantcheck.config.resources import Describer
from tenantcheck.config.scope import Scope
from tenantcheck.config.sources.live import ACTIONS, FORMAT, VERSION, Reader, resources_of
from tenantcheck.config.values import text_of
from tenantcheck.errors import UsageError
from tenantcheck.files import read_file
from tenantcheck.model import Verdict

_MOST_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class InspectSettings:
    """What to read, and how to judge it."""

    functions: tuple[str, ...]
    """Names or ARNs, or one file: a snapshot."""
    every: bool = False
    snapshot: Path | None = None
    expect: frozenset[str] = frozenset()
    tenant_count: int | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    strict: bool = False
    price_per_gb: float | None = None
    """Charge for one environment, for each GB of its memory."""
    aws: ReadingOptions


def inspect(settings: InspectSettings, on_progress: Callable[[str], object] = lambda _: None) -> Verdict:
    """The verdict on live functions. Raises `UsageError` and `TargetError`."""
    chosen(settings.only, settings.skip)
    if bool(settings.functions) == settings.every:
        raise UsageError("name functions, or --all", "tenantcheck inspect my-function")
    file = _snapshot_file(settings)
    if file is not None:
        content = _content(file)
        snapshot = _opened(file, content)
    else:
        snapshot = Reader(settings.aws, on_progress).snapshot(settings.functions, every=settings.every)
        content = (json.dumps(snapshot, indent=1, default=str) + "\n").encode()
        if settings.snapshot is not None:
            _keep(settings.snapshot, content)
    description = described(snapshot)
    named = not settings.every
    names = {function.resource for function in description.functions} if named else set()
    description.expected = settings.expect | names
    description.tenants = settings.tenant_count
    description.remarks += [*_digests(snapshot)]
    if settings.every:
        description.remarks += [*_overview(description)]
    description.remarks += [*_charges(snapshot, settings.price_per_gb)]
    path = str(file or settings.snapshot or "")
    about = About(
        target=", ".join(settings.functions) or "every function of the region",
        sources=(str(file),) if file is not None else ("AWS",),
        only=settings.only,
        skip=settings.skip,
        strict=settings.strict,
        doubts=tuple(description.doubts),
        path=path,
        sha256=hashlib.sha256(content).hexdigest() if path else "",
    )
    return judged([description], about)


def described(snapshot: Mapping[str, Any]) -> Description:
    """What a snapshot describes. Raises `UsageError` for one that is damaged."""
    try:
        description = Describer(resources_of(snapshot), Scope()).described()
        denied = [str(action) for action in snapshot["denied"]]
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError(
            "the snapshot is damaged", "Read it again: tenantcheck inspect FUNCTION --snapshot"
        ) from error
    description.denied = {rule: f"{action} was refused" for action in denied for rule in ACTIONS.get(action, ())}
    return description


def _snapshot_file(settings: InspectSettings) -> Path | None:
    """The snapshot that was named, where one was."""
    if len(settings.functions) != 1 or not settings.functions[0].endswith(".json"):
        return None
    return Path(settings.functions[0])


def _content(file: Path) -> bytes:
    try:
        content = read_file(file, _MOST_BYTES)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", "Name a function, or a snapshot of one.") from error
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{file}: larger than {_MOST_BYTES >> 20} MiB")
    return content


def _opened(file: Path, content: bytes) -> dict[str, Any]:
    try:
        snapshot = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: no JSON", "Name a snapshot: inspect FUNCTION --snapshot FILE.json") from error
    if not isinstance(snapshot, dict) or snapshot.get("format") != FORMAT or snapshot.get("version") != VERSION:
        raise UsageError(f"{file}: no snapshot of tenantcheck", "Make one: inspect FUNCTION --snapshot FILE.json")
    if not isinstance(snapshot.get("functions"), list):
        raise UsageError(f"{file}: the snapshot is damaged", "Make it again: inspect FUNCTION --snapshot FILE.json")
    return snapshot


def _keep(file: Path, content: bytes) -> None:
    try:
        file.touch(mode=0o600)
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"--snapshot {file}: {error.strerror}", "Name a file that can be written.") from error


#: Functions of a region that are told one by one.
_MOST_TOLD = 200


def _overview(description: Description) -> list[str]:
    """One line for each function of a region, isolated ones first."""
    some = sorted(description.functions, key=lambda each: (not each.isolated, each.resource))
    told = [f"{len(description.isolated)} of {len(some)} functions are in tenant isolation mode"]
    for each in some[:_MOST_TOLD]:
        methods = sum(method.function is each for method in description.methods)
        mode = "isolated" if each.isolated else "not isolated"
        form = text_of(each.log_format) or "Text"
        told.append(f"{each.resource}: {mode}, {form} logs, methods of REST APIs that call it: {methods}")
    if len(some) > _MOST_TOLD:
        told.append(f"{len(some) - _MOST_TOLD} more functions")
    return told


def _digests(snapshot: Mapping[str, Any]) -> list[str]:
    """What exactly was looked at."""
    told = []
    for each in snapshot["functions"]:
        configuration = each["configuration"]
        names = [f"{name} {configuration[name]}" for name in ("CodeSha256", "ConfigSha256") if name in configuration]
        if names:
            told.append(f"{configuration['FunctionName']}: {', '.join(names)}")
    return told


def _charges(snapshot: Mapping[str, Any], price: float | None) -> list[str]:
    """What one more environment costs, by function."""
    if price is None:
        return []
    told = []
    for each in snapshot["functions"]:
        configuration = each["configuration"]
        memory = configuration.get("MemorySize") or 128
        if not isinstance(memory, int):
            raise UsageError("the snapshot is damaged", "Read it again: tenantcheck inspect FUNCTION --snapshot")
        charge = memory / 1024 * price
        told.append(f"{configuration['FunctionName']}: {charge:.6f} for each environment ({memory} MB)")
    return told
