"""What came back when a run began, for a person who has to find out why it told nothing.

Replies are hostile, and may quote secrets: only names and forms of things are described, and none that holds one.
Nothing of it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tenantcheck.model import WITNESS_NAMES, Call, Observation, Plan, Reply, Witness
from tenantcheck.model import nonce as nonces
from tenantcheck.model.document import SEARCHED_BYTES, decode, is_html, unread_coding
from tenantcheck.model.secrets import Secrets
from tenantcheck.model.text import printable, shown_id
from tenantcheck.run.targets.target import Target, media_type
from tenantcheck.run.witness.reader import LOG_STREAM

#: Answers that are looked at, of one run.
_MOST_ANSWERS = 16
#: Names of a document that are shown, and values of it that are looked at.
_MOST_KEYS = 20
_MOST_VALUES = 2_000
_DEEPEST = 6
_LONGEST_KEY = 60
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{32}")
#: Names of values that differ from request to request.
_PER_REQUEST = re.compile(r"request|trace|correlation|span|message|transaction", re.IGNORECASE)
_SANDBOX = re.compile(r"sandbox|container|host|instance", re.IGNORECASE)
_COUNT = re.compile(r"count|invocation|calls|hits", re.IGNORECASE)


#: Tenants that are named one by one where all of them were answered alike.
_MOST_NAMED = 2


class _Answer(NamedTuple):
    tenant: str
    came: str
    """Status, type and size, or why nothing came."""
    document: Any
    observation: Observation


class Preflight:
    """Looks at the answers of the opening, in the order in which they come."""

    def __init__(self, plan: Plan, target: Target) -> None:
        self._plan = plan
        self._target = target
        self._called = Secrets()
        self._answers: list[_Answer] = []

    def __call__(self, observation: Observation, call: Call, reply: Reply) -> None:
        """Take in one answer; those behind the opening are not looked at."""
        if observation.request.kind != "opening" or len(self._answers) >= _MOST_ANSWERS:
            return
        self._called.add_headers(call.headers)
        around = self._target.opened(reply)
        body = reply.body if around is None else around.body or b""
        document, _ = decode(body[:SEARCHED_BYTES])
        tenant = observation.request.tenant
        name = shown_id(self._plan.everyone()[tenant].id) if tenant is not None else "nobody"
        self._answers.append(_Answer(name, self._came(observation, reply, body), document, observation))

    @property
    def read(self) -> bool:
        """Whether every answer named its environment."""
        witnesses = [each.observation.witness for each in self._answers]
        return bool(witnesses) and all(each is not None and each.environment() is not None for each in witnesses)

    @property
    def reached(self) -> bool:
        """Whether some answer was one of the service that is meant, let in or not by whom it asks."""
        seen = (each.observation for each in self._answers)
        return any(o.outcome not in ("lost", "denied", "absent") and o.error_kind != "not-lambda" for o in seen)

    def lines(self) -> Iterator[str]:
        """What came, in words."""
        if not self._answers:
            return
        by_answer: dict[str, list[str]] = {}
        for answer in self._answers:
            by_answer.setdefault(f"{answer.came}; read: {self._fields(answer)}", []).append(answer.tenant)
        yield "What came:"
        for came, tenants in by_answer.items():
            yield f"  {self._named(tenants)}: {came}"
        documents = [each for each in self._answers if isinstance(each.document, dict)]
        if not self.read and documents:
            first = next((each for each in documents if each.observation.witness is None), documents[0])
            yield f"  keys: {self._keys(first.document)}"
            suggested = [f"--witness '{name}={path}'" for name, path in self._suggestions(first).items()]
            if suggested:
                yield f"  these look like a witness: {' '.join(suggested)}"

    def _named(self, tenants: Sequence[str]) -> str:
        """Whom this was answered, each once."""
        named = [*dict.fromkeys(tenants)]
        everybody = len(named) == len(self._plan.tenants) > _MOST_NAMED
        return f"all {len(named)} tenants" if everybody else ", ".join(named)

    def _hides(self, text: str) -> bool:
        return self._target.secrets.found_in(text) or self._called.found_in(text)

    def _came(self, observation: Observation, reply: Reply, body: bytes) -> str:
        if reply.status is None:
            return observation.error_text or "no answer"
        kind = media_type(reply, self._target.secrets)
        parts = [f"HTTP {reply.status}", kind or "no content type", f"{len(body):,} bytes"]
        if 300 <= reply.status < 400:
            parts.append(f"sends to {self._location(reply)}")
        if coding := unread_coding(reply.headers):
            parts.append(f"compressed with {coding}, which was not asked for and can't be read")
        if reply.truncated:
            parts.append(f"longer than the {SEARCHED_BYTES >> 20} MiB that is read")
        if kind == "text/html" or is_html(body):
            parts.append("an HTML page: no handler's answer (is it the URL of the API, with its stage?)")
        if said := (observation.error_text or "").removeprefix(f"HTTP {reply.status}").strip():
            parts.append(said)
        return ", ".join(parts)

    def _location(self, reply: Reply) -> str:
        """The host that a redirect names, and nothing else of it: a sign-in page has tokens in its query."""
        try:
            parts = urlsplit(reply.header("location") or "")
            host = parts.hostname or ""
        except ValueError:
            host = ""
        if not host:
            return "another path of this host"
        return "a host that is not shown" if self._hides(host) else f"{parts.scheme}://{printable(host, 100)}/…"

    def _fields(self, answer: _Answer) -> str:
        witness = answer.observation.witness
        names = [WITNESS_NAMES[field] for field in WITNESS_NAMES if _has(witness, field)]
        problems = answer.observation.witness_errors
        found = ", ".join(names) or "nothing of a witness"
        return f"{found} ({'; '.join(problems)})" if problems else found

    def _keys(self, document: dict[str, Any]) -> str:
        paths = [path for path, _ in _values(document) if len(path) <= _LONGEST_KEY and not self._hides(path)]
        more = f", and {len(paths) - _MOST_KEYS} more" if len(paths) > _MOST_KEYS else ""
        return (", ".join(printable(path) for path in paths[:_MOST_KEYS]) or "none") + more

    def _suggestions(self, answer: _Answer) -> dict[str, str]:
        """Where fields of the witness seem to stand, by their names."""
        tenants = {tenant.expect for tenant in self._plan.everyone()}
        found: dict[str, str] = {}
        for path, value in _values(answer.document):
            name = _field_of(path, value, tenants)
            if name is not None and name not in found and _can_be_typed(path) and not self._hides(path):
                found[name] = path
        if "sandboxId" in found and "executionEnvironmentId" not in found:
            found["executionEnvironmentId"] = found.pop("sandboxId")
        read = {WITNESS_NAMES[field] for field in WITNESS_NAMES if _has(answer.observation.witness, field)}
        return {name: found[name] for name in WITNESS_NAMES.values() if name in found and name not in read}


def _has(witness: Witness | None, field: str) -> bool:
    if witness is None:
        return False
    if field == "residue":
        return witness.residue_read
    return getattr(witness, field) is not None


def _field_of(path: str, value: Any, tenants: set[str]) -> str | None:
    """The field of the witness that a value looks like."""
    last = path.rpartition(".")[2]
    if isinstance(value, int) and not isinstance(value, bool):
        return "invocationCount" if _COUNT.search(last) else None
    if not isinstance(value, str):
        return None
    if nonces.well_formed(value):
        return "nonce"
    if LOG_STREAM.fullmatch(value):
        return "logStreamName"
    if value in tenants:
        return "tenantId"
    if _UUID.fullmatch(value) and not _PER_REQUEST.search(last):
        return "sandboxId" if _SANDBOX.search(last) else "executionEnvironmentId"
    return None


def _values(document: Any) -> Sequence[tuple[str, Any]]:
    """The values of a document, each with its JMESPath: as many as are worth a look."""
    found: list[tuple[str, Any]] = []
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting and len(found) < _MOST_VALUES:
        path, value, depth = waiting.pop(0)
        if isinstance(value, dict) and value and depth < _DEEPEST:
            within = f"{path}." if path else ""
            children = [(f"{within}{_key(key)}", child, depth + 1) for key, child in value.items()]
            waiting += children[: _MOST_VALUES - len(waiting)]
        elif isinstance(value, list) and value and depth < _DEEPEST and path:
            waiting.append((f"{path}[0]", value[0], depth + 1))
        elif path:
            found.append((path, value))
    return found


def _can_be_typed(path: str) -> bool:
    """Whether a path can be given as an option as it stands here."""
    return len(path) <= 2 * _LONGEST_KEY and path.isprintable() and printable(path) == path and "'" not in path


def _key(key: str) -> str:
    """A name as JMESPath wants it."""
    if _PLAIN_KEY.fullmatch(key):
        return key
    escaped = key[:_LONGEST_KEY].replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
