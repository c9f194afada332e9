"""What the rules of a configuration have in common: how one looks, and how a finding is made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

from tenantcheck.checking import Check, Judged
from tenantcheck.config.description import Description, Found, Function, Method
from tenantcheck.config.values import Known, Place, Unknown, Value, text_of
from tenantcheck.model import Configured, Finding, Severity

ConfigRule = Check[Description]

#: Findings of one rule that are kept.
MOST_KEPT = 100


class Look:
    """What one rule looks at: how often it could have found something, what it found, and what it can't tell."""

    def __init__(self, rule: str, remedies: Mapping[str, str] | None = None) -> None:
        self._rule = rule
        self._remedies = dict(remedies or {})
        self._findings: list[Finding] = []
        self._total = 0
        self._looked = 0
        self._unknown: list[str] = []

    def tells(self, resource: str, *values: Value | None) -> bool:
        """Count one look at these values; whether all of them are known."""
        self._looked += 1
        for value in values:
            if isinstance(value, Unknown):
                self._unknown.append(f"{resource}: {value.why}")
                return False
        return True

    def found(
        self,
        severity: Severity,
        says: str,
        *found: Found,
        tenants: Iterable[str] = (),
        **details: str | int,
    ) -> None:
        """A finding that stands on these values; the first of them is what is to be changed."""
        self._total += 1
        if len(self._findings) >= MOST_KEPT:
            return
        exhibits = [_exhibit(each, self._remedies if not position else {}) for position, each in enumerate(found)]
        stable = [f"{each.resource}.{each.property}" for each in found]
        told = [f"{name}={detail}" for name, detail in sorted(details.items())]
        mark = "|".join([self._rule, severity, says, *stable, *told])
        self._findings.append(
            Finding(
                check=self._rule,
                severity=severity,
                says=says,
                tenants=tuple(tenants),
                exhibits=tuple(exhibits),
                fingerprint=hashlib.sha256(mark.encode("utf-8", "replace")).hexdigest()[:16],
                details=details,
            )
        )

    def judged(self, nothing: str) -> Judged:
        """What was found; `nothing` says why there was nothing to look at."""
        return Judged(
            self._findings,
            self._looked,
            total=self._total,
            not_applicable="" if self._looked else nothing,
            undecided="; ".join(dict.fromkeys(self._unknown[:3])),
        )


def not_supported(
    look: Look, description: Description, of: Callable[[Function], Iterable[Found]], what: str
) -> Judged:
    """Isolated functions with what AWS does not support beside it; `what` ends the words "is isolated and"."""
    says = f"{{function}} is isolated and {what}: Lambda does not support both."
    for function in description.isolated:
        look.tells(function.resource)
        for each in of(function):
            look.found("open", says, each, function=function.resource)
    return look.judged(NO_FUNCTION)


def _exhibit(found: Found, remedies: dict[str, str]) -> Configured:
    place = found.place
    return Configured(
        resource=found.resource,
        property=found.property,
        value=shown(found.value),
        file=place.file or None,
        line=place.line or None,
        column=place.column or None,
        remedies=remedies,
    )


def shown(value: Value | None) -> str | None:
    """A value in a few words; None: it is not there."""
    if value is None:
        return None
    if isinstance(value, Unknown):
        return "not known before deployment"
    return (text_of(value) or "there")[:200]


def of_function(function: Function, name: str, value: Value | None) -> Found:
    """A property of a function, there or not."""
    return Found(function.resource, name, value.place if value is not None else function.place, value)


def of_method(method: Method, name: str, value: Value | None) -> Found:
    """A property of a method, there or not."""
    return Found(method.resource, name, value.place if value is not None else method.place, value)


def known(text: str, place: Place) -> Known:
    """A value that is known."""
    return Known(text, place)


NO_FUNCTION = "no function in tenant isolation mode was found"
NO_METHOD = "no method of a REST API that calls an isolated function was found"
MAPPING = "Integration.RequestParameters.X-Amz-Tenant-Id"
#: How the tenant that the authorizer knows is mapped.
MAPPING_REMEDIES = {
    "CloudFormation and SAM": (
        "AWS::ApiGateway::Method: Integration: {RequestParameters: "
        "{integration.request.header.X-Amz-Tenant-Id: context.authorizer.tenantId}}"
    ),
    "Terraform": (
        'aws_api_gateway_integration: request_parameters = { "integration.request.header.X-Amz-Tenant-Id" = '
        '"context.authorizer.tenantId" }'
    ),
    "CLI": (
        "aws apigateway update-integration --patch-operations "
        "op=add,path=/requestParameters/integration.request.header.X-Amz-Tenant-Id,value=context.authorizer.tenantId"
    ),
}
