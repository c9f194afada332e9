"""The checks, one file each; this tuple lists them."""

from tenantcheck.judge.checks import (
    ambiguous_tenant,
    cloned_identity,
    control_not_caught,
    counter_order,
    foreign_residue,
    foreign_tenant_accepted,
    forged_credentials_accepted,
    invalid_tenant_accepted,
    lookalike_collapse,
    missing_tenant_accepted,
    not_delivered_once,
    not_isolated,
    replayed_response,
    reserved_header_honoured,
    shared_environment,
    unseen_caller,
    wrong_tenant,
)
from tenantcheck.judge.checks.check import Check, Judged, trusted
from tenantcheck.judge.checks.not_isolated import refuses_tenants
from tenantcheck.model import CheckId

CHECKS: tuple[Check, ...] = (
    shared_environment.CHECK,
    wrong_tenant.CHECK,
    foreign_residue.CHECK,
    replayed_response.CHECK,
    cloned_identity.CHECK,
    counter_order.CHECK,
    unseen_caller.CHECK,
    not_delivered_once.CHECK,
    not_isolated.CHECK,
    lookalike_collapse.CHECK,
    missing_tenant_accepted.CHECK,
    invalid_tenant_accepted.CHECK,
    reserved_header_honoured.CHECK,
    ambiguous_tenant.CHECK,
    foreign_tenant_accepted.CHECK,
    forged_credentials_accepted.CHECK,
    control_not_caught.CHECK,
)

CHECK_IDS: tuple[CheckId, ...] = tuple(check.id for check in CHECKS)

__all__ = ["CHECKS", "CHECK_IDS", "Check", "Judged", "refuses_tenants", "trusted"]
