"""The rules over a configuration, one file each, named as their id."""

from tenantcheck.config.rules.authorizer_cache_identity import RULE as _AUTHORIZER_CACHE_IDENTITY
from tenantcheck.config.rules.environment_ceiling import RULE as _ENVIRONMENT_CEILING
from tenantcheck.config.rules.event_source_mapping import RULE as _EVENT_SOURCE_MAPPING
from tenantcheck.config.rules.function_url import RULE as _FUNCTION_URL
from tenantcheck.config.rules.header_not_required import RULE as _HEADER_NOT_REQUIRED
from tenantcheck.config.rules.http_api import RULE as _HTTP_API
from tenantcheck.config.rules.invoke_permission_names_any_tenant import RULE as _INVOKE_PERMISSION_NAMES_ANY_TENANT
from tenantcheck.config.rules.log_class_without_queries import RULE as _LOG_CLASS_WITHOUT_QUERIES
from tenantcheck.config.rules.log_level_drops_start import RULE as _LOG_LEVEL_DROPS_START
from tenantcheck.config.rules.log_masking_hides_tenant import RULE as _LOG_MASKING_HIDES_TENANT
from tenantcheck.config.rules.log_transformer import RULE as _LOG_TRANSFORMER
from tenantcheck.config.rules.mapping_beside_authorizer import RULE as _MAPPING_BESIDE_AUTHORIZER
from tenantcheck.config.rules.mapping_from_client import RULE as _MAPPING_FROM_CLIENT
from tenantcheck.config.rules.mapping_literal import RULE as _MAPPING_LITERAL
from tenantcheck.config.rules.mapping_missing import RULE as _MAPPING_MISSING
from tenantcheck.config.rules.mapping_overridden import RULE as _MAPPING_OVERRIDDEN
from tenantcheck.config.rules.provisioned_concurrency import RULE as _PROVISIONED_CONCURRENCY
from tenantcheck.config.rules.replaces_function import RULE as _REPLACES_FUNCTION
from tenantcheck.config.rules.rule import ConfigRule
from tenantcheck.config.rules.shared_file_system import RULE as _SHARED_FILE_SYSTEM
from tenantcheck.config.rules.shared_role_without_tenant_scope import RULE as _SHARED_ROLE_WITHOUT_TENANT_SCOPE
from tenantcheck.config.rules.snapstart import RULE as _SNAPSTART
from tenantcheck.config.rules.tenancy_disabled import RULE as _TENANCY_DISABLED
from tenantcheck.config.rules.tenancy_misplaced import RULE as _TENANCY_MISPLACED
from tenantcheck.config.rules.tenant_not_in_cache_key import RULE as _TENANT_NOT_IN_CACHE_KEY
from tenantcheck.config.rules.text_log_format import RULE as _TEXT_LOG_FORMAT
from tenantcheck.config.rules.untested_combination import RULE as _UNTESTED_COMBINATION

#: In the order of reports.
RULES: tuple[ConfigRule, ...] = (
    _TENANCY_DISABLED,
    _TENANCY_MISPLACED,
    _REPLACES_FUNCTION,
    _FUNCTION_URL,
    _SNAPSTART,
    _PROVISIONED_CONCURRENCY,
    _EVENT_SOURCE_MAPPING,
    _HTTP_API,
    _MAPPING_MISSING,
    _MAPPING_LITERAL,
    _MAPPING_OVERRIDDEN,
    _MAPPING_FROM_CLIENT,
    _MAPPING_BESIDE_AUTHORIZER,
    _HEADER_NOT_REQUIRED,
    _TENANT_NOT_IN_CACHE_KEY,
    _AUTHORIZER_CACHE_IDENTITY,
    _INVOKE_PERMISSION_NAMES_ANY_TENANT,
    _SHARED_FILE_SYSTEM,
    _SHARED_ROLE_WITHOUT_TENANT_SCOPE,
    _TEXT_LOG_FORMAT,
    _LOG_LEVEL_DROPS_START,
    _LOG_MASKING_HIDES_TENANT,
    _LOG_TRANSFORMER,
    _LOG_CLASS_WITHOUT_QUERIES,
    _ENVIRONMENT_CEILING,
    _UNTESTED_COMBINATION,
)

__all__ = ["RULES", "ConfigRule"]
