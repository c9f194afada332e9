"""`log-level-drops-start`: the log level drops the records that name tenants."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look, of_function
from tenantcheck.config.values import text_of

_REMEDIES = {
    "CloudFormation and SAM": ("LoggingConfig: {SystemLogLevel: INFO}"),
    "Terraform": ('logging_config { system_log_level = "INFO" }'),
}


def run(description: Description) -> Judged:
    """Log level of isolated functions that log in JSON format."""
    look = Look("log-level-drops-start", _REMEDIES)
    for function in description.isolated:
        if look.tells(function.resource, function.log_level) and text_of(function.log_level) not in (
            None,
            "INFO",
            "DEBUG",
        ):
            says = "{function} does not log the start of invocations: its logs name no tenant."
            look.found(
                "weakness",
                says,
                of_function(function, "LoggingConfig.SystemLogLevel", function.log_level),
                function=function.resource,
            )
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="log-level-drops-start",
    summary="isolated functions log the start of every invocation",
    needs="isolated functions",
    run=run,
    help=("platform.start is written at the system log level INFO or DEBUG. WARN drops it, and with it the tenant."),
)
