"""Ways to send a prepared call: two senders behind one seam."""

from __future__ import annotations

import os
from importlib.util import find_spec

from tenantcheck.senders.sender import MAX_BODY_BYTES, USER_AGENT, Sender, SenderSettings


def open_sender(settings: SenderSettings, url: str) -> Sender:
    """The fast sender where its package is installed, else httpx. Raises `UsageError` for broken settings."""
    own_authorities = settings.cacert or os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    if find_spec("pyreqwest") is not None and not own_authorities:
        from tenantcheck.senders.pyreqwest_sender import PyreqwestSender

        return PyreqwestSender(settings)
    from tenantcheck.senders.httpx_sender import HttpxSender

    return HttpxSender(settings, url)


__all__ = ["MAX_BODY_BYTES", "USER_AGENT", "Sender", "SenderSettings", "open_sender"]
