"""Ways to send a prepared call: two senders behind one seam."""

from __future__ import annotations

import sys

from tenantcheck.run.senders.sender import (
    MAX_BODY_BYTES,
    ConnectsAhead,
    Sender,
    SenderSettings,
    proxy_secrets,
)


def open_sender(settings: SenderSettings, url: str) -> Sender:
    """The fast sender where its package is installed, else httpx. Raises `UsageError` for broken settings."""
    if settings.app is not None:
        from tenantcheck.run.senders.httpx_sender import in_process

        return in_process(settings)
    if _can_use_curl():
        from tenantcheck.run.senders.curl_sender import CurlSender

        return CurlSender(settings, url)
    from tenantcheck.run.senders.httpx_sender import HttpxSender

    return HttpxSender(settings, url)


def _can_use_curl() -> bool:
    """Whether there is a pycurl that works here and can tell when a request is about to be sent."""
    try:
        import pycurl
    except ImportError:  # not installed, or built for another libcurl
        return False
    return sys.platform != "win32" and hasattr(pycurl, "PREREQFUNCTION") and hasattr(pycurl, "STARTTRANSFER_TIME_T")


__all__ = [
    "MAX_BODY_BYTES",
    "ConnectsAhead",
    "Sender",
    "SenderSettings",
    "open_sender",
    "proxy_secrets",
]
