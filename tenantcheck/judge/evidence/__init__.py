"""What a clean history is worth: the weakest pair, and the rates that no crossing excludes."""

from tenantcheck.judge.evidence.figure import EvidenceCounter
from tenantcheck.judge.evidence.opportunities import rate_bound
from tenantcheck.judge.evidence.pairs import EPSILON, PairProducts, log_factor

__all__ = ["EPSILON", "EvidenceCounter", "PairProducts", "log_factor", "rate_bound"]
