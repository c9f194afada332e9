"""`tenant-not-in-cache-key`: a cache hands one tenant the answers of another."""

from __future__ import annotations

from collections.abc import Sequence

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
        stages = [stage for stage in description.stages if None in (stage.api, method.api) or stage.api == method.api]
        if not stages:
            look.tells(method.resource, Unknown("its stage, which may have a cache, is not here", method.place))
        for stage in stages:
            _stage(look, method, stage)
    return look.judged(NO_METHOD)


def _stage(look: Look, method: Method, stage: Stage) -> None:
    if stage.cluster is None or truth(stage.cluster) is False:
        look.tells(method.resource)
        return
    setting = _setting(method, stage)
    enabled = setting.enabled if setting is not None else None
    if not look.tells(method.resource, stage.cluster, enabled) or truth(enabled) is not True:
        return
    if method.mapping is None and method.unknown is None:
        return
    sources = _sources(method)
    unjoined = None
    if None in (stage.api, method.api):
        unjoined = Unknown("which API its stage is one of is not known", stage.place)
    if not look.tells(method.resource, unjoined, method.unknown, method.mapping, *method.cache_keys, *sources):
        return
    keys = {(text_of(key) or "").lower() for key in method.cache_keys}
    wanted = {(text_of(source) or "").lower() for source in sources}
    if wanted and wanted <= keys:
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


def _sources(method: Method) -> Sequence[Value]:
    """What the tenant of a request follows from."""
    if method.from_request or method.authorizer is None:
        return [method.mapping] if method.from_request and method.mapping is not None else []
    return method.authorizer.sources


def _setting(method: Method, stage: Stage) -> CacheSetting | None:
    """The setting that counts for a method: the most specific one. Of a path that is not known, any may count."""
    verb = "GET" if method.verb in (None, "ANY") else method.verb
    some = [each for each in stage.settings if (text_of(each.verb) or "*").upper() in ("*", verb)]
    if method.path is None:
        return next((each for each in some if truth(each.enabled) is not False), None)
    fitting = [each for each in some if _plain(each.path) in ("/*", method.path) or isinstance(each.path, Unknown)]
    return max(
        fitting,
        key=lambda each: (
            _plain(each.path) != "/*",
            text_of(each.verb) not in (None, "*"),
            truth(each.enabled) is not False,
        ),
        default=None,
    )


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
