"""The checks, one file each; this tuple lists them."""

from tenantcheck.checks import (
    cloned_identity,
    counter_order,
    foreign_residue,
    lookalike_collapse,
    not_isolated,
    replayed_response,
    shared_environment,
    unseen_caller,
    wrong_tenant,
)
from tenantcheck.checks.check import Check, Judged
from tenantcheck.checks.not_isolated import refuses_tenants

CHECKS: tuple[Check, ...] = (
    shared_environment.CHECK,
    wrong_tenant.CHECK,
    foreign_residue.CHECK,
    replayed_response.CHECK,
    cloned_identity.CHECK,
    counter_order.CHECK,
    unseen_caller.CHECK,
    not_isolated.CHECK,
    lookalike_collapse.CHECK,
)

CHECK_IDS: tuple[str, ...] = tuple(check.id for check in CHECKS)

__all__ = ["CHECKS", "CHECK_IDS", "Check", "Judged", "refuses_tenants"]
