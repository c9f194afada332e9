"""How one request is sent again: what the plan says of every request, with everything filled in."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from msgspec import structs

from tenantcheck.model import HttpRepeat, InvokeRepeat, Named, Part, Parts, Plan, Repeat, Request
from tenantcheck.model.boundary import NONCE_HEADER, RESERVED_HEADER, alias_values, issued, names_in
from tenantcheck.model.repeat import shell_name, text, variable


def repeat_of(plan: Plan, request: Request) -> Repeat | None:
    """How a request is sent again, with the id it was sent with, none, or two."""
    match plan.repeat:
        case HttpRepeat() as template:
            return _Filled(plan, request).http(template)
        case InvokeRepeat() as template:
            return _Filled(plan, request).invoke(template)
        case _:
            return None


class _Filled:
    """What one request carries."""

    def __init__(self, plan: Plan, request: Request) -> None:
        own = plan.everyone()[request.tenant].id if request.tenant is not None else None
        self._plan = plan
        self._sent = request.sent
        self._nonce = request.nonce
        self._id = own if request.sent.ids is None else request.sent.ids[0]
        self._credentials_of = request.tenant if request.sent.credential is None else request.sent.credential

    def http(self, template: HttpRepeat) -> HttpRepeat:
        headers = self._carried(template.headers)
        query = self._carried(template.query)
        if self._sent.nonce_in_header:
            query = [each for each in query if not each.has("nonce")]
            headers.append(Named(name=NONCE_HEADER, value=(Part(kind="nonce"),)))
        more_headers, more_query = self._claims()
        return structs.replace(
            template,
            url=self._parts(template.url, percent=True),
            query=(*(self._named(each, percent=True) for each in query), *more_query),
            headers=(*map(self._named, headers), *more_headers),
        )

    def invoke(self, template: InvokeRepeat) -> InvokeRepeat:
        return structs.replace(
            template,
            tenant=self._parts(template.tenant) if self._id is not None else (),
            payload=self._parts(template.payload),
        )

    def _carried(self, named: Sequence[Named]) -> list[Named]:
        """Without what carries the tenant's id, where a request carries none."""
        return [each for each in named if self._id is not None or not each.has("tenant")]

    def _claims(self) -> tuple[list[Named], list[Named]]:
        """Headers and parameters that claim to be another tenant besides."""
        kind, _, name = self._plan.tenant_place.partition(":")
        claims: dict[str, list[tuple[str, str]]] = {"header": [], "query": []}
        if kind in claims:
            claims[kind] += [(name, id_) for id_ in (self._sent.ids or ())[1:]]
        if self._sent.reserved is not None:
            claims["header"].append((RESERVED_HEADER, self._sent.reserved))
        if self._sent.elsewhere is not None:
            place = self._sent.elsewhere_in
            claims[place] += alias_values(names_in(self._plan.aliases, place), self._sent.elsewhere).items()
        return (
            [Named(name=name, value=(text(value),)) for name, value in claims["header"]],
            [Named(name=_quoted(name), value=(text(_quoted(value)),)) for name, value in claims["query"]],
        )

    def _named(self, named: Named, *, percent: bool = False) -> Named:
        return structs.replace(named, value=self._parts(named.value, percent=percent))

    def _parts(self, parts: Parts, *, percent: bool = False) -> Parts:
        return tuple(filled for part in parts for filled in self._part(part, percent=percent))

    def _part(self, part: Part, *, percent: bool) -> Parts:
        match part.kind:
            case "tenant" | "nonce":
                value = self._nonce if part.kind == "nonce" else self._id or ""
                return (text(_quoted(value) if percent else value),)
            case "own-variable":
                return self._credential(part.value)
            case _:
                return (part,)

    def _credential(self, name: str) -> Parts:
        """A credential of the tenant's: the user's own variable where it is one, else one that is named after the
        tenant."""
        owner = None if self._credentials_of is None else self._plan.everyone()[self._credentials_of]
        prefix = "TENANT_" if owner is None else f"TENANT_{shell_name(owner.id)[:40]}_"
        own = None if owner is None else owner.variables.get(name)
        stands = (variable(f"{prefix}{name}"),) if own is None else own
        if self._sent.tampered is None or not issued(name):
            return stands
        if self._sent.tampered == "absent":
            return (text(""),)
        return tuple(variable(f"{part.value}_CHANGED") if part.kind == "variable" else part for part in stands)


def _quoted(value: str) -> str:
    return quote(value, safe="")
