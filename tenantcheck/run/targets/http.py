"""An HTTP endpoint: how the tenant, its credentials and the nonce travel."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlsplit

from tenantcheck.errors import UsageError
from tenantcheck.model import ORDINARY, HttpRepeat, Named, PlatformRecord, Reply, Request, RunKind, Sent
from tenantcheck.model.boundary import (
    ALIASES,
    NONCE_HEADER,
    RESERVED_HEADER,
    alias_values,
    changed,
    issued,
    names_in,
)
from tenantcheck.model.call import Call
from tenantcheck.model.repeat import Part, shell_name, text, variable
from tenantcheck.model.secrets import Secrets, leaves
from tenantcheck.run.plan import Credentials, TenantRow
from tenantcheck.run.targets.target import Classified, http_outcome, known_saying, service_message
from tenantcheck.run.targets.urls import (
    NAMELESS,
    ascii_url,
    display_url,
    parameters,
    parts_of,
    query_names,
    query_values,
    with_query,
)

DEFAULT_TENANT_HEADER = "x-tenant-id"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Location(NamedTuple):
    """Where a value travels: in a header, a query parameter, the path, the host name, a key of a JSON body, or not at
    all."""

    kind: Literal["header", "query", "path", "host", "body", "none"]
    name: str = ""


#: Where the nonce travels if nobody says otherwise, as `--nonce` takes it.
DEFAULT_NONCE_PLACE = f"header:{NONCE_HEADER}"
TENANT_BY_HEADER = Location("header", DEFAULT_TENANT_HEADER)
NONCE_BY_HEADER = Location("header", NONCE_HEADER)


def parse_nonce_place(text: str) -> Location:
    """`header:NAME`, `query:NAME`, `body:KEY` (in nested objects `body:KEY.KEY`) or `none`. Raises `UsageError`."""
    kind, _, name = text.partition(":")
    if text == "none":
        return Location("none")
    if kind == "header" and _TOKEN.fullmatch(name):
        return Location("header", name)
    if kind == "query" and name:
        return Location("query", name)
    if kind == "body" and all(name.split(".")):
        return Location("body", name)
    raise UsageError(f"--nonce {text}: not a place for the nonce", "Write header:NAME, query:NAME, body:KEY or none.")


def parse_header(text: str) -> tuple[str, str]:
    """`Name: value`, as curl takes it. Raises `UsageError`, never naming the value."""
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name.strip()):
        raise UsageError("-H: a header is written 'Name: value'", "Example: -H 'Accept: application/json'")
    value = value.strip()
    if not value.isprintable() or not value.isascii():
        raise UsageError(f"-H: the value of {name.strip()} can't be sent (line break or non-ASCII character)")
    return name.strip(), value


@dataclass(frozen=True, kw_only=True)
class HttpRequestSpec:
    """What is the same in every request. Values may be secret: nothing of this is stored."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    data: bytes = b""
    tenant: Location = TENANT_BY_HEADER
    nonce: Location = NONCE_BY_HEADER
    aliases: tuple[str, ...] = ALIASES
    """Other names that a service may read the tenant from, as `header:NAME` or `query:NAME`."""


#: Header that makes the requests of all tenants equally long: a balancer that went by their size would look isolated.
PADDING_HEADER = "x-tenantcheck-padding"
PADDING = "padding header"


class _Frame(NamedTuple):
    """A request but for its nonce."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    aws: Mapping[str, str]


class Signer(Protocol):
    """Signs calls; `own` holds a tenant's own AWS credentials, where it has some."""

    async def refresh(self) -> None:
        """Freeze credentials for the next wave."""
        ...

    def secret_values(self) -> tuple[str, ...]:
        """What requests are signed with."""
        ...

    def sign(self, call: Call, own: Mapping[str, str]) -> Call:
        """The call with its signature."""
        ...


class HttpTarget:
    """Builds requests for one URL and these tenants. Raises `UsageError` for a URL or a body that can't carry what it
    must, and for credentials that can't be sent."""

    kind: RunKind = "probe"

    def __init__(self, spec: HttpRequestSpec, signer: Signer | None = None, rows: Sequence[TenantRow] = ()) -> None:
        parts = parts_of(spec.url)
        if "{" in spec.url.replace("{tenant}", "") or "}" in spec.url.replace("{tenant}", ""):
            raise UsageError(
                "the URL has braces that are not {tenant}",
                "Write {tenant} where its id belongs; percent-encode other braces: %7B and %7D.",
            )
        try:
            named = parameters(parts.query)
        except ValueError:
            raise UsageError("the URL has more than 100 query parameters") from None
        _refuse_doubles(spec, [name for name, _ in spec.headers], named)
        if (spec.tenant.kind in ("path", "host")) != ("{tenant}" in spec.url):
            raise UsageError("{tenant} in the URL excludes --tenant-header and --tenant-query")
        if "{tenant}" in parts.netloc.rpartition("@")[2] and "{tenant}" in f"{parts.path}{parts.query}":
            raise UsageError("{tenant} stands in host and path of the URL", "Put it into one of them.")
        if "{tenant}" in parts.netloc and spec.tenant.kind == "path":
            spec = replace(spec, tenant=Location("host"))
        self._spec = spec
        self._signer = signer
        self._rows = rows
        self._frames: dict[int | None, _Frame] = {}
        """Of the waves' requests, by tenant."""
        self._pads = True
        self._longest = 0
        self._body = _json_object(spec.data) if spec.nonce.kind == "body" else None
        self._user_info = _basic(parts.username, parts.password) if parts.username else ()
        self._base = ascii_url(parts)
        self.url = self._base
        self.display = display_url(spec.url)
        for row in rows:
            if row.credentials.aws and self._signer is None:
                raise UsageError(f"tenant '{row.id}' has AWS credentials", "They sign requests with --aws-sigv4.")
            own = row.credentials
            _refuse_doubles(self._spec, [name for name, _ in own.headers], [name for name, _ in own.query])
        self.secrets = self._secrets()
        self._lengths = [self._length(tenant) for tenant in range(len(rows))]
        """Of ordinary requests, by tenant."""
        self._longest = max(self._lengths, default=0) if len(set(self._lengths)) > 1 else 0

    def with_rows(self, rows: Sequence[TenantRow]) -> HttpTarget:
        """The same requests for these tenants and newcomers, in the order of their index."""
        return HttpTarget(self._spec, self._signer, rows)

    def _secrets(self) -> Secrets:
        """Everything that requests carry but ids, nonces, and names."""
        secrets = Secrets(known=[text for row in self._rows for text in (row.id, row.expect)])
        parts = urlsplit(self._spec.url)
        secrets.add(unquote(part) for part in (parts.username, parts.password) if part)
        secrets.add(query_values(parts.query))
        secrets.add(leaves(_document(self._spec.data)))
        secrets.add_headers((*self._spec.headers, *self._user_info))
        for row in self._rows:
            secrets.add_headers(row.credentials.headers)
            secrets.add(value for _, value in row.credentials.query)
            secrets.add(value for name, value in row.credentials.aws.items() if name != "aws_profile")
        return secrets

    def _length(self, tenant: int) -> int:
        """Characters of an ordinary request of this tenant but for its padding, and of what it is signed with."""
        ordinary = Request(seq=0, wave=0, kind="opening", slot=0, tenant=tenant, nonce="")
        url, headers, _, aws = self._frame(ordinary)
        signed_with = sum(len(aws.get(name, "")) for name in ("aws_access_key_id", "aws_session_token"))
        return len(url) + sum(len(name) + len(value) + 4 for name, value in headers) + signed_with

    @property
    def optional(self) -> tuple[str, ...]:
        """Parts of requests that the service may refuse and that can be left out."""
        return (PADDING,) if self._longest else ()

    def leave_out(self, parts: Sequence[str]) -> None:
        """Prepare requests without these optional parts from now on."""
        self._pads = PADDING not in parts
        self._frames.clear()

    async def refresh(self) -> None:
        """Freeze what requests are signed with, where they are."""
        if self._signer is not None:
            await self._signer.refresh()
            self.secrets.add(self._signer.secret_values())

    def prepare(self, request: Request) -> Call:
        """Encode and sign one request."""
        frame = self._frames.get(request.tenant) if request.sent is ORDINARY else None
        if frame is None:
            frame = self._frame(request)
            if request.sent is ORDINARY:
                self._frames[request.tenant] = frame
        place = NONCE_BY_HEADER if request.sent.nonce_in_header else self._spec.nonce
        url, headers, body = frame.url, frame.headers, frame.body
        if place.kind == "header":
            headers = (*headers, (place.name, request.nonce))
        elif place.kind == "query":
            url = with_query(url, [(place.name, request.nonce)])
        elif place.kind == "body":
            body = json.dumps(_with_value(self._body or {}, place.name.split("."), request.nonce)).encode()
        call = Call(method=self._spec.method, url=url, headers=headers, body=body)
        return self._signer.sign(call, frame.aws) if self._signer is not None else call

    def _frame(self, request: Request) -> _Frame:
        """What is the same in every request of a tenant: all but the nonce."""
        spec = self._spec
        row = self._rows[request.tenant] if request.tenant is not None else None
        sent = request.sent
        owner = self._rows[sent.credential] if sent.credential is not None else row
        credentials = owner.credentials if owner is not None else Credentials()
        replaced = {name.lower() for name, _ in credentials.headers}
        headers = [pair for pair in (*spec.headers, *self._user_info) if pair[0].lower() not in replaced]
        headers += _tampered(sent, credentials.headers)
        query = _tampered(sent, credentials.query)
        url = self._base
        own = (row.id,) if row is not None else ()
        ids = own if sent.ids is None else sent.ids
        if spec.tenant.kind in ("path", "host"):
            url = url.replace("{tenant}", quote("".join(ids), safe=""))
        else:
            _put(spec.tenant, ids, headers, query)
        if sent.elsewhere is not None:
            claims = alias_values(names_in(self.aliases, sent.elsewhere_in), sent.elsewhere)
            (headers if sent.elsewhere_in == "header" else query).extend(claims.items())
        if self._longest and self._pads and request.tenant is not None and not sent.forged:
            headers.append((PADDING_HEADER, "x" * (1 + self._longest - self._lengths[request.tenant])))
        if sent.reserved is not None:
            headers.append((RESERVED_HEADER, sent.reserved))
        headers += self._content_type(headers, in_body=spec.nonce.kind == "body" and not sent.nonce_in_header)
        return _Frame(with_query(url, query), tuple(headers), spec.data, credentials.aws)

    def _content_type(self, headers: Sequence[tuple[str, object]], *, in_body: bool) -> list[tuple[str, str]]:
        """The type of the body, where there is one and the user named none; `in_body` says that the nonce stands in
        it."""
        if not (in_body or self._spec.data) or any(name.lower() == "content-type" for name, _ in headers):
            return []
        return [("content-type", "application/json" if in_body or _is_json(self._spec.data) else "text/plain")]

    def opened(self, reply: Reply) -> None:  # noqa: ARG002
        """The front has opened it."""
        return

    def outcome(self, reply: Reply, *, witnessed: bool, proxy_status: int | None) -> Classified:  # noqa: ARG002
        """Class of a reply, with the service's own words for a refusal."""
        if reply.status is None:
            return Classified("lost", reply.error_kind, reply.error_text)
        outcome = http_outcome(reply.status, witnessed=witnessed)
        if outcome.kind in ("served", "no-witness"):
            return outcome
        saying = known_saying(service_message(reply.body))
        return outcome._replace(error_text=f"HTTP {reply.status} {saying}") if saying else outcome

    def platform(self, reply: Reply) -> PlatformRecord | None:  # noqa: ARG002
        """Endpoints give no log."""
        return None

    def twin(self, url: str) -> HttpTarget:
        """The same requests to another URL."""
        return HttpTarget(replace(self._spec, url=url), self._signer)

    @property
    def safe(self) -> bool:
        """Whether requests change nothing, by HTTP's rules."""
        return self._spec.method in ("GET", "HEAD")

    @property
    def carries_nonce(self) -> bool:
        """Whether requests have a place for the nonce."""
        return self._spec.nonce.kind != "none"

    @property
    def nonce_in_url(self) -> bool:
        """Whether requests could be cached, but for the nonce in their URL or body."""
        return self._spec.method == "GET" and self._spec.nonce.kind in ("query", "body")

    @property
    def tenant_place(self) -> str:
        """How the id travels, as the plan keeps it."""
        kind, name = self._spec.tenant
        if kind in ("path", "host"):
            return kind
        return "credentials" if kind == "none" else f"{kind}:{name}"

    @property
    def aliases(self) -> tuple[str, ...]:
        """The other names of the tenant that are tried beside the true one."""
        taken = {f"{place.kind}:{place.name}".lower() for place in (self._spec.tenant, self._spec.nonce)}
        taken |= {f"header:{name}".lower() for name, _ in self._spec.headers}
        taken |= {f"header:{name}".lower() for row in self._rows for name, _ in row.credentials.headers}
        taken |= {f"query:{name}".lower() for name in (*parameters(urlsplit(self._base).query), *self._query_names())}
        return tuple(alias for alias in self._spec.aliases if alias.lower() not in taken)

    def repeat(self) -> HttpRepeat:
        """The request with the tenant's id and the nonce left open; everything that may be secret is a variable."""
        spec, shown = self._spec, urlsplit(self._base)
        headers = [*self._repeated_headers()]
        in_body = spec.nonce.kind == "body"
        headers += [(name, text(kind)) for name, kind in self._content_type(headers, in_body=in_body)]
        before, tenant, behind = f"{shown.scheme}://{shown.netloc}{shown.path}".partition("{tenant}")
        return HttpRepeat(
            method=spec.method,
            url=(text(before), Part(kind="tenant"), text(behind)) if tenant else (text(before),),
            query=tuple(Named(name=quote(name, safe=""), value=(value,)) for name, value in self._repeated_query()),
            headers=tuple(Named(name=name, value=(value,)) for name, value in headers),
            body=(variable("DATA"),) if spec.data or in_body else (),
            signed=self._signer is not None,
        )

    def _repeated_headers(self) -> Iterator[tuple[str, Part]]:
        spec = self._spec
        own = {name for row in self._rows for name, _ in row.credentials.headers}
        replaced = {name.lower() for name in own}
        for name, _ in (*spec.headers, *self._user_info):
            if name.lower() not in replaced:
                yield name, variable(shell_name(name))
        for name in sorted(own):
            yield name, variable(shell_name(name), own=True)
        yield from self._open_places("header")

    def _repeated_query(self) -> Iterator[tuple[str, Part]]:
        for name in query_names(urlsplit(self._base).query):
            yield name, variable(shell_name(name) or NAMELESS)
        for name in sorted(self._query_names()):
            yield name, variable(shell_name(name), own=True)
        yield from self._open_places("query")

    def _open_places(self, kind: str) -> Iterator[tuple[str, Part]]:
        """Where the tenant's id and the nonce travel, of this kind of place."""
        if self._spec.tenant.kind == kind:
            yield self._spec.tenant.name, Part(kind="tenant")
        if self._spec.nonce.kind == kind:
            yield self._spec.nonce.name, Part(kind="nonce")

    def _query_names(self) -> set[str]:
        return {name for row in self._rows for name, _ in row.credentials.query}


def _tampered(sent: Sent, credentials: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Credentials as they are sent: as they were issued, or changed, or without those that somebody issued."""
    if sent.tampered == "absent":
        return [(name, value) for name, value in credentials if not issued(name)]
    if sent.tampered == "changed":
        return [(name, changed(value) if issued(name) else value) for name, value in credentials]
    return list(credentials)


def _put(
    place: Location, values: Sequence[str], headers: list[tuple[str, str]], query: list[tuple[str, str]]
) -> None:
    """Add values to the headers or the query, wherever they travel."""
    pairs = [(place.name, value) for value in values]
    if place.kind == "header":
        headers += pairs
    elif place.kind == "query":
        query += pairs


def _refuse_doubles(spec: HttpRequestSpec, headers: Sequence[str], query: Sequence[str]) -> None:
    """The tenant's and the nonce's header or parameter are made here, and so is what says where a body ends: a second
    one would be sent beside it."""
    places = (spec.tenant, spec.nonce)
    own = {place.name.lower() for place in places if place.kind == "header"} | _FRAMING
    parameters = {place.name for place in places if place.kind == "query"}
    for name in headers:
        if name.lower() in own:
            raise UsageError(f"the header {name} is given a second time", "tenantcheck sends it itself; remove it.")
    for name in query:
        if name in parameters:
            raise UsageError(f"the query has {name} a second time", "tenantcheck sends it itself; remove it.")


_FRAMING = {"content-length", "transfer-encoding"}


def _document(data: bytes) -> object:
    """Data as JSON, else as one text."""
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        return data.decode("utf-8", "replace")
    return document


def _basic(user: str, password: str | None) -> tuple[tuple[str, str], ...]:
    import base64

    pair = f"{unquote(user)}:{unquote(password or '')}"
    return (("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),)


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UsageError("--nonce body:KEY needs a JSON object as data", "Give one with -d, or move the nonce.")
    return document


def _with_value(document: object, path: Sequence[str], value: str) -> dict[str, Any]:
    """A copy of the document with this value at a path of keys; what is in its way gives way."""
    fields = document if isinstance(document, dict) else {}
    first, *rest = path
    return {**fields, first: _with_value(fields.get(first), rest, value) if rest else value}


def _is_json(body: bytes) -> bool:
    return body.lstrip()[:1] in (b"{", b"[")
