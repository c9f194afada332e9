"""tenantcheck: does AWS Lambda keep one tenant's execution environments away from another's?"""

from tenantcheck.version import __version__

__all__ = ["__version__"]
