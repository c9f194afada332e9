"""Read a response: its witness, and every nonce of this program that it carries.

A response is hostile input. Fields are read one by one: a wrong type loses that field, not the record.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from tenantcheck.errors import UsageError
from tenantcheck.model import IDENTITIES, WITNESS_NAMES, NoncePlace, SeenNonce, Witness
from tenantcheck.model import nonce as nonces
from tenantcheck.model.document import SEARCHED_BYTES, decode, is_html, undone, unread_coding
from tenantcheck.model.secrets import Secrets
from tenantcheck.run.witness.sightings import sightings

MAX_TEXT = 256
MAX_COUNT = 1 << 53
MAX_RESIDUE = 32

#: Other names of a field than its own, and than that one in snake case. AWS's own sample counts in `counter`.
_ALIASES = {"invocation_count": ("counter",)}
#: Keys under which common frameworks put what a handler answers, as an object or as JSON text.
_ENVELOPES = ("data", "result", "body", "response", "witness")
#: Envelopes inside one another.
_MOST_ENVELOPES = 2
#: A witness without any of these tells nothing.
_USEFUL = frozenset(
    {"execution_environment_id", "sandbox_id", "log_stream_name", "invocation_count", "tenant_id", "nonce"}
)

#: From the document, and how many bytes it was, to what stands at a field's place.
Lookup = Callable[[Any, int], Any]
#: From what stands there to the field's value, or why it can't be used.
Converter = Callable[[Any], tuple[Any, str | None]]


class Reading(NamedTuple):
    """What one response tells."""

    witness: Witness | None
    errors: tuple[str, ...]
    seen: tuple[SeenNonce, ...]


class WitnessReader:
    """Reads witnesses from responses: at the top of the document, or in the first of the usual envelopes that names
    an environment or a nonce.

    `paths` maps response names (`executionEnvironmentId`, …) to JMESPath expressions that replace the default
    places; `at` is one for the object that all other fields stand in. A field that holds one of the `secrets` is
    lost. Raises `UsageError` for an unknown name or a broken expression.
    """

    def __init__(self, paths: Mapping[str, str] = {}, secrets: Secrets | None = None, *, at: str = "") -> None:
        by_name = {name: field for field, name in WITNESS_NAMES.items()}
        self._at = _at_path("the witness", at) if at else None
        self._lookups: dict[str, Lookup] = {field: _in_object(names) for field, names in FIELD_NAMES.items()}
        self._placed: set[str] = set()
        """Fields with a path of their own: they are looked for in the whole document."""
        self._converters: dict[str, Converter] = {field: _CONVERTERS.get(field, _text) for field in WITNESS_NAMES}
        for name, expression in paths.items():
            if name not in by_name:
                known = ", ".join(by_name)
                raise UsageError(f"'{name}' is not a witness field", f"The fields are: {known}.")
            self._lookups[by_name[name]] = _at_path(name, expression)
            self._placed.add(by_name[name])
        self._secrets = secrets or Secrets()

    def read(
        self,
        body: bytes,
        headers: Iterable[tuple[str, str]] = (),
        *,
        own_tag: str,
        inner: bytes | None = None,
    ) -> Reading:
        """Read one response.

        `own_tag` is the tag of the tenant the request was sent for: of that tenant's nonces only one per
        place is kept. Where the target opened an envelope, `inner` is the body inside: the witness stands there.
        """
        body = body[:SEARCHED_BYTES]
        # A shorter value holds no nonce, in whatever form.
        long = [value for _, value in headers if len(value) >= nonces.LENGTH]
        values = "\n".join(long).encode("utf-8", "replace")[:SEARCHED_BYTES] if long else b""
        own = body if inner is None else inner[:SEARCHED_BYTES]
        searched = _Searched([body] if inner is None else [body, own])
        read = own
        document, problem = decode(read)
        if problem or isinstance(document, str):
            read = searched.undone(own)
            document, problem = decode(read)
        witness, errors, placed = self._first_witness(document, read, searched)
        if witness is None and problem:
            errors = (*errors, _cause(own, headers) or problem)
        elif witness is None and not errors:
            errors = _error_in(document)
        return Reading(witness, errors, sightings(placed, b"\n".join(searched.texts), values, own_tag))

    def _first_witness(
        self, document: Any, body: bytes, searched: _Searched
    ) -> tuple[Witness | None, tuple[str, ...], list[SeenNonce]]:
        """The witness of a document, or of the first event with one where the body is a stream of events. What is
        decoded on the way is added to `searched`."""
        if document is None:
            for event in islice(_events(body), _MOST_EVENTS):
                each, _ = decode(event)
                found = self._witness(_opened(each, searched), each, len(body))
                if found[0] is not None:
                    return found
        return self._witness(_opened(document, searched), document, len(body))

    def _witness(
        self, opened: Any, document: Any, size: int
    ) -> tuple[Witness | None, tuple[str, ...], list[SeenNonce]]:
        fields: dict[str, Any] = {}
        errors: list[str] = []
        placed: list[SeenNonce] = []
        within = opened if self._at is None else self._at(document, size)
        for field, lookup in self._lookups.items():
            value = lookup(within if field not in self._placed else document, size)
            if value is not _ABSENT and (why := self._take(field, value, fields, placed)):
                errors.append(f"{WITNESS_NAMES[field]}: {why}")
        if (echo := fields.get("nonce")) is not None:
            placed.insert(0, SeenNonce(nonce=echo, place="echo"))
        useful = not _USEFUL.isdisjoint(fields)
        return (Witness(**fields) if useful else None), tuple(errors), placed

    def _take(self, field: str, value: Any, fields: dict[str, Any], placed: list[SeenNonce]) -> str | None:
        """Put what stands in a field's place where it belongs. Returns why it can't be used, if it can't."""
        if value is _TOO_LARGE:
            return "the body is larger than this expression may search"
        if field == "residue":
            residue, why = _residue(value)
            placed.extend(residue)
            if why is None:
                fields["residue_read"] = True
            return why
        if field == "tenant_id" and value in (None, ""):
            fields["tenant_null"] = True
            return None
        read, why = self._converters[field](value)
        if isinstance(read, str) and self._secrets.found_in(read):
            return "a secret of this run stands in it"
        if read is not None:
            fields[field] = read
        return why


def _cause(body: bytes, headers: Iterable[tuple[str, str]]) -> str | None:
    """Why a body is no JSON document, where more can be said than that."""
    if coding := unread_coding(headers):
        return f"the body is compressed with {coding}, which was not asked for"
    if len(body) >= SEARCHED_BYTES:
        return f"the body is longer than the {SEARCHED_BYTES >> 20} MiB that is read"
    if is_html(body):
        return "the body is an HTML page"
    return None


def _error_in(document: Any) -> tuple[str, ...]:
    """The error that a protocol of its own reports in a served answer."""
    if isinstance(document, dict) and isinstance(document.get("errors"), list):
        return ("the answer has errors, in GraphQL's form",)
    if isinstance(document, dict) and "jsonrpc" in document and "error" in document:
        return ("the answer is an error, in JSON-RPC's form",)
    return ()


#: Events of one stream that are looked at.
_MOST_EVENTS = 1_000
_EVENT_STREAM = re.compile(rb"(?:data|event|id|retry)?:")
_EVENT_ENDS = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def _events(body: bytes) -> Iterator[bytes]:
    """The data of each event in a stream of them (WHATWG HTML, 9.2.6: server-sent events)."""
    if not _EVENT_STREAM.match(body):
        return
    for event in _EVENT_ENDS.split(body):
        lines = [line.removeprefix(b"data:").strip() for line in event.splitlines() if line.startswith(b"data:")]
        if lines:
            yield b"\n".join(lines)


#: Levels of names that make the shape of a body, and names in it.
_SHAPE_DEPTH = 3
_MOST_NAMES = 1_000


def shape_of(body: bytes) -> str | None:
    """Digest of the names in a JSON object, down to the third level; None for any other body. Values, the lengths of
    lists and the order do not count."""
    document, _ = decode(body[:SEARCHED_BYTES])
    if not isinstance(document, dict):
        return None
    names = sorted(islice(_names(document, "", _SHAPE_DEPTH), _MOST_NAMES))
    return hashlib.sha256("\n".join(names).encode("utf-8", "replace")).hexdigest()[:16]


def _names(document: dict[str, Any], within: str, depth: int) -> Iterator[str]:
    for name, value in document.items():
        path = f"{within}/{name}"
        yield path
        if isinstance(value, dict) and depth > 1:
            yield from _names(value, path, depth - 1)


_ABSENT = object()
_TOO_LARGE = object()


#: The names under which each field is looked for.
FIELD_NAMES = {field: (name, field, *_ALIASES.get(field, ())) for field, name in WITNESS_NAMES.items()}
_NAMING = frozenset(name for field in (*IDENTITIES, "nonce") for name in FIELD_NAMES[field])


class _Searched:
    """What of an answer is searched for nonces: the body, and what was decoded out of it. An answer may hold any
    number of small texts that are large when they are decoded: only so many are, and only so much comes out."""

    def __init__(self, texts: list[bytes]) -> None:
        self.texts = texts
        self._texts_left, self._bytes_left = _MOST_DECODED, _MOST_DECODED_BYTES

    def undone(self, text: bytes) -> bytes:
        """A text without the encodings around it, or as it is where enough was decoded."""
        if self._texts_left <= 0 or self._bytes_left <= 0:
            return text
        inner = undone(text)
        self._texts_left -= 1
        self._bytes_left -= len(inner)
        self.texts.append(inner)
        return inner


#: Texts of one answer that are decoded, and how much may come out of them.
_MOST_DECODED = 32
_MOST_DECODED_BYTES = 4 * SEARCHED_BYTES


def _opened(document: Any, searched: _Searched, envelopes: int = _MOST_ENVELOPES) -> Any:
    """The object that names an environment or a nonce: the document, or what one of the usual envelopes holds. Where
    none does, the document. Encoded text that is decoded on the way is added to `searched`."""
    if not isinstance(document, dict) or not _NAMING.isdisjoint(document) or not envelopes:
        return document
    for key in _ENVELOPES:
        inner = document.get(key)
        if isinstance(inner, str):
            inner = _document_in(inner, searched)
        if isinstance(inner, dict):
            opened = _only_answer(_opened(inner, searched, envelopes - 1))
            if not _NAMING.isdisjoint(opened):
                return opened
    return document


def _document_in(text: str, searched: _Searched) -> Any:
    """The document that a text holds, encoded or not."""
    encoded = text.encode("utf-8", "replace")
    if text.lstrip()[:1] != "{":
        encoded = searched.undone(encoded)
    return decode(encoded)[0]


def _only_answer(fields: dict[str, Any]) -> dict[str, Any]:
    """The one field that names an environment or a nonce, as each field of a GraphQL query has an object of its own;
    all of them where none does, or more than one."""
    if not _NAMING.isdisjoint(fields):
        return fields
    children = [child for child in islice(fields.values(), _MOST_FIELDS) if isinstance(child, dict)]
    naming = [child for child in children if not _NAMING.isdisjoint(child)]
    return naming[0] if len(naming) == 1 else fields


#: Fields of a query that are looked into.
_MOST_FIELDS = 32


def _in_object(names: Sequence[str]) -> Lookup:
    def lookup(document: Any, _: int) -> Any:
        if isinstance(document, dict):
            for name in names:
                if name in document:
                    return document[name]
        return _ABSENT

    return lookup


def _at_path(name: str, expression: str) -> Lookup:
    import jmespath
    import jmespath.exceptions

    try:
        compiled = jmespath.compile(expression[:_MAX_EXPRESSION])
        walks = _walks(compiled.parsed)
    except (jmespath.exceptions.JMESPathError, RecursionError) as error:
        raise UsageError(
            f"the JMESPath expression for {name} can't be read: {_one_line(error)}",
            "Example: --witness executionEnvironmentId=meta.environment",
        ) from error
    if len(expression) > _MAX_EXPRESSION:
        raise UsageError(f"the JMESPath expression for {name} is longer than {_MAX_EXPRESSION} characters")

    def lookup(document: Any, size: int) -> Any:
        if walks and size > _MAX_WALKED:
            return _TOO_LARGE
        try:
            value = compiled.search(document)
        except (jmespath.exceptions.JMESPathError, RecursionError, TypeError, ValueError, OverflowError):
            # jmespath's functions raise Python's own errors for values that don't go together
            return _ABSENT
        return _ABSENT if value is None else value

    return lookup


_MAX_EXPRESSION = 2_000
#: Larger bodies are not walked through, as projections, filters and functions do: 64 KiB take them 50 ms already.
_MAX_WALKED = 1 << 16
#: Kinds of JMESPath expression that follow one path through the document.
_PATHS = frozenset({"field", "subexpression", "index_expression", "index", "identity", "current", "literal", "pipe"})


def _walks(parsed: Mapping[str, Any]) -> bool:
    """Whether a parsed expression looks at more than one path."""
    return parsed["type"] not in _PATHS or any(_walks(child) for child in parsed["children"])


_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}


def _kind(value: Any) -> str:
    """What a JSON value is, in words."""
    return _KINDS.get(type(value), "null")


def _text(value: Any) -> tuple[str | None, str | None]:
    if value is None:
        return None, "null"
    if not isinstance(value, str):
        return None, f"{_kind(value)} where text was expected"
    if not value:
        return None, "empty"
    if len(value) > MAX_TEXT:
        return None, f"longer than {MAX_TEXT} characters"
    return value, None


#: Lambda's names of log streams. SAM's local servers call every stream `$LATEST`, which names no environment.
LOG_STREAM = re.compile(r".*\[[^\]]+\][0-9a-f]{32}", re.DOTALL)


def _log_stream(value: Any) -> tuple[str | None, str | None]:
    text, why = _text(value)
    if text is not None and not LOG_STREAM.fullmatch(text):
        return None, "not the name of a log stream of Lambda"
    return text, why


def _echo(value: Any) -> tuple[str | None, str | None]:
    text, why = _text(value)
    if text is not None and not nonces.well_formed(text):
        return None, "not a nonce of this program"
    return text, why


def _count(value: Any) -> tuple[int | None, str | None]:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,16}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None, f"{_kind(value)} where a whole number was expected"
    if not 0 <= value <= MAX_COUNT:
        return None, "out of range"
    return value, None


_RESIDUE: tuple[tuple[str, NoncePlace], ...] = (("memory", "residue-memory"), ("scratch", "residue-scratch"))


def _residue(value: Any) -> tuple[list[SeenNonce], str | None]:
    if not isinstance(value, dict):
        return [], f"{_kind(value)} where an object was expected"
    found: list[SeenNonce] = []
    for name, place in _RESIDUE:
        entries = value.get(name, [])
        if not isinstance(entries, list):
            return found, f"{name} is not a list"
        found.extend(
            SeenNonce(nonce=entry, place=place)
            for entry in entries[-MAX_RESIDUE:]
            if isinstance(entry, str) and nonces.well_formed(entry)
        )
    return found, None


_CONVERTERS: dict[str, Converter] = {
    "nonce": _echo,
    "invocation_count": _count,
    "log_stream_name": _log_stream,
}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
