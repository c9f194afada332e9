"""Ways to send a prepared call: two senders behind one seam."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from tenantcheck.senders.sender import MAX_BODY_BYTES, USER_AGENT, ConnectsAhead, Sender, SenderSettings


def open_sender(settings: SenderSettings, url: str) -> Sender:
    """The fast sender where its package is installed, else httpx. Raises `UsageError` for broken settings."""
    if find_spec("pycurl") is not None and sys.platform != "win32":
        from tenantcheck.senders.curl_sender import CurlSender

        return CurlSender(settings, url)
    from tenantcheck.senders.httpx_sender import HttpxSender

    return HttpxSender(settings, url)


__all__ = ["MAX_BODY_BYTES", "USER_AGENT", "ConnectsAhead", "Sender", "SenderSettings", "open_sender"]
