"""`shared-file-system`: all tenants of an isolated function share a file system."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import NO_FUNCTION, ConfigRule, Look, of_function

_REMEDIES = {
    "CloudFormation, SAM and Terraform": (
        "take FileSystemConfigs out; use /tmp, or a store with a policy for each tenant"
    ),
}


def run(description: Description) -> Judged:
    """Isolated functions and their file systems."""
    look = Look("shared-file-system", _REMEDIES)
    for function in description.isolated:
        if look.tells(function.resource, function.file_systems) and function.file_systems is not None:
            says = "{function} mounts a file system: it is one mount for all tenants."
            look.found(
                "weakness",
                says,
                of_function(function, "FileSystemConfigs", function.file_systems),
                function=function.resource,
            )
    return look.judged(NO_FUNCTION)


RULE = ConfigRule(
    id="shared-file-system",
    summary="no isolated function mounts a file system",
    needs="isolated functions",
    run=run,
    help=(
        "Tenant isolation separates environments, memory and /tmp; a mounted file system is the same for all."
        " Keep tenant data out of it, or in folders that code checks."
    ),
)
