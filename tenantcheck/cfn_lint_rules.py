"""The rules of `tenantcheck lint` as rules of cfn-lint:

    cfn-lint --append-rules tenantcheck.cfn_lint_rules -- template.yaml

A breach is an error, an open question a warning, a weakness is informative; what can't be told before a deployment is
a warning of its own, W9800."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

from cfnlint.rules import CloudFormationLintRule, RuleMatch

import tenantcheck
from tenantcheck.config.rules import RULES
from tenantcheck.errors import UsageError
from tenantcheck.model import Configured, Verdict
from tenantcheck.reports.sentences import finding_sentence

_SOURCE = "https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html"
#: How bad the findings of a rule are: the letter of its id. Others are weaknesses.
_LETTERS = {
    "E": (
        "tenancy-disabled",
        "tenancy-misplaced",
        "mapping-literal",
        "mapping-from-client",
        "mapping-beside-authorizer",
        "tenant-not-in-cache-key",
        "authorizer-cache-identity",
    ),
    "W": (
        "function-url",
        "snapstart",
        "provisioned-concurrency",
        "event-source-mapping",
        "http-api",
        "mapping-missing",
        "mapping-overridden",
        "untested-combination",
    ),
}


@lru_cache(maxsize=4)
def _verdict(file: str) -> Verdict | None:
    """The verdict on one template; None where it is none of ours."""
    try:
        return tenantcheck.lint(file)
    except UsageError:
        return None


class _Matching:
    """What all of them do: no rule by itself, or cfn-lint would take it for one."""

    shortdesc = ""
    tags: ClassVar = ["tenantcheck"]
    source_url = _SOURCE

    def match(self, cfn: Any) -> list[Any]:
        """What the rule finds in a template."""
        verdict = _verdict(str(cfn.filename))
        return [] if verdict is None else self.found(verdict)

    def found(self, verdict: Verdict) -> list[Any]:
        """Matches, each at its own line and column."""
        found = []
        for finding in verdict.findings:
            first = finding.exhibits[0] if finding.exhibits else None
            if finding.check != self.shortdesc or finding.accepted or not isinstance(first, Configured):
                continue
            line, column = max(first.line or 1, 1) - 1, max(first.column or 1, 1) - 1
            path = ["Resources", first.resource, first.property]
            place = (line, column, line, column + 1)
            found.append(RuleMatch(path, f"{finding.check}: {finding_sentence(finding)}", location=place))
        return found


class Untold(_Matching, CloudFormationLintRule):  # type: ignore[misc]
    """What can't be told before a deployment."""

    id = "W9800"
    shortdesc = "tenantcheck-inconclusive"
    description = "what tenantcheck can't tell before a deployment"

    def found(self, verdict: Verdict) -> list[Any]:
        """One match for each reason; a template without functions is none of ours."""
        if not any(result.opportunities or result.status == "not-exercised" for result in verdict.results):
            return []
        untold = [each for each in verdict.results if each.status in ("not-exercised", "crashed")]
        return [RuleMatch(["Resources"], f"{each.id} can't be told: {each.reason}") for each in untold]


def _letter(rule: str) -> str:
    return next((letter for letter, rules in _LETTERS.items() if rule in rules), "I")


for _number, _each in enumerate(RULES, 9801):
    _name = f"Rule{_number}"
    globals()[_name] = type(
        _name,
        (_Matching, CloudFormationLintRule),
        {
            "id": f"{_letter(_each.id)}{_number}",
            "shortdesc": _each.id,
            "description": _each.summary,
            "__module__": __name__,
        },
    )
