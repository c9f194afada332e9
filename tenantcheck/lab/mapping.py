"""From what a client sent to the tenant that Lambda is told: the front's whole decision, without I/O."""

from __future__ import annotations

import hashlib

from tenantcheck.lab.faults import Faults, Sent
from tenantcheck.lab.tenancy import RefusedError

_PREFIX = "lab-"


def token(tenant: str) -> str:
    """The token that the lab's authorizer takes for one of this tenant: `lab-<tenant>.<mark>`."""
    return f"{_PREFIX}{tenant}.{hashlib.sha256(f'lab {tenant}'.encode()).hexdigest()[:12]}"


def bearer(authorization: str | None) -> str | None:
    """The tenant that an `Authorization: Bearer lab-<tenant>.<mark>` was issued to; None for anything else."""
    tenant = claimed(authorization)
    return tenant if tenant and (authorization or "").partition(" ")[2] == token(tenant) else None


def claimed(authorization: str | None) -> str | None:
    """The tenant that a token names, whoever made it."""
    scheme, _, named = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not named.startswith(_PREFIX):
        return None
    return named.removeprefix(_PREFIX).rpartition(".")[0] or None


class Mapping:
    """Maps the tenant as a REST API does: from a header or query parameter, or, with an authorizer, from the
    authorizer's context (then ids that a client sends are ignored)."""

    def __init__(self, faults: Faults, *, authorizer: bool = False) -> None:
        self._faults = faults
        self._authorizer = authorizer
        self._remembered: tuple[float, str | None] | None = None

    def tenant(self, sent: Sent, now_s: float) -> str | None:
        """The tenant of a request. Raises `RefusedError` without a valid token.

        It goes on in a header, so spaces at its ends are lost.
        """
        tenant = self._authorized(sent, now_s) if self._authorizer else self._faults.tenant(sent)
        return tenant.strip(" ") if tenant is not None else None

    def _authorized(self, sent: Sent, now_s: float) -> str | None:
        if self._faults.first(lambda fault: fault.trusts_tokens) is not None:
            sent = sent._replace(bearer=sent.claimed)
        if sent.bearer is None:
            raise RefusedError(401, "UnauthorizedException", "Unauthorized")
        for each in self._faults.active:
            if each.fault.authorizes is not None:
                return each.fault.authorizes(sent)
        remembering = self._faults.first(lambda fault: fault.remembers_authorization)
        if remembering is None:
            # What the front maps is one id, the authorizer's.
            return self._faults.tenant(sent._replace(ids=[sent.bearer]))
        if self._remembered is None or now_s - self._remembered[0] >= remembering.parameters["t"]:
            self._remembered = (now_s, sent.bearer)
        return self._remembered[1]
