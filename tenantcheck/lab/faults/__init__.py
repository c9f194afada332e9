"""Known faults of the lab, so that a checker can be shown failures; and weather, which must not look like one.

The audit log stays the ground truth.
"""

from tenantcheck.lab.faults.active import Faults, parse_fault
from tenantcheck.lab.faults.fault import ActiveFault, Candidate, Fault, Sent, Situation
from tenantcheck.lab.faults.known import FAULTS

__all__ = ["FAULTS", "ActiveFault", "Candidate", "Fault", "Faults", "Sent", "Situation", "parse_fault"]
