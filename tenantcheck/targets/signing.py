"""SigV4 by botocore; prepared once where requests differ in nothing but body and time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest

from tenantcheck.model.call import Call
from tenantcheck.targets.aws import translated


class BodySigner:
    """Signs requests that are `call` with another body.

    botocore signs the first request of a day. In what it signed (the canonical request of SigV4) only the time and
    the digest of the body are other ones in the next, so these are put in place and the rest is kept, the key that
    is derived from secret, day, region and service included. Where the first request, put together like this, does
    not come out as botocore signed it, botocore signs every request.
    """

    def __init__(self, call: Call, credentials: Any, service: str, region: str) -> None:
        self._call = call
        self._auth = _Auth(credentials, service, region)
        self._sign_next: Callable[[str, bytes], Call] | None = None
        self._day = ""

    def sign(self, body: bytes) -> Call:
        """The request with this body, signed now. Raises `TargetError` and `UsageError`."""
        stamp = datetime.now(UTC).strftime(SIGV4_TIMESTAMP)
        if self._sign_next is not None and stamp.startswith(self._day):
            return self._sign_next(stamp, body)
        with translated():
            request, signed = by_botocore(self._auth, self._call, body)
        stamp = request.context["timestamp"]
        again = _prepared(self._auth, request, self._call)
        if again is not None and dict(again(stamp, body).headers) == dict(signed.headers):
            self._day, self._sign_next = stamp[:8], again
        return signed


def by_botocore(auth: SigV4Auth, call: Call, body: bytes) -> tuple[AWSRequest, Call]:
    """A call with this body, signed now: as botocore has it, and as it is sent."""
    request = AWSRequest(method=call.method, url=call.url, data=body, headers=dict(call.headers))
    auth.add_auth(request)
    headers = tuple(request.headers.items())
    return request, Call(method=call.method, url=call.url, headers=headers, body=body)


class _Auth(SigV4Auth):
    """botocore's signer. It remembers what it signed, and derives the key of a day once."""

    canonical = ""

    def __init__(self, credentials: Any, service: str, region: str) -> None:
        super().__init__(credentials, service, region)
        self._derived = lru_cache(maxsize=8)(super()._sign)  # type: ignore[misc]  # not in the stubs

    def canonical_request(self, request: AWSRequest) -> str:
        self.canonical = super().canonical_request(request)
        return self.canonical

    def _sign(self, key: Any, msg: str, hex: bool = False) -> Any:  # noqa: A002 - botocore's name
        # With `hex` it is the signature itself, without the steps that derive the key.
        signed = super()._sign  # type: ignore[misc]  # not in the stubs
        return signed(key, msg, hex=True) if hex else self._derived(key, msg)


def _prepared(auth: _Auth, request: AWSRequest, call: Call) -> Callable[[str, bytes], Call] | None:
    """What signs a request like `request`, which is signed already, at another time of the same day and with
    another body. None when its time or body is not where SigV4 has it."""
    stamp, signature_of = request.context["timestamp"], "Signature="
    unhashed, _, _ = auth.canonical.rpartition("\n")
    before, dated, between = unhashed.partition(f"x-amz-date:{stamp}\n")
    authorization, signed, _ = request.headers["Authorization"].rpartition(signature_of)
    if not dated or not signed:
        return None
    kept = tuple(pair for pair in request.headers.items() if pair[0].lower() not in ("x-amz-date", "authorization"))

    def sign(stamp: str, body: bytes) -> Call:
        canonical = f"{before}x-amz-date:{stamp}\n{between}\n{sha256(body).hexdigest()}"
        request.context["timestamp"] = stamp
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        made = (("X-Amz-Date", stamp), ("Authorization", f"{authorization}{signature_of}{signature}"))
        return Call(method=call.method, url=call.url, headers=(*kept, *made), body=body)

    return sign
