"""Identities that do not name one environment, and storage that outlives or spans environments."""

from __future__ import annotations

from tenantcheck.lab.faults.fault import Fault

IDENTITY_FAULTS: tuple[Fault, ...] = (
    Fault(
        name="scratch-handed-on",
        kind="identity",
        summary="instead of a cold start, another tenant's idle environment gets a new process; its scratch stays",
        steals=lambda situation, _: situation.own_idle == 0,
        restarts=True,
    ),
    Fault(
        name="snapshot-clone",
        kind="identity",
        summary="a tenant's environments start from a snapshot of its first one, process id included",
        image=lambda _, first: first,
        handler=True,
    ),
    Fault(
        name="constant-id",
        kind="identity",
        summary="the process id was made at build time",
        image=lambda *_: 0,
        handler=True,
    ),
    Fault(
        name="renewed-id",
        kind="identity",
        summary="the handler makes a new process id whenever the tenant changes",
        handler=True,
    ),
    Fault(
        name="id-per-tenant",
        kind="identity",
        summary="the handler makes every id, count and memory per tenant and environment",
        handler=True,
    ),
    Fault(
        name="id-hashes-tenant",
        kind="identity",
        summary="the ids are hashes of the tenant; the count is that of the environment",
        handler=True,
    ),
    Fault(
        name="id-and-count-per-tenant",
        kind="identity",
        summary="the ids are hashes of the tenant, and the count is kept per tenant and environment",
        handler=True,
    ),
    Fault(
        name="errors-name",
        kind="identity",
        summary="the handler answers a tenant in another's environment with an error that names it",
        handler=True,
    ),
    Fault(
        name="no-residue",
        kind="identity",
        summary="the handler does not report what it still finds of earlier requests",
        handler=True,
    ),
    Fault(
        name="constant-sandbox",
        kind="identity",
        summary="the sandbox id was made at build time",
        handler=True,
    ),
    Fault(
        name="several-at-once",
        kind="identity",
        summary="an environment serves up to k requests of its tenant at once",
        defaults={"k": 4},
        packs=True,
        handler=True,
    ),
    Fault(
        name="tenant-absent",
        kind="identity",
        summary="the handler's context has no tenant",
        handler=True,
    ),
    Fault(
        name="shared-directory",
        kind="storage",
        summary="all environments mount one directory, which the handler keeps data in",
        handler=True,
    ),
)
