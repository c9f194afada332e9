"""The rules over rows, one file each, named as their id."""

from tenantcheck.logs.rules.function_line_tenant import RULE as _FUNCTION_LINE_TENANT
from tenantcheck.logs.rules.log_gap import RULE as _LOG_GAP
from tenantcheck.logs.rules.missing_tenant import RULE as _MISSING_TENANT
from tenantcheck.logs.rules.rule import LogRule
from tenantcheck.logs.rules.shared_environment import RULE as _SHARED_ENVIRONMENT
from tenantcheck.logs.rules.unexpected_tenant import RULE as _UNEXPECTED_TENANT

#: In the order of reports.
RULES: tuple[LogRule, ...] = (
    _SHARED_ENVIRONMENT,
    _MISSING_TENANT,
    _LOG_GAP,
    _FUNCTION_LINE_TENANT,
    _UNEXPECTED_TENANT,
)

__all__ = ["RULES", "LogRule"]
