"""What can be tested: an HTTP endpoint, or a function by Invoke."""

from tenantcheck.targets.target import Outcome, Target, kept_headers

__all__ = ["Outcome", "Target", "kept_headers"]
