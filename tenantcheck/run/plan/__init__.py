"""Decide whom to ask, what to send and in which order; nothing here sends anything."""

from tenantcheck.run.plan.schedule import NEWCOMERS, SOAK_NEWCOMERS, Forecast, Schedule, Wave, forecast
from tenantcheck.run.plan.tenants import (
    Credentials,
    TenantList,
    TenantRow,
    fresh_tenants,
    id_problem,
    named_tenants,
    parse_tenants,
)

__all__ = [
    "NEWCOMERS",
    "SOAK_NEWCOMERS",
    "Credentials",
    "Forecast",
    "Schedule",
    "TenantList",
    "TenantRow",
    "Wave",
    "forecast",
    "fresh_tenants",
    "id_problem",
    "named_tenants",
    "parse_tenants",
]
