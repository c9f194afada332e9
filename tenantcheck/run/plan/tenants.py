"""Whom to ask for: the `--tenants` option, tenants files, and the ids nobody uses (newcomers).

Secrets live in `Credentials` only: it has no place in a history and shows no values when printed.
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenantcheck.errors import UsageError
from tenantcheck.model import MAX_TENANTS, Part, Parts, Tenant
from tenantcheck.model.repeat import shell_name, variable
from tenantcheck.run.plan.lookalikes import MAX_LENGTH, in_place, lookalikes

#: Lambda's own pattern for `TenantId` (botocore's service model), matched in full.
ID_PATTERN = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")
MIN_TENANTS = 2
MAX_FILE_BYTES = 1 << 20

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_AWS_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_profile")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What one tenant authenticates with. Values are never printed."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    aws: Mapping[str, str] = field(default_factory=dict, repr=False)
    variables: Mapping[str, Parts] = field(default_factory=dict)
    """What stands for a value that is one variable of the user's own (see `Tenant`)."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is sent, for the history."""
        return (
            *(name for name, _ in self.headers),
            *(f"?{name}" for name, _ in self.query),
            *self.aws,
        )

    @property
    def mark(self) -> object:
        """Equal for credentials that a service can't tell apart."""
        return self.headers, self.query, tuple(sorted(self.aws.items()))


NO_CREDENTIALS = Credentials()


@dataclass(frozen=True, kw_only=True)
class TenantRow:
    """One tenant as the user gave it."""

    id: str
    expect: str
    credentials: Credentials = NO_CREDENTIALS


@dataclass(frozen=True, kw_only=True)
class TenantList:
    """The tenants of a run, and spare ids that nobody uses."""

    rows: tuple[TenantRow, ...]
    spare: tuple[TenantRow, ...] = ()
    fresh: bool = False

    @property
    def has_credentials(self) -> bool:
        return any(row.credentials.names for row in self.rows)

    def require_own_credentials(self) -> None:
        """Raise `UsageError` unless every tenant can be told by its credentials alone."""
        seen: dict[object, str] = {}
        for row in (*self.rows, *self.spare):
            mark = row.credentials.mark
            if not row.credentials.names:
                raise UsageError(
                    f"--tenant-from-credentials needs credentials for every tenant; '{row.id}' has none",
                    "List them in a tenants file: --tenants @tenants.toml",
                )
            if mark in seen:
                raise UsageError(
                    f"--tenant-from-credentials: '{row.id}' has the same credentials as '{seen[mark]}'",
                    "Two tenants with one credential are one tenant to the service.",
                )
            seen[mark] = row.id

    def sharing_credentials(self) -> tuple[tuple[str, str], ...]:
        """Ids of tenants that have the credentials of an earlier one, each behind that one."""
        seen: dict[object, str] = {}
        found = []
        for row in self.rows:
            own = row.credentials
            if own.names and (first := seen.setdefault(own.mark, row.id)) != row.id:
                found.append((first, row.id))
        return tuple(found)

    def tenants(self) -> tuple[Tenant, ...]:
        """The records of these tenants."""
        return tuple(_tenant(index, row, fresh=self.fresh) for index, row in enumerate(self.rows))

    def require_distinct(self, place: str) -> None:
        """Raise `UsageError` unless the ids stay apart in the `place` where they travel (see `Plan.tenant_place`)."""
        seen: dict[str, str] = {}
        for row in (*self.rows, *self.spare):
            carried = in_place(row.id, place)
            if carried is None:
                raise UsageError(f"tenant '{row.id}' can't stand in a host name", "Letters, digits and hyphens can.")
            if carried in seen:
                raise UsageError(
                    f"'{row.id}' and '{seen[carried]}' are one host name", "Host names ignore upper and lower case."
                )
            seen[carried] = row.id

    def newcomers(
        self, wanted: int, place: str = "", *, lookalike: bool = True
    ) -> tuple[tuple[Tenant, ...], tuple[TenantRow, ...]]:
        """At most `wanted` ids nobody uses, and their rows: look-alikes of the tenants first (unless they are not
        wished), such as stay apart in the `place` where ids travel (see `Plan.tenant_place`).

        With credentials per tenant only spare rows can be newcomers, since an id alone would be refused; likewise
        where a tenant is expected under another name.
        """
        taken = {in_place(row.id, place) for row in self.rows} | {None}
        # Where the handler sees other names than are sent, nobody knows what it should see for a made-up id.
        made_up = not self.has_credentials and all(row.expect == row.id for row in self.rows)
        chosen: list[tuple[TenantRow, int | None, str | None]] = []
        if made_up and wanted and lookalike:
            ids = [row.id for row in self.rows]
            numbers = {id_: index for index, id_ in enumerate(ids)}
            for id_, form, sibling in lookalikes(ids, place):
                carried = in_place(id_, place)
                if len(chosen) < wanted and carried not in taken and _can_travel(id_, form):
                    taken.add(carried)
                    numbers[id_] = len(ids) + len(chosen)
                    chosen.append((TenantRow(id=id_, expect=id_), numbers.get(sibling), form))
        chosen += [(row, None, None) for row in self.spare[: wanted - len(chosen)]]
        if made_up:
            for _ in range(wanted - len(chosen)):
                fresh = fresh_id()
                chosen.append((TenantRow(id=fresh, expect=fresh), None, None))
        first = len(self.rows)
        tenants = tuple(
            _tenant(first + offset, row, fresh=self.fresh, sibling=sibling, lookalike=form)
            for offset, (row, sibling, form) in enumerate(chosen)
        )
        return tenants, tuple(row for row, _, _ in chosen)


def _tenant(
    index: int, row: TenantRow, *, fresh: bool, sibling: int | None = None, lookalike: str | None = None
) -> Tenant:
    return Tenant(
        index=index,
        id=row.id,
        expect=row.expect,
        fresh=fresh,
        credential_names=row.credentials.names,
        variables=dict(row.credentials.variables),
        sibling=sibling,
        lookalike=lookalike,
    )


def fresh_id() -> str:
    """A random id that nobody uses; all of one length, with letters so that case can matter."""
    return f"tck-{secrets.token_hex(6)}"


def _can_travel(id_: str, form: str) -> bool:
    """Whether a look-alike can be sent at all. The percent form is one that Lambda has to refuse."""
    if form == "percent form":
        return len(id_) <= MAX_LENGTH
    return not id_problem(id_)


def id_problem(id_: str) -> str | None:
    """Why Lambda or HTTP would not carry this id unchanged; None when it is fine."""
    if not id_:
        return "it is empty"
    if len(id_) > MAX_LENGTH:
        return f"it has {len(id_)} characters, {MAX_LENGTH} are allowed"
    if not ID_PATTERN.fullmatch(id_):
        bad = next(character for character in id_ if not ID_PATTERN.fullmatch(character))
        return f"{bad!r} is not allowed (letters, digits and . _ : / = + - @ and spaces are)"
    if id_ != id_.strip(" "):
        return "it begins or ends with a space, which HTTP strips"
    return None


def parse_tenants(option: str, files: Mapping[str, bytes] | None = None) -> TenantList:
    """The tenants named by `--tenants N|a,b|@FILE`.

    `files` maps the FILE of an `@FILE` to its content (the caller reads it). Raises `UsageError` with the row
    at fault, never with a value.
    """
    if option.startswith("@"):
        return _parse_file(option[1:], (files or {})[option[1:]])
    if re.fullmatch(r"[0-9]{1,9}", option):
        return fresh_tenants(int(option))
    return named_tenants(part.strip(" ") for part in option.split(","))


def fresh_tenants(count: int) -> TenantList:
    """So many tenants with ids that nobody uses. Raises `UsageError`."""
    _check_count(count)
    rows = tuple(TenantRow(id=id_, expect=id_) for id_ in (fresh_id() for _ in range(count)))
    return TenantList(rows=rows, fresh=True)


def named_tenants(ids: Iterable[str]) -> TenantList:
    """Tenants with these ids and no credentials. Raises `UsageError`."""
    return _checked([(f"id {n}", TenantRow(id=id_, expect=id_)) for n, id_ in enumerate(ids, 1)], ())


def _parse_file(name: str, content: bytes) -> TenantList:
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{name}: larger than {MAX_FILE_BYTES >> 20} MiB", "A tenants file is a short list.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 (byte {error.start})", "Save the file as UTF-8.") from error
    if name.lower().endswith(".toml"):
        return _parse_toml(name, text)
    lines = [(f"{name}, line {n}", line) for n, line in enumerate(text.splitlines(), 1)]
    rows = [
        (where, TenantRow(id=line, expect=line))
        for where, line in ((where, _COMMENT.sub("", line).strip(" \t")) for where, line in lines)
        if line
    ]
    return _checked(rows, ())


#: A comment, at the beginning of a line or behind a blank.
_COMMENT = re.compile(r"(^|\s)#.*")


def _parse_toml(name: str, text: str) -> TenantList:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError, too
        place = _TOML_PLACE.search(str(error))  # the rest may quote a secret
        raise UsageError(f"{name}: not TOML{f' {place.group()}' if place else ''}", _TOML_EXAMPLE) from None
    if document.keys() - {"tenant", "spare"}:
        raise UsageError(f"{name}: a key other than tenant and spare", _TOML_EXAMPLE)
    rows = _toml_rows(f"{name}, tenant", document.get("tenant", []))
    return _checked(rows, _toml_rows(f"{name}, spare", document.get("spare", [])))


_TOML_PLACE = re.compile(r"\(at (line \d+, column \d+|end of document)\)")
_TOML_EXAMPLE = (
    'Write one [[tenant]] table per tenant: id = "acme", optional expect, headers, query, credentials; and '
    "[[spare]] tables for ids nobody uses."
)
_ROW_KEYS = {"id", "expect", "headers", "query", "credentials"}


def _toml_rows(where: str, tables: Any) -> list[tuple[str, TenantRow]]:
    if not isinstance(tables, list):
        raise UsageError(f"{where}: a list of tables was expected", _TOML_EXAMPLE)
    return [(f"{where} {n}", _toml_row(f"{where} {n}", table)) for n, table in enumerate(tables, 1)]


def _toml_row(where: str, table: Any) -> TenantRow:
    if isinstance(table, str):
        table = {"id": table}
    if not isinstance(table, dict):
        raise UsageError(f"{where}: a table was expected", _TOML_EXAMPLE)
    if table.keys() - _ROW_KEYS:
        raise UsageError(f"{where}: a key other than {', '.join(sorted(_ROW_KEYS))}", _TOML_EXAMPLE)
    if "id" not in table:
        raise UsageError(f"{where}: it has no id", _TOML_EXAMPLE)
    id_ = _value(where, "id", table["id"])
    credentials = _strings(where, "credentials", table)
    headers = _strings(where, "headers", table) | _header_credentials(where, credentials)
    for header, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", header):
            raise UsageError(f"{where}: a header name has a character that HTTP does not allow")
        if not value.isprintable() or not value.isascii() or value != value.strip():
            raise UsageError(
                f"{where}: the value of header {header} can't be sent (line break, non-ASCII, or space at an end)"
            )
    return TenantRow(
        id=id_,
        expect=_value(where, "expect", table.get("expect", id_)),
        credentials=Credentials(
            headers=tuple(headers.items()),
            query=tuple(_strings(where, "query", table).items()),
            aws={key: value for key, value in credentials.items() if key in _AWS_KEYS},
            variables=_own_variables(table),
        ),
    )


def _own_variables(table: Mapping[str, Any]) -> dict[str, Parts]:
    """The values that are one reference and nothing else: how the user's own variables stand for them."""
    given = table.get("credentials", {})
    values = {**table.get("headers", {}), **table.get("query", {})}
    values |= {header: given[key] for key, header in (("api_key", "x-api-key"), ("cookie", "Cookie")) if key in given}
    found: dict[str, Parts] = {}
    for name, value in values.items():
        if match := _REFERENCE.fullmatch(value):
            found[name] = (variable(match[1]),)
    if "bearer" in given and (match := _REFERENCE.fullmatch(given["bearer"])):
        found["Authorization"] = (Part(value="Bearer "), variable(match[1]))
    return {shell_name(name): parts for name, parts in found.items()}


def _header_credentials(where: str, credentials: Mapping[str, str]) -> dict[str, str]:
    import base64

    headers: dict[str, str] = {}
    for key, value in credentials.items():
        match key:
            case "bearer":
                headers["Authorization"] = f"Bearer {value}"
            case "basic":
                headers["Authorization"] = f"Basic {base64.b64encode(value.encode()).decode()}"
            case "api_key":
                headers["x-api-key"] = value
            case "cookie":
                headers["Cookie"] = value
            case _ if key not in _AWS_KEYS:
                known = ", ".join(("bearer", "basic", "api_key", "cookie", *_AWS_KEYS))
                raise UsageError(f"{where}: unknown credential", f"Known are: {known}.")
    return headers


def _strings(where: str, key: str, table: Mapping[str, Any]) -> dict[str, str]:
    values = table.get(key, {})
    if not isinstance(values, dict):
        raise UsageError(f"{where}: {key} must be a table", _TOML_EXAMPLE)
    return {name: _value(where, f"{key}.{name}", value) for name, value in values.items()}


def _value(where: str, key: str, value: Any) -> str:
    """A string with its `${ENV}` references resolved. Errors name row and variable, never a value."""
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key} must be text", _TOML_EXAMPLE)

    def resolve(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable not in os.environ:
            raise UsageError(
                f"{where}: {key} refers to ${{{variable}}}, which is not set",
                f"export {variable}=… before the run.",
            )
        if not os.environ[variable]:
            raise UsageError(f"{where}: {key} refers to ${{{variable}}}, which is empty", "Give it a value.")
        return os.environ[variable]

    return _REFERENCE.sub(resolve, value)


def _checked(rows: Sequence[tuple[str, TenantRow]], spare: Sequence[tuple[str, TenantRow]]) -> TenantList:
    seen: dict[str, str] = {}
    expected: dict[str, str] = {}
    for where, row in (*rows, *spare):
        problem = id_problem(row.id)
        if problem:
            raise UsageError(f"{where}: this tenant id can't be sent: {problem}", "Correct or remove it.")
        if row.id in seen:
            raise UsageError(f"{where}: the same id as {seen[row.id]}", "Every tenant needs an id of its own.")
        if row.expect in expected:
            raise UsageError(
                f"{where}: the same expect as {expected[row.expect]}",
                "Two tenants that the handler can't tell apart are one tenant to it.",
            )
        seen[row.id] = expected[row.expect] = where
    _check_count(len(rows))
    return TenantList(rows=tuple(row for _, row in rows), spare=tuple(row for _, row in spare))


def _check_count(count: int) -> None:
    if count < MIN_TENANTS:
        raise UsageError(
            f"{count} tenant{'' if count == 1 else 's'}: isolation needs at least two to compare",
            "Name two ids (--tenants a,b) or a count of fresh ones (--tenants 4).",
        )
    if count > MAX_TENANTS:
        raise UsageError(
            f"{count} tenants: at most {MAX_TENANTS} take part in one run",
            "The figure is that of the weakest pair: a few tenants are as strong a test as many.",
        )
