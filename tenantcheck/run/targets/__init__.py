"""What can be tested: an HTTP endpoint, or a function by Invoke."""

from tenantcheck.run.targets.target import Outcome, Target, kept_headers, media_type, service_message

__all__ = ["Outcome", "Target", "kept_headers", "media_type", "service_message"]
