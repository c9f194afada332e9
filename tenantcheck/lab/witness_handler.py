"""Witness for tenantcheck: tells which execution environment served a request, only when a nonce was sent.

Put @witnessed above your own handler, or use the one at the end. Or call arrived() in the first line of your own,
before any check can end the call, and add witness() to its answer.

Works behind an API Gateway REST proxy (nonce in the header x-tenantcheck-nonce or the query parameter
tenantcheckNonce) and by direct Invoke (nonce in the payload's tenantcheckNonce). Where the function has the variable
TENANTCHECK_KEY, only requests that bring that key are told anything (x-tenantcheck-key, tenantcheckKey).
"""

import functools
import hmac
import json
import os
import pathlib
import tempfile
import time
import uuid

ENVIRONMENT_ID = str(uuid.uuid4())  # made once per process, at module load
SCRATCH = pathlib.Path(tempfile.gettempdir())  # /tmp on Lambda: survives a crash of the process
# Answering slowly makes requests overlap, so that one tenant needs several environments.
HOLD_S = float(os.environ.get("TENANTCHECK_HOLD_MS", "50")) / 1000
KEY = os.environ.get("TENANTCHECK_KEY", "")
KEPT = 32

count = 0
nonces: list = []


def remembered(name, default):
    file = SCRATCH / name
    if not file.exists():
        file.write_text(default)
    return file.read_text()


def sent(event, header, name):
    """What came in this header, or under this name in the query or in the payload of an Invoke."""
    if not isinstance(event, dict):
        return ""
    headers = {each.lower(): values[-1] for each, values in (event.get("multiValueHeaders") or {}).items()}
    headers |= {each.lower(): value for each, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    return str(headers.get(header) or query.get(name) or event.get(name) or "")


def arrived(event):
    """Counts the request, and notes its nonce: to be called in the first line."""
    global count
    count += 1
    nonce = sent(event, "x-tenantcheck-nonce", "tenantcheckNonce")
    key = sent(event, "x-tenantcheck-key", "tenantcheckKey")
    if KEY and not hmac.compare_digest(key.encode(), KEY.encode()):
        nonce = ""
    scratch = remembered("tenantcheck-nonces", "").split()
    arrival = {"nonce": nonce, "count": count, "memory": nonces[-KEPT:], "scratch": scratch[-KEPT:]}
    if nonce:
        nonces[:] = [*nonces[-KEPT:], nonce]
        (SCRATCH / "tenantcheck-nonces").write_text(" ".join([*scratch[-KEPT:], nonce]))
    return arrival


def witness(arrival, context):
    """Which environment this is, and what it still has of earlier requests."""
    answer = {
        "executionEnvironmentId": ENVIRONMENT_ID,
        "sandboxId": remembered("tenantcheck-sandbox-id", str(uuid.uuid4())),
        "logStreamName": context.log_stream_name,
        "invocationCount": arrival["count"],
        "tenantId": getattr(context, "tenant_id", None),
        "nonce": arrival["nonce"],
        "residue": {"memory": arrival["memory"], "scratch": arrival["scratch"]},
    }
    time.sleep(HOLD_S)
    return answer


def answered(event, answer):
    """An answer in the form that API Gateway wants, where it asked."""
    if "requestContext" not in event:
        return answer
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }


def witnessed(function):
    """Decorator: requests that bring a nonce are answered with the witness, all others by the handler below it."""

    @functools.wraps(function)
    def handler(event, context):
        arrival = arrived(event)
        if arrival["nonce"]:
            return answered(event, witness(arrival, context))
        return function(event, context)

    return handler


@witnessed
def handler(event, context):
    return answered(event, {"ok": True})
