"""Observations grouped once, for evidence and checks: which environment answered whom."""

from tenantcheck.judge.environments.continuity import Filled, Unsent
from tenantcheck.judge.environments.grouping import Environments, Foreign, Framed, Grouped, TenantState
from tenantcheck.judge.environments.identities import Contradiction, easily_shared
from tenantcheck.judge.environments.placing import Environment, Place, Places
from tenantcheck.judge.environments.processes import Disorder, Process, Processes
from tenantcheck.judge.environments.tallies import KEPT, Counts, Kept, Latencies

__all__ = [
    "KEPT",
    "Contradiction",
    "Counts",
    "Disorder",
    "Environment",
    "Environments",
    "Filled",
    "Foreign",
    "Framed",
    "Grouped",
    "Kept",
    "Latencies",
    "Place",
    "Places",
    "Process",
    "Processes",
    "TenantState",
    "Unsent",
    "easily_shared",
]
