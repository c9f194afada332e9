"""The built-in handler with the faults that a handler, or what it is given, can have. The lab names them in
TENANTCHECK_LAB_VARIANTS."""

import fcntl
import hashlib
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
headers: dict = {}
per_tenant: dict = {}
honest_arrived = witness_handler.arrived
honest_witness = witness_handler.witness
honest_handler = witness_handler.handler

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


def hashed(text):
    """A stable id for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def arrived(event):
    """The honest arrival; where no tenancy is configured, the tenant is the one that the front was told."""
    headers.clear()
    headers.update({name.lower(): value for name, value in (event.get("headers") or {}).items()})
    return honest_arrived(event)


def tenant_of(context):
    return getattr(context, "tenant_id", None) or headers.get("x-tenant-id")


def own_ids(arrival, answer, tenant):
    """Ids that go by the tenant, and nothing that shows another one's traces."""
    state = per_tenant.setdefault(
        tenant, {"id": str(uuid.uuid4()), "sandbox": str(uuid.uuid4()), "count": 0, "nonces": []}
    )
    state["count"] += 1
    before, state["nonces"] = state["nonces"], [*state["nonces"][-KEPT:], arrival["nonce"]]
    answer = {name: value for name, value in answer.items() if name != "logStreamName"}
    answer["residue"] = {"memory": before[-KEPT:], "scratch": before[-KEPT:]}
    if "id-per-tenant" in VARIANTS:
        return answer | {
            "executionEnvironmentId": state["id"],
            "sandboxId": state["sandbox"],
            "invocationCount": state["count"],
        }
    count = state["count"] if "id-and-count-per-tenant" in VARIANTS else arrival["count"]
    return answer | {
        "executionEnvironmentId": hashed(f"process {tenant}"),
        "sandboxId": hashed(f"sandbox {tenant}"),
        "invocationCount": count,
    }


#: Variants that change a field of the answer alone.
FIELDS = {
    "tenant-absent": lambda *_: {"tenantId": None},
    "renames": lambda _, tenant: {"tenantId": tenant and hashed(tenant)[:12]},
    "constant-sandbox": lambda *_: {"sandboxId": "made-at-build-time"},
    "counts-from-five": lambda answer, _: {"invocationCount": answer["invocationCount"] + 4},
    "counts-by-two": lambda answer, _: {"invocationCount": 2 * answer["invocationCount"] - 1},
}
PER_TENANT = {"id-per-tenant", "id-hashes-tenant", "id-and-count-per-tenant"}


def witness(arrival, context):
    """The honest witness, changed as the faults say."""
    tenant = tenant_of(context)
    foreign = any(owner != tenant for owner in owners)
    if foreign:
        met_foreign(arrival)
    owners[:] = [tenant]
    memory = witness_handler.SCRATCH / "tenantcheck-memory"
    if "several-at-once" in VARIANTS:
        exclusively(memory, begun)
    answer = honest_witness(arrival, context)
    if "several-at-once" in VARIANTS:
        # The counter is read when the work is done: by then others have counted.
        shared = exclusively(memory, lambda kept: kept)
        answer |= {"executionEnvironmentId": shared["id"], "invocationCount": shared["count"]}
    for name in VARIANTS:
        answer |= FIELDS[name](answer, tenant) if name in FIELDS else {}
    if PER_TENANT & set(VARIANTS):
        answer = own_ids(arrival, answer, tenant)
    if "shared-directory" in VARIANTS:
        nonces = exclusively(SHARED / "nonces", lambda kept: [*(kept or [])[-KEPT:], arrival["nonce"]])
        answer["residue"]["scratch"] = (nonces or [])[-KEPT:]
    if "no-residue" in VARIANTS:
        del answer["residue"]
    return answer


def met_foreign(arrival):
    """What some handlers do in an environment that served another tenant."""
    if "raises-on-foreign" in VARIANTS:
        raise PermissionError("this environment served another tenant")
    if "errors-name" in VARIANTS:
        # An error that says where it happened, and nothing of what others left there.
        raise Named
    if "renewed-id" in VARIANTS:
        witness_handler.ENVIRONMENT_ID = str(uuid.uuid4())
        witness_handler.count = arrival["count"] = 1


class Named(Exception):  # noqa: N818 - an answer
    """An error whose answer names the environment that it happened in."""


def handler(event, context):
    """The honest handler, whose errors may name their environment."""
    try:
        return honest_handler(event, context)
    except Named:
        sandbox = witness_handler.remembered("tenantcheck-sandbox-id", "")
        named = {"executionEnvironmentId": witness_handler.ENVIRONMENT_ID, "sandboxId": sandbox}
        return {"statusCode": 500, "body": json.dumps(named)}


witness_handler.arrived = arrived
witness_handler.witness = witness
