"""Witness handler: tells which execution environment served a request, only when a nonce was sent.

Works behind an API Gateway REST proxy (nonce in the header x-tenantcheck-nonce or the query parameter
tenantcheckNonce) and by direct Invoke (nonce in the payload's tenantcheckNonce). Paste it, or call witness() from
your own handler.
"""

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
KEPT = 32

count = 0
nonces: list = []


def remembered(name, default):
    file = SCRATCH / name
    if not file.exists():
        file.write_text(default)
    return file.read_text()


def witness(nonce, context):
    global count
    count += 1
    scratch = remembered("tenantcheck-nonces", "").split()
    answer = {
        "executionEnvironmentId": ENVIRONMENT_ID,
        "sandboxId": remembered("tenantcheck-sandbox-id", str(uuid.uuid4())),
        "logStreamName": context.log_stream_name,
        "invocationCount": count,
        "tenantId": getattr(context, "tenant_id", None),
        "nonce": nonce,
        "residue": {"memory": nonces[-KEPT:], "scratch": scratch[-KEPT:]},
    }
    nonces[:] = [*nonces[-KEPT:], nonce]
    (SCRATCH / "tenantcheck-nonces").write_text(" ".join([*scratch[-KEPT:], nonce]))
    time.sleep(HOLD_S)
    return answer


def handler(event, context):
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    nonce = headers.get("x-tenantcheck-nonce") or query.get("tenantcheckNonce") or event.get("tenantcheckNonce")
    answer = witness(nonce, context) if nonce else {"ok": True}
    if "requestContext" not in event:
        return answer
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }
