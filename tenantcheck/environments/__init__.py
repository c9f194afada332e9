"""Observations grouped once, for evidence and checks: which environment answered whom."""

from tenantcheck.environments.grouping import Environments, Foreign, Grouped, TenantState
from tenantcheck.environments.placing import Environment, Place, Places
from tenantcheck.environments.processes import Disorder, Process, Processes
from tenantcheck.environments.tallies import KEPT, Counts, Kept, Latencies

__all__ = [
    "KEPT",
    "Counts",
    "Disorder",
    "Environment",
    "Environments",
    "Foreign",
    "Grouped",
    "Kept",
    "Latencies",
    "Place",
    "Places",
    "Process",
    "Processes",
    "TenantState",
]
