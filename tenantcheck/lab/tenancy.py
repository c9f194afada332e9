"""What Lambda says of a tenant id, and what it answers instead of running a function."""

from __future__ import annotations

import re
from typing import Literal

Isolation = Literal["per-tenant", "none", "broken"]

#: Lambda's pattern for `TenantId`, matched in full.
_TENANT_ID = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")

MISSING_TENANT = (
    "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
)
UNWANTED_TENANT = (
    "The invoked function is not enabled with tenancy configuration. "
    "Remove the tenant ID from your request and try again."
)
MALFORMED_TENANT = (
    "1 validation error detected: Value at 'tenantId' failed to satisfy constraint: "
    r"Member must satisfy regular expression pattern: [a-zA-Z0-9\._:\/=+\-@ ]+"
)


class RefusedError(Exception):
    """A request is answered with an error instead of running the function."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def check_tenant(isolation: Isolation, tenant: str | None, *, accepts: bool = False) -> None:
    """Apply Lambda's rules to a tenant id; `accepts` leaves out the pattern, as a fault does. Raises
    `RefusedError`."""
    if isolation == "none":
        if tenant is not None:
            raise RefusedError(400, "InvalidParameterValueException", UNWANTED_TENANT)
    elif tenant is None:
        raise RefusedError(400, "InvalidParameterValueException", MISSING_TENANT)
    # Runtime clients do not survive a tenant that is no printable ASCII: that much is refused always.
    elif not (_TENANT_ID.fullmatch(tenant) or (accepts and tenant.isascii() and tenant.isprintable())):
        raise RefusedError(400, "ValidationException", MALFORMED_TENANT)
