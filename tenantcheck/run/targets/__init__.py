"""What can be tested: an HTTP endpoint, or a function by Invoke."""

from tenantcheck.run.targets.target import Target, kept_headers, media_type, service_message

__all__ = ["Target", "kept_headers", "media_type", "service_message"]
