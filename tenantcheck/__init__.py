"""tenantcheck: does AWS Lambda keep one tenant's execution environments away from another's?"""

__version__ = "0.1.0"
