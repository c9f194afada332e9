"""What the lab's servers log: faults of their own, and nothing of what a client broke."""

from __future__ import annotations

import logging

from aiohttp import http_exceptions, web

#: A client that went away, or sent something that is no request.
_CLIENTS_OWN = (
    ConnectionError,
    TimeoutError,
    web.RequestPayloadError,
    http_exceptions.HttpProcessingError,
)


def _is_own(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, _CLIENTS_OWN)


LOGGER = logging.getLogger("tenantcheck.lab")
LOGGER.addFilter(_is_own)
