"""`text-log-format`: logs do not say for which tenant an invocation ran."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look, of_function
from tenantcheck.config.values import text_of

_REMEDIES = {
    "CloudFormation and SAM": ("LoggingConfig: {LogFormat: JSON, SystemLogLevel: INFO}"),
    "Terraform": ('logging_config { log_format = "JSON" }'),
    "CLI": ("aws lambda update-function-configuration --logging-config LogFormat=JSON"),
}


def run(description: Description) -> Judged:
    """Log format of isolated functions."""
    look = Look("text-log-format", _REMEDIES)
    for function in description.isolated:
        if look.tells(function.resource, function.log_format) and text_of(function.log_format) != "JSON":
            says = "{function} logs in text format: its logs name no tenant and can't be audited."
            look.found(
                "weakness",
                says,
                of_function(function, "LoggingConfig.LogFormat", function.log_format),
                function=function.resource,
            )
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="text-log-format",
    summary="isolated functions log in JSON format",
    needs="isolated functions",
    run=run,
    help=(
        "Only JSON records of the platform carry the tenant; Text is the default. Without them tenantcheck "
        "audit can prove nothing."
    ),
)
