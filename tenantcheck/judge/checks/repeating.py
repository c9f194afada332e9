"""How one request is sent again: the plan's command with everything filled in."""

from __future__ import annotations

import re
from urllib.parse import quote

from msgspec import structs

from tenantcheck.model import Argument, Part, Plan, Repeat, Request, Sent
from tenantcheck.model.boundary import NONCE_HEADER, RESERVED_HEADER, alias_values, issued, names_in
from tenantcheck.model.repeat import text


def repeat_of(plan: Plan, request: Request) -> Repeat | None:
    """The command that sends a request again, with the id it was sent with, none, or two."""
    if plan.repeat is None:
        return None
    own = plan.everyone()[request.tenant].id if request.tenant is not None else None
    carried = request.sent
    id_ = own if carried.ids is None else carried.ids[0]
    arguments = [argument for argument in plan.repeat.arguments if id_ is not None or not argument.has("tenant")]
    if carried.nonce_in_header:
        arguments = [_without_nonce(argument) for argument in arguments]
        arguments.append(Argument(flag="-H", value=(text(f"{NONCE_HEADER}: "), Part(kind="nonce"))))
    arguments = _claiming(plan, carried, arguments)
    owner = carried.credential if carried.credential is not None else request.tenant
    prefix = _variable_prefix(plan, owner)

    def filled(part: Part) -> Part:
        match part.kind:
            case "tenant":
                value = id_ or ""
            case "nonce":
                value = request.nonce
            case "own-variable" if carried.tampered is not None and issued(part.value):
                if carried.tampered == "absent":
                    return text("")
                return Part(kind="variable", value=f"{prefix}{part.value}_CHANGED")
            case "own-variable":
                return Part(kind="variable", value=f"{prefix}{part.value}")
            case _:
                return part
        return text(quote(value, safe="") if part.percent else value)

    return structs.replace(plan.repeat, arguments=tuple(arguments)).with_parts(filled)


def _variable_prefix(plan: Plan, owner: int | None) -> str:
    """Whose credentials: each tenant's stand as variables of their own."""
    if owner is None:
        return "TENANT_"
    id_ = re.sub(r"[^A-Z0-9]", "_", plan.everyone()[owner].id.upper())[:40]
    return f"TENANT_{id_}_"


def _without_nonce(argument: Argument) -> Argument:
    """A URL without the parameter of the nonce, which comes last."""
    if argument.flag != "--url" or not argument.has("nonce"):
        return argument
    at = next(position for position, part in enumerate(argument.value) if part.kind == "nonce")
    return structs.replace(argument, value=argument.value[: at - 1])


def _claiming(plan: Plan, sent: Sent, arguments: list[Argument]) -> list[Argument]:
    """The arguments with what claims to be another tenant besides."""
    headers = [(plan.tenant_place.partition(":")[2], id_) for id_ in (sent.ids or ())[1:]]
    if sent.reserved is not None:
        headers.append((RESERVED_HEADER, sent.reserved))
    if sent.elsewhere is not None:
        claims = alias_values(names_in(plan.aliases, sent.elsewhere_in), sent.elsewhere)
        if sent.elsewhere_in == "header":
            headers += claims.items()
        else:
            added = "".join(f"&{quote(name, safe='')}={quote(value, safe='')}" for name, value in claims.items())
            arguments = [_with_query(each, added) if each.flag == "--url" else each for each in arguments]
    return [*arguments, *(Argument(flag="-H", value=(text(f"{name}: {value}"),)) for name, value in headers)]


def _with_query(argument: Argument, added: str) -> Argument:
    there = any("?" in part.value for part in argument.value if part.kind == "text")
    return structs.replace(argument, value=(*argument.value, text(added if there else f"?{added[1:]}")))
