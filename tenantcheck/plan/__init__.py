"""Decide whom to ask, what to send and in which order; nothing here sends anything."""

from tenantcheck.plan.schedule import NEWCOMERS, Forecast, Schedule, Wave, forecast
from tenantcheck.plan.tenants import Credentials, Row, TenantList, id_problem, parse_tenants

__all__ = [
    "NEWCOMERS",
    "Credentials",
    "Forecast",
    "Row",
    "Schedule",
    "TenantList",
    "Wave",
    "forecast",
    "id_problem",
    "parse_tenants",
]
