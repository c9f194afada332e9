"""Read a response: its witness, and every nonce of this program that it carries.

A response is hostile input. Fields are read one by one: a wrong type loses that field, not the record.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from tenantcheck.errors import UsageError
from tenantcheck.model import WITNESS_NAMES, NonceEncoding, NoncePlace, SeenNonce, Witness
from tenantcheck.model import nonce as nonces

#: The first mebibyte of a body is searched and parsed; nothing behind it is looked at.
SEARCHED_BYTES = 1 << 20
MAX_TEXT = 256
MAX_COUNT = 1 << 53
MAX_RESIDUE = 32
MAX_SEEN = 64

# AWS's own sample answers with these names.
_ALIASES = {"invocation_count": "counter", "tenant_id": "tenant_id"}
#: A witness without any of these tells nothing.
_USEFUL = frozenset(
    {"execution_environment_id", "sandbox_id", "log_stream_name", "invocation_count", "tenant_id", "nonce"}
)

Lookup = Callable[[Any], Any]
#: From what stands there to the field's value, or why it can't be used.
Converter = Callable[[Any], tuple[Any, str | None]]


class Reading(NamedTuple):
    """What one response tells."""

    witness: Witness | None
    errors: tuple[str, ...]
    seen: tuple[SeenNonce, ...]
    proxy_status: int | None
    """`statusCode` of a handler written for API Gateway that was invoked directly."""
    inner: bytes | None = None
    """The body inside such an answer."""


class WitnessReader:
    """Reads witnesses from responses.

    `paths` maps response names (`executionEnvironmentId`, …) to JMESPath expressions that replace the default
    places. Raises `UsageError` for an unknown name or a broken expression.
    """

    def __init__(self, paths: Mapping[str, str] = {}) -> None:
        by_name = {name: field for field, name in WITNESS_NAMES.items()}
        self._lookups: dict[str, Lookup] = {
            field: _at_top(name, _ALIASES.get(field)) for field, name in WITNESS_NAMES.items()
        }
        self._converters: dict[str, Converter] = {field: _CONVERTERS.get(field, _text) for field in WITNESS_NAMES}
        for name, expression in paths.items():
            if name not in by_name:
                known = ", ".join(by_name)
                raise UsageError(f"'{name}' is not a witness field", f"The fields are: {known}.")
            self._lookups[by_name[name]] = _at_path(name, expression)
        self._moved = bool(paths)

    def read(
        self,
        body: bytes,
        headers: Iterable[tuple[str, str]] = (),
        *,
        own_tag: str,
        unwrap: bool = False,
    ) -> Reading:
        """Read one response.

        `own_tag` is the tag of the tenant the request was sent for: of that tenant's nonces only one per
        place is kept. With `unwrap`, a reply `{"statusCode": …, "body": "…"}` is looked into.
        """
        body = body[:SEARCHED_BYTES]
        # A shorter value holds no nonce, in whatever form.
        long = [value for _, value in headers if len(value) >= nonces.LENGTH]
        values = "\n".join(long).encode("utf-8", "replace")[:SEARCHED_BYTES] if long else b""
        if not self._moved and (plain := _plain_witness(body)) is not None:
            return Reading(plain[0], (), _seen(plain[1], body, values, own_tag), None)
        document, problem = _decode(body)
        proxy_status = inner = None
        searched = body
        if unwrap and isinstance(document, dict) and isinstance(document.get("statusCode"), int):
            proxy_status = document["statusCode"]
            inner = _proxied_body(document)
            if inner is not None:
                searched = body + b"\n" + inner[:SEARCHED_BYTES]
                document, problem = _decode(inner[:SEARCHED_BYTES])
        witness, errors, placed = self._witness(document)
        if witness is None and problem:
            errors = (*errors, problem)
        return Reading(witness, errors, _seen(placed, searched, values, own_tag), proxy_status, inner)

    def _witness(self, document: Any) -> tuple[Witness | None, tuple[str, ...], list[SeenNonce]]:
        fields: dict[str, Any] = {}
        errors: list[str] = []
        placed: list[SeenNonce] = []
        for field, lookup in self._lookups.items():
            value = lookup(document)
            if value is _ABSENT:
                continue
            if field == "residue":
                residue, why = _residue(value)
                placed.extend(residue)
                if why is None:
                    fields["residue_read"] = True
            elif field == "tenant_id" and value in (None, ""):
                fields["tenant_null"] = True
                continue
            else:
                read, why = self._converters[field](value)
                if read is not None:
                    fields[field] = read
            if why:
                errors.append(f"{WITNESS_NAMES[field]}: {why}")
        if echo := fields.get("nonce"):
            if not nonces.well_formed(echo):
                del fields["nonce"]
                errors.append("nonce: not a nonce of this program")
            else:
                placed.insert(0, SeenNonce(nonce=echo, place="echo"))
        useful = not _USEFUL.isdisjoint(fields)
        return (Witness(**fields) if useful else None), tuple(errors), placed


#: Levels of names that make the shape of a body, and names in it.
_SHAPE_DEPTH = 3
_MOST_NAMES = 1_000


def shape_of(body: bytes) -> str | None:
    """Digest of the names in a JSON object, down to the third level; None for any other body. Values, the lengths of
    lists and the order do not count."""
    document, _ = _decode(body[:SEARCHED_BYTES])
    if not isinstance(document, dict):
        return None
    names = sorted(_names(document, "", _SHAPE_DEPTH))[:_MOST_NAMES]
    return hashlib.sha256("\n".join(names).encode("utf-8", "replace")).hexdigest()[:16]


def _names(document: dict[str, Any], within: str, depth: int) -> Iterator[str]:
    for name, value in document.items():
        path = f"{within}/{name}"
        yield path
        if isinstance(value, dict) and depth > 1:
            yield from _names(value, path, depth - 1)


_ABSENT = object()


def _at_top(name: str, alias: str | None) -> Lookup:
    def lookup(document: Any) -> Any:
        if not isinstance(document, dict):
            return _ABSENT
        value = document.get(name, _ABSENT)
        if value is _ABSENT and alias is not None:
            value = document.get(alias, _ABSENT)
        return value

    return lookup


def _at_path(name: str, expression: str) -> Lookup:
    import jmespath
    import jmespath.exceptions

    try:
        compiled = jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        raise UsageError(
            f"the JMESPath expression for {name} can't be read: {_one_line(error)}",
            "Example: --witness executionEnvironmentId=meta.environment",
        ) from error

    def lookup(document: Any) -> Any:
        try:
            value = compiled.search(document)
        except (jmespath.exceptions.JMESPathError, RecursionError, TypeError, ValueError, OverflowError):
            # jmespath's functions raise Python's own errors for values that don't go together
            return _ABSENT
        return _ABSENT if value is None else value

    return lookup


def _decode(body: bytes) -> tuple[Any, str | None]:
    if not body:
        return None, "the body is empty"
    try:
        return msgspec.json.decode(body), None
    except RecursionError:
        return None, "the body is nested too deeply"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, "the body is not JSON"


def _proxied_body(document: dict[str, Any]) -> bytes | None:
    body = document.get("body")
    if isinstance(body, dict):
        return msgspec.json.encode(body)
    if not isinstance(body, str):
        return None
    if document.get("isBase64Encoded") is True:
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            return None
    return body.encode("utf-8", "replace")


def _text(value: Any) -> tuple[str | None, str | None]:
    if value is None:
        return None, "null"
    if not isinstance(value, str):
        return None, f"a {type(value).__name__} where text was expected"
    if not value:
        return None, "empty"
    if len(value) > MAX_TEXT:
        return None, f"longer than {MAX_TEXT} characters"
    return value, None


#: Lambda's names of log streams. SAM's local servers call every stream `$LATEST`, which names no environment.
_LOG_STREAM = re.compile(r".*\[[^\]]+\][0-9a-f]{32}", re.DOTALL)


def _log_stream(value: Any) -> tuple[str | None, str | None]:
    text, why = _text(value)
    if text is not None and not _LOG_STREAM.fullmatch(text):
        return None, "not the name of a log stream of Lambda"
    return text, why


def _count(value: Any) -> tuple[int | None, str | None]:
    if isinstance(value, bool) or not isinstance(value, int):
        return None, f"a {type(value).__name__} where a whole number was expected"
    if not 0 <= value <= MAX_COUNT:
        return None, "out of range"
    return value, None


def _residue(value: Any) -> tuple[list[SeenNonce], str | None]:
    if not isinstance(value, dict):
        return [], f"a {type(value).__name__} where an object was expected"
    found: list[SeenNonce] = []
    places: tuple[tuple[str, NoncePlace], ...] = (
        ("memory", "residue-memory"),
        ("scratch", "residue-scratch"),
    )
    for name, place in places:
        entries = value.get(name, [])
        if not isinstance(entries, list):
            return found, f"{name} is not a list"
        found.extend(
            SeenNonce(nonce=entry, place=place)
            for entry in entries[-MAX_RESIDUE:]
            if isinstance(entry, str) and nonces.well_formed(entry)
        )
    return found, None


#: What the converters accept, as types that msgspec checks while it decodes. No default is ever in an answer: null
#: is refused.
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
_LogStream = Annotated[
    str, msgspec.Meta(min_length=1, max_length=MAX_TEXT, pattern=rf"(?s)\A{_LOG_STREAM.pattern}\Z")
]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
_Echo = Annotated[str, msgspec.Meta(pattern=rf"\A{nonces.PATTERN.pattern.decode()}\Z")]
_ABSENT_FIELD: Any = None


class _PlainWitness(msgspec.Struct, rename=WITNESS_NAMES):
    """An answer that is a witness as the examples give it, every field of it usable."""

    execution_environment_id: _Text = _ABSENT_FIELD
    sandbox_id: _Text = _ABSENT_FIELD
    log_stream_name: _LogStream = _ABSENT_FIELD
    invocation_count: _Count = _ABSENT_FIELD
    tenant_id: _Text = _ABSENT_FIELD
    nonce: _Echo = _ABSENT_FIELD
    residue: Any = msgspec.UNSET
    counter: Any = msgspec.UNSET
    other_tenant_id: Any = msgspec.field(default=msgspec.UNSET, name="tenant_id")
    status_code: Any = msgspec.field(default=msgspec.UNSET, name="statusCode")


_decode_plain = msgspec.json.Decoder(_PlainWitness).decode


def _plain_witness(body: bytes) -> tuple[Witness, list[SeenNonce]] | None:
    """The witness of a usual answer and the nonces it places. None where fields have to be read one by one."""
    if not body.isascii():
        return None  # msgspec passes over unknown fields without looking whether they are UTF-8
    try:
        plain = _decode_plain(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if plain.counter is not msgspec.UNSET or plain.other_tenant_id is not msgspec.UNSET:
        return None
    if plain.status_code is not msgspec.UNSET:
        return None
    echo: str | None = plain.nonce
    placed: list[SeenNonce] = []
    if plain.residue is not msgspec.UNSET:
        placed, why = _residue(plain.residue)
        if why is not None:
            return None
    if echo is not None:
        placed.insert(0, SeenNonce(nonce=echo, place="echo"))
    witness = Witness(
        execution_environment_id=plain.execution_environment_id,
        sandbox_id=plain.sandbox_id,
        log_stream_name=plain.log_stream_name,
        invocation_count=plain.invocation_count,
        tenant_id=plain.tenant_id,
        nonce=echo,
        residue_read=plain.residue is not msgspec.UNSET,
    )
    return None if echo is None and witness in _NOTHING_TOLD else (witness, placed)


_NOTHING_TOLD = (Witness(), Witness(residue_read=True))

_CONVERTERS: dict[str, Converter] = {
    "invocation_count": _count,
    "log_stream_name": _log_stream,
}


def _seen(placed: Sequence[SeenNonce], body: bytes, headers: bytes, own_tag: str) -> tuple[SeenNonce, ...]:
    """Every nonce in body and headers; `placed` are those that stand in a place of their own."""
    if _nothing_else(body, headers, placed):
        return tuple(placed)
    return _keep(own_tag, placed, _in_text(body, "body"), _in_text(headers, "header"))


def _nothing_else(body: bytes, headers: bytes, placed: Sequence[SeenNonce]) -> bool:
    """Whether it is plain that a response holds no nonce but the one that is placed already: most hold their own
    echo and nothing more, and are spared the search."""
    text = body + b"\n" + headers if headers else body
    if len(placed) > 1 or text.count(nonces.PREFIX) != len(placed) or b"%" in text:
        return False
    if placed and placed[0].nonce.encode() not in body:
        return False
    if len(text) < len(placed) * nonces.LENGTH + _SHORTEST_BASE64:
        return True
    return not (_MARKER_0 in text or _MARKER_1 in text or _MARKER_2 in text)


def _in_text(text: bytes, place: NoncePlace) -> Iterator[SeenNonce]:
    """Every nonce in `text`: raw, percent-decoded and base64-decoded."""
    yield from _found(text, place, "raw")
    if b"%" in text:
        yield from _found(unquote_to_bytes(text), place, "percent")
    # Searching for three constants is much cheaper than for one pattern of three.
    if _MARKER_0 in text or _MARKER_1 in text or _MARKER_2 in text:
        for decoded in _base64_around_nonces(text):
            yield from _found(decoded, place, "base64")


def _found(text: bytes, place: NoncePlace, encoding: NonceEncoding) -> Iterator[SeenNonce]:
    if nonces.PREFIX in text:
        for match in nonces.PATTERN.finditer(text):
            yield SeenNonce(nonce=match.group().decode(), place=place, encoding=encoding)


def _base64_marker(offset: int) -> tuple[bytes, int]:
    """The base64 characters that the nonce prefix always gives when `offset` bytes stand before it in its
    group of three, and how many characters of the group precede them."""
    encoded = base64.b64encode(b"\0" * offset + nonces.PREFIX)
    first = -(-offset * 8 // 6)
    last = (offset + len(nonces.PREFIX)) * 8 // 6
    return encoded[first:last], first


_MARKERS = tuple(_base64_marker(offset) for offset in range(3))
_MARKER_0, _MARKER_1, _MARKER_2 = (marker for marker, _ in _MARKERS)
_ANY_MARKER = re.compile(b"|".join(b"(" + re.escape(marker) + b")" for marker, _ in _MARKERS))
_SPAN = (nonces.LENGTH + 3) * 4 // 3 + 4
#: A nonce in base64 takes so many characters at least.
_SHORTEST_BASE64 = nonces.LENGTH * 4 // 3
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _base64_around_nonces(text: bytes) -> Iterator[bytes]:
    for match in _ANY_MARKER.finditer(text):
        before = _MARKERS[(match.lastindex or 1) - 1][1]
        start = match.start() - before
        if start < 0:
            continue
        run = re.match(rb"[A-Za-z0-9+/_-]*", text[start : start + _SPAN])
        characters = run.group() if run else b""
        whole = characters[: len(characters) // 4 * 4].translate(_URL_SAFE)
        tail = characters[len(whole) :].translate(_URL_SAFE)
        if len(tail) > 1:
            whole += tail + b"=" * (4 - len(tail))
        yield base64.b64decode(whole)


def _keep(own_tag: str, *sources: Iterable[SeenNonce]) -> tuple[SeenNonce, ...]:
    """Every foreign nonce once (at most `MAX_SEEN`), and of the tenant's own nonces one per place.

    Earlier sources win: what stands in the residue is not named again as "somewhere in the body".
    """
    foreign: dict[str, SeenNonce] = {}
    own: dict[str, SeenNonce] = {}
    named: set[str] = set()
    for source in sources:
        for sighting in source:
            if sighting.nonce in named:
                continue
            named.add(sighting.nonce)
            if nonces.tag_of(sighting.nonce) == own_tag:
                own.setdefault(sighting.place, sighting)
            elif len(foreign) < MAX_SEEN:
                foreign[sighting.nonce] = sighting
    return (*own.values(), *foreign.values())


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
