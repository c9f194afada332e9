"""The checks, one file each, named as their id: an environment's observations go in, findings come out."""

from importlib import import_module

from tenantcheck.judge.checks.check import RunCheck
from tenantcheck.judge.checks.not_isolated import refuses_tenants
from tenantcheck.model import CHECK_IDS

CHECKS: tuple[RunCheck, ...] = tuple(
    import_module(f"tenantcheck.judge.checks.{id_.replace('-', '_')}").CHECK for id_ in CHECK_IDS
)

__all__ = ["CHECKS", "RunCheck", "refuses_tenants"]
