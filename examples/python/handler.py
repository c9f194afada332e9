"""Witness handler: tells which execution environment served a request, only when a nonce was sent.

Works behind an API Gateway REST proxy (nonce in the header x-tenantcheck-nonce or the query parameter
tenantcheckNonce) and by direct Invoke (nonce in the payload's tenantcheckNonce). Paste it; or call arrived() in the
first line of your own handler, before any check can end the call, and answer with witness().
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


def arrived(event):
    global count
    count += 1
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    nonce = headers.get("x-tenantcheck-nonce") or query.get("tenantcheckNonce") or event.get("tenantcheckNonce")
    scratch = remembered("tenantcheck-nonces", "").split()
    arrival = {"nonce": nonce, "count": count, "memory": nonces[-KEPT:], "scratch": scratch[-KEPT:]}
    if nonce:
        nonces[:] = [*nonces[-KEPT:], nonce]
        (SCRATCH / "tenantcheck-nonces").write_text(" ".join([*scratch[-KEPT:], nonce]))
    return arrival


def witness(arrival, context):
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


def handler(event, context):
    arrival = arrived(event)
    answer = witness(arrival, context) if arrival["nonce"] else {"ok": True}
    if "requestContext" not in event:
        return answer
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }
