"""Observations go in; out come `Environments`: who was answered by what, grouped once by subject (places, processes,
identities, people, nonces, attacks) for evidence and checks."""

from tenantcheck.judge.environments.attacks import Framed
from tenantcheck.judge.environments.grouping import Environments, Grouped
from tenantcheck.judge.environments.identities import easily_shared
from tenantcheck.judge.environments.places import Place
from tenantcheck.judge.environments.processes import Process
from tenantcheck.judge.environments.shown_nonces import Foreign
from tenantcheck.judge.environments.tallies import KEPT

__all__ = ["KEPT", "Environments", "Foreign", "Framed", "Grouped", "Place", "Process", "easily_shared"]
