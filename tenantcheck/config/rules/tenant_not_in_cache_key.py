"""`tenant-not-in-cache-key`: a cache hands one tenant the answers of another."""

from __future__ import annotations

from tenantcheck.checking import Judged
from tenantcheck.config.description import CacheSetting, Description, Found, Method, Stage
from tenantcheck.config.rules.rule import NO_METHOD, ConfigRule, Look
from tenantcheck.config.values import Unknown, Value, text_of, truth

_REMEDIES = {
    "CloudFormation and SAM": (
        "Integration: {CacheKeyParameters: [method.request.header.x-tenant-id]}, or CachingEnabled: false"
    ),
    "Terraform": ('aws_api_gateway_integration: cache_key_parameters = ["method.request.header.x-tenant-id"]'),
    "CLI": ("aws apigateway update-stage --patch-operations op=replace,path=/cacheClusterEnabled,value=false"),
}


def run(description: Description) -> Judged:
    """Methods with a tenant, in every stage of their API."""
    look = Look("tenant-not-in-cache-key", _REMEDIES)
    for method in description.mapped:
        if method.verb not in (None, "GET", "ANY") and not _chosen(method, description):
            continue
        stages = [stage for stage in description.stages if stage.api == method.api]
        if not stages:
            look.tells(method.resource)
        for stage in stages:
            _stage(look, method, stage)
    return look.judged(NO_METHOD)


def _stage(look: Look, method: Method, stage: Stage) -> None:
    setting = _setting(method, stage)
    enabled = setting.enabled if setting is not None else None
    unknown = stage.cluster if isinstance(stage.cluster, Unknown) else enabled
    if (
        truth(stage.cluster) is False
        or stage.cluster is None
        or (setting is None and not isinstance(enabled, Unknown))
    ):
        unknown = None
    if not look.tells(method.resource, unknown) or truth(stage.cluster) is not True or truth(enabled) is not True:
        return
    if method.mapping is None or not look.tells(method.resource, method.mapping, *method.cache_keys):
        return
    keys = {(text_of(key) or "").lower() for key in method.cache_keys}
    if method.from_client:
        wanted = {(method.source or "").lower()}
    else:
        sources = method.authorizer.sources if method.authorizer is not None else ()
        wanted = {(text_of(source) or "").lower() for source in sources}
    if wanted & keys:
        return
    says = (
        "{stage} caches answers of {method} without the tenant in the key: one tenant gets what "
        "another one asked for."
    )
    place = setting.place if setting is not None else stage.place
    look.found(
        "breach",
        says,
        Found(method.resource, "Integration.CacheKeyParameters", method.place, None),
        Found(stage.resource, "CachingEnabled", place, enabled),
        method=method.resource,
        stage=stage.resource,
    )


def _setting(method: Method, stage: Stage) -> CacheSetting | None:
    """The setting that counts for a method: the most specific one."""
    best: tuple[int, CacheSetting] | None = None
    for setting in stage.settings:
        path, verb = _plain(setting.path), (text_of(setting.verb) or "*").upper()
        if method.path is not None and path not in ("/*", method.path):
            continue
        if verb not in ("*", method.verb) and method.verb not in (None, "ANY"):
            continue
        weight = 2 * (path != "/*") + (verb != "*")
        if best is None or weight > best[0] or (weight == best[0] and truth(setting.enabled) is not False):
            best = weight, setting
    return best[1] if best is not None else None


def _plain(path: Value | None) -> str:
    text = (text_of(path) or "/*").replace("~1", "/").lstrip("/")
    return f"/{text}"


def _chosen(method: Method, description: Description) -> bool:
    """Whether a stage caches this very method, which it does to others than GET only when told."""
    settings = [setting for stage in description.stages if stage.api == method.api for setting in stage.settings]
    return any((text_of(setting.verb) or "").upper() == method.verb for setting in settings)


RULE = ConfigRule(
    id="tenant-not-in-cache-key",
    summary="no cached answer reaches another tenant",
    needs="methods that call isolated functions, and the stages of their API",
    run=run,
    help=(
        "API Gateway's cache knows nothing of tenants: its key holds only the parameters that are named. "
        "Scanners cause this: Checkov (CKV_AWS_120) and Trivy ask for the cache to be on. Take it off, or put"
        " what the tenant comes from into CacheKeyParameters; where the authorizer says who the tenant is, "
        "its identity source."
    ),
)
