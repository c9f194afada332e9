"""Fronts that map the wrong tenant, believe the wrong header, or answer out of the wrong drawer."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tenantcheck.lab.faults.fault import Fault, Sent


def _cleaned(sent: Sent) -> str | None:
    return re.sub(r"[^a-zA-Z0-9._:/=+\-@ ]", "", sent.ids[-1])[:256] if sent.ids else None


def _last(sent: Sent) -> str | None:
    return sent.ids[-1] if sent.ids else None


FRONT_FAULTS: tuple[Fault, ...] = (
    Fault(name="constant-tenant", kind="front", summary="the front maps a literal", maps=lambda _: "everyone"),
    Fault(
        name="missing-defaulted",
        kind="front",
        summary="the front gives a default tenant to requests without one",
        maps=lambda sent: _last(sent) or "default",
    ),
    Fault(
        name="invalid-cleaned", kind="front", summary="the front makes invalid ids valid, cut to 256", maps=_cleaned
    ),
    Fault(name="invalid-accepted", kind="front", summary="ids outside Lambda's pattern are served", accepts=True),
    Fault(
        name="reserved-honoured",
        kind="front",
        summary="the client's own X-Amz-Tenant-Id wins",
        maps=lambda sent: sent.reserved or _last(sent),
    ),
    Fault(
        name="first-header",
        kind="front",
        summary="of two tenant headers the first one counts",
        maps=lambda sent: sent.ids[0] if sent.ids else None,
    ),
    Fault(name="last-header", kind="front", summary="of two tenant headers the last one counts", maps=_last),
    Fault(name="percent-decoding", kind="front", summary="ids are percent-decoded once too often", reads=unquote),
    Fault(
        name="plus-decoding",
        kind="front",
        summary="a plus in an id becomes a space",
        reads=lambda id_: id_.replace("+", " "),
    ),
    Fault(name="cached-response", kind="front", summary="GET responses are cached under their URL", caches=True),
    Fault(
        name="merged-requests",
        kind="front",
        summary="GET requests for one URL that are in flight together are answered by one of them",
        merges=True,
    ),
    Fault(
        name="resends",
        kind="front",
        summary="what the handler refuses is sent again, up to n times",
        defaults={"n": 20},
        resends=True,
    ),
    Fault(
        name="mirrored",
        kind="front",
        summary="a copy of every request, without its nonce, goes to one tenant's environments too",
        mirrors=True,
    ),
    Fault(
        name="authorizer-cached",
        kind="front",
        summary="with an authorizer: one result of it serves everybody for t seconds",
        defaults={"t": 300},
        remembers_authorization=True,
        needs_authorizer=True,
    ),
    Fault(
        name="tokens-unverified",
        kind="front",
        summary="with an authorizer: a token is believed, whoever made it",
        trusts_tokens=True,
        needs_authorizer=True,
    ),
    Fault(
        name="credentials-unbound",
        kind="front",
        summary="with an authorizer: any token goes with any tenant id",
        authorizes=lambda sent: _last(sent) or sent.bearer,
        needs_authorizer=True,
    ),
)
