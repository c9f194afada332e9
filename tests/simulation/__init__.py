"""Runs without processes or sockets: the real schedule, pool and judge over virtual time."""

from tests.simulation.run import Simulated, Weather, make_plan, simulate

__all__ = [
    "Simulated",
    "Weather",
    "make_plan",
    "simulate",
]
