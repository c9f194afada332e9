"""Observations grouped once, for evidence and checks: which environment answered whom."""

from tenantcheck.environments.grouping import Environment, Environments, Foreign, Place, Placed, TenantState
from tenantcheck.environments.processes import Disorder, Process, Processes
from tenantcheck.environments.tallies import KEPT, Counts, Kept, Latencies

__all__ = [
    "KEPT",
    "Counts",
    "Disorder",
    "Environment",
    "Environments",
    "Foreign",
    "Kept",
    "Latencies",
    "Place",
    "Placed",
    "Process",
    "Processes",
    "TenantState",
]
