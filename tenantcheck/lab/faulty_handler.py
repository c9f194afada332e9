"""The built-in handler with the faults that a handler, or what it is given, can have. The lab names them in
TENANTCHECK_LAB_VARIANTS."""

import fcntl
import json
import os
import pathlib
import uuid

import witness_handler

VARIANTS = os.environ["TENANTCHECK_LAB_VARIANTS"].split(",")
SHARED = pathlib.Path(os.environ["TENANTCHECK_LAB_SHARED"])
IMAGE = os.environ["TENANTCHECK_LAB_IMAGE"]
KEPT = witness_handler.KEPT

owners: list = []
honest_witness = witness_handler.witness

if "snapshot-clone" in VARIANTS or "constant-id" in VARIANTS:
    # Environments of one memory image have what was made before it was taken.
    witness_handler.ENVIRONMENT_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SHARED}/{IMAGE}"))


def exclusively(file, change):
    """Change a JSON file that several processes use; returns what stood there before."""
    with file.open("a+") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        opened.seek(0)
        before = json.loads(opened.read() or "null")
        opened.truncate(0)
        opened.write(json.dumps(change(before)))
    return before


def begun(memory):
    """The memory of an environment that serves several requests at once, with one more of them."""
    memory = memory or {"id": witness_handler.ENVIRONMENT_ID, "count": 0}
    return memory | {"count": memory["count"] + 1}


def witness(nonce, context):
    """The honest witness, changed as the faults say."""
    tenant = getattr(context, "tenant_id", None)
    memory = witness_handler.SCRATCH / "tenantcheck-memory"
    if "raises-on-foreign" in VARIANTS and any(owner != tenant for owner in owners):
        raise PermissionError("this environment served another tenant")
    if "renewed-id" in VARIANTS and any(owner != tenant for owner in owners):
        witness_handler.ENVIRONMENT_ID = str(uuid.uuid4())
        witness_handler.count = 0
    owners[:] = [tenant]
    if "several-at-once" in VARIANTS:
        exclusively(memory, begun)
    answer = honest_witness(nonce, context)
    if "several-at-once" in VARIANTS:
        # The counter is read when the work is done: by then others have counted.
        shared = exclusively(memory, lambda kept: kept)
        answer |= {"executionEnvironmentId": shared["id"], "invocationCount": shared["count"]}
    if "tenant-absent" in VARIANTS:
        answer["tenantId"] = None
    if "shared-directory" in VARIANTS:
        nonces = exclusively(SHARED / "nonces", lambda kept: [*(kept or [])[-KEPT:], nonce])
        answer["residue"]["scratch"] = (nonces or [])[-KEPT:]
    return answer


witness_handler.witness = witness
handler = witness_handler.handler
