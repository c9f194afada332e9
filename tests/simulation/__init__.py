"""Runs without processes or sockets: the real schedule, pool, front and judge over virtual time."""

from tests.simulation.run import Simulated, SimulatedLab, faults, make_plan, simulate

__all__ = [
    "Simulated",
    "SimulatedLab",
    "faults",
    "make_plan",
    "simulate",
]
