"""tenantcheck: does AWS Lambda keep one tenant's execution environments away from another's?

    verdict = tenantcheck.probe("https://api.example.com/witness", tenants=4)
    verdict.raise_for_breach()
    assert verdict.outcome == "pass", verdict.reasons

Each function sends, records a history, judges it and returns the `Verdict`; `check` judges a recorded one again.
Options are named as on the command line: `RunOptions`, `ProbeOptions` and `InvokeOptions` in `tenantcheck.api` list
them, `RunSettings` in `tenantcheck.run.settings` says what each means. What can't be done raises `TenantcheckError`
(`UsageError` for wrong arguments); a pass, a fail and a run that can't tell are verdicts, not exceptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenantcheck.errors import IsolationBreachedError, TenantcheckError, UsageError
from tenantcheck.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Unpack

    from tenantcheck.api import AuditOptions, InspectOptions, InvokeOptions, LintOptions, ProbeOptions, Tenants
    from tenantcheck.model import Verdict

__all__ = [
    "IsolationBreachedError",
    "TenantcheckError",
    "UsageError",
    "Verdict",
    "__version__",
    "audit",
    "check",
    "inspect",
    "invoke",
    "invoke_async",
    "lint",
    "probe",
    "probe_async",
]


def probe(url: str = "", *, tenants: Tenants = 4, **options: Unpack[ProbeOptions]) -> Verdict:
    """Test an HTTP endpoint.

    `tenants` is a count of fresh ids, a sequence of ids, or the `Path` of a tenants file.

        tenantcheck.probe("https://api.example.com/{tenant}/witness", tenants=["acme", "globex"], plan="quick")
        tenantcheck.probe("/witness", app=app)     # an ASGI application, in this process
    """
    from tenantcheck import api

    return api.run(api.probe_session(url, tenants, **options))


async def probe_async(url: str = "", *, tenants: Tenants = 4, **options: Unpack[ProbeOptions]) -> Verdict:
    """`probe` inside a running event loop.

    verdict = await tenantcheck.probe_async("https://api.example.com/witness")
    """
    from tenantcheck import api

    return await api.run_within(api.probe_session(url, tenants, **options))


def invoke(function: str, *, tenants: Tenants = 4, **options: Unpack[InvokeOptions]) -> Verdict:
    """Test a Lambda function (name, ARN or partial ARN), by Invoke.

    tenantcheck.invoke("orders", tenants=4, qualifier="live", region="eu-west-1")
    """
    from tenantcheck import api

    return api.run(api.invoke_session(function, tenants, **options))


async def invoke_async(function: str, *, tenants: Tenants = 4, **options: Unpack[InvokeOptions]) -> Verdict:
    """`invoke` inside a running event loop.

    verdict = await tenantcheck.invoke_async("orders")
    """
    from tenantcheck import api

    return await api.run_within(api.invoke_session(function, tenants, **options))


def audit(*sources: str | Path, **options: Unpack[AuditOptions]) -> Verdict:
    """Find environments that served two tenants, in logs: a log group, files, folders, S3 URIs.

    tenantcheck.audit("/aws/lambda/orders", expect=["acme", "globex"])
    """
    from tenantcheck import api

    return api.audited([str(source) for source in sources], **options)


def lint(*paths: str | Path, **options: Unpack[LintOptions]) -> Verdict:
    """Look for mistakes in templates of CloudFormation and SAM, output of CDK, and plans of Terraform.

    tenantcheck.lint("template.yaml", expect=["Orders"])
    """
    from tenantcheck import api

    return api.linted([str(path) for path in paths], **options)


def inspect(*functions: str | Path, **options: Unpack[InspectOptions]) -> Verdict:
    """Look for mistakes in the live configuration of functions; a `Path` is a snapshot of one.

    tenantcheck.inspect("orders", region="eu-west-1")
    """
    from tenantcheck import api

    return api.inspected([str(function) for function in functions], **options)


def check(
    history: str | Path,
    *,
    significance: float | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    strict: bool = False,
) -> Verdict:
    """Judge a recorded history again, on any machine.

    tenantcheck.check(".tenantcheck/20261125T034139Z-850bf88c.jsonl").outcome
    """
    from pathlib import Path

    from tenantcheck import api

    return api.judged_again(Path(history), significance=significance, only=only, skip=skip, strict=strict)


def __getattr__(name: str) -> Any:
    if name == "Verdict":
        from tenantcheck.model import Verdict

        return Verdict
    raise AttributeError(f"module 'tenantcheck' has no attribute '{name}'")
