"""`shared-role-without-tenant-scope`: the role that all tenants share reaches data of all of them."""

from __future__ import annotations

import re

from tenantcheck.checking import Judged
from tenantcheck.config.description import Description
from tenantcheck.config.rules.rule import ConfigRule, Look

_REMEDIES = {
    "CloudFormation, SAM and Terraform": (
        'Condition: {ForAllValues:StringEquals: {dynamodb:LeadingKeys: ["${aws:PrincipalTag/tenant}"]}} on a '
        "role assumed with that tag"
    ),
}


#: Actions that read or write data, and SAM's templates of policies that hold such.
_DATA = re.compile(
    r"(dynamodb|s3|rds-data|secretsmanager|ssm|sqs|kms|es|aoss):|\*$|AdministratorAccess$|PowerUserAccess$|(Amazon|AWS)?(DynamoDB|S3|SecretsManager|SSM|SQS).*(Policy|FullAccess|ReadOnlyAccess)$"
)


def run(description: Description) -> Judged:
    """Statements that give isolated functions data."""
    look = Look("shared-role-without-tenant-scope", _REMEDIES)
    for function in description.isolated:
        for grant in function.grants:
            look.tells(function.resource)
            action = next((each for each in grant.actions if _DATA.match(each)), None)
            if action is not None and not grant.conditions:
                says = (
                    "{function} may {action} for every tenant: its role is the same for all, and no "
                    "condition limits it."
                )
                look.found("weakness", says, grant.found, function=function.resource, action=action)
    return look.judged("no statement of a policy of an isolated function was found")


RULE = ConfigRule(
    id="shared-role-without-tenant-scope",
    summary="no statement of the shared role reaches data without a condition",
    needs="policies of isolated functions",
    run=run,
    help=(
        "All tenants of a function share its execution role: code that asks for another tenant's row gets it."
        " Assume a role for each request with a session policy or tags (aws:PrincipalTag, "
        "dynamodb:LeadingKeys), so that data is limited to the tenant."
    ),
)
