"""A plan of Terraform as `terraform show -json` prints it, cut down to what is read."""

from __future__ import annotations

import copy
from typing import Any

Plan = dict[str, Any]


def _refers(*names: str) -> dict[str, Any]:
    """An expression that names these."""
    return {"references": [each for name in names for each in (name, name.rpartition(".")[0])]}


_RESOURCES: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    (
        "aws_lambda_function.orders",
        {
            "function_name": "orders",
            "tenancy_config": [{"tenant_isolation_mode": "PER_TENANT"}],
            "logging_config": [{"log_format": "JSON", "system_log_level": "INFO", "log_group": None}],
            "reserved_concurrent_executions": -1,
            "snap_start": [],
            "file_system_config": [],
        },
        {"role": _refers("aws_iam_role.r.arn")},
    ),
    ("aws_api_gateway_rest_api.api", {"name": "orders"}, {}),
    (
        "aws_api_gateway_resource.folder",
        {"path_part": "orders"},
        {
            "rest_api_id": _refers("aws_api_gateway_rest_api.api.id"),
            "parent_id": _refers("aws_api_gateway_rest_api.api.root_resource_id"),
        },
    ),
    (
        "aws_api_gateway_authorizer.token",
        {
            "type": "TOKEN",
            "identity_source": "method.request.header.Authorization",
            "authorizer_result_ttl_in_seconds": 300,
        },
        {"rest_api_id": _refers("aws_api_gateway_rest_api.api.id")},
    ),
    (
        "aws_api_gateway_method.get",
        {
            "http_method": "GET",
            "authorization": "CUSTOM",
            "request_parameters": {"method.request.header.Authorization": True},
        },
        {
            "rest_api_id": _refers("aws_api_gateway_rest_api.api.id"),
            "resource_id": _refers("aws_api_gateway_resource.folder.id"),
            "authorizer_id": _refers("aws_api_gateway_authorizer.token.id"),
        },
    ),
    (
        "aws_api_gateway_integration.get",
        {
            "http_method": "GET",
            "request_parameters": {"integration.request.header.X-Amz-Tenant-Id": "context.authorizer.tenantId"},
            "cache_key_parameters": ["method.request.header.Authorization"],
        },
        {
            "rest_api_id": _refers("aws_api_gateway_rest_api.api.id"),
            "resource_id": _refers("aws_api_gateway_method.get.resource_id"),
            "http_method": _refers("aws_api_gateway_method.get.http_method"),
            "uri": _refers("aws_lambda_function.orders.invoke_arn"),
        },
    ),
    (
        "aws_api_gateway_stage.prod",
        {"cache_cluster_enabled": True, "stage_name": "prod"},
        {"rest_api_id": _refers("aws_api_gateway_rest_api.api.id")},
    ),
    (
        "aws_api_gateway_method_settings.all",
        {"method_path": "*/*", "settings": [{"caching_enabled": True}]},
        {"rest_api_id": _refers("aws_api_gateway_rest_api.api.id")},
    ),
    (
        "aws_lambda_permission.api",
        {"action": "lambda:InvokeFunction", "principal": "apigateway.amazonaws.com"},
        {
            "function_name": _refers("aws_lambda_function.orders.function_name"),
            "source_arn": _refers("aws_api_gateway_rest_api.api.execution_arn"),
        },
    ),
    ("aws_cloudwatch_log_group.orders", {"name": "/aws/lambda/orders", "log_group_class": "STANDARD"}, {}),
)


def good() -> Plan:
    """A plan without mistakes."""
    resources = copy.deepcopy(_RESOURCES)
    return {
        "format_version": "1.2",
        "planned_values": {
            "root_module": {
                "resources": [
                    {
                        "address": address,
                        "mode": "managed",
                        "type": address.partition(".")[0],
                        "name": address.partition(".")[2],
                        "values": values,
                    }
                    for address, values, _ in resources
                ]
            }
        },
        "configuration": {
            "root_module": {
                "resources": [{"address": address, "expressions": named} for address, _, named in resources]
            }
        },
        "resource_changes": [
            {"address": address, "change": {"actions": ["create"], "after_unknown": {}}}
            for address, _, _ in resources
        ],
    }


def values(plan: Plan, address: str) -> dict[str, Any]:
    """The planned values of a resource."""
    some = plan["planned_values"]["root_module"]["resources"]
    found: dict[str, Any] = next(each["values"] for each in some if each["address"] == address)
    return found


def expressions(plan: Plan, address: str) -> dict[str, Any]:
    """What the attributes of a resource refer to."""
    some = plan["configuration"]["root_module"]["resources"]
    found: dict[str, Any] = next(each["expressions"] for each in some if each["address"] == address)
    return found


def add(plan: Plan, address: str, known: dict[str, Any], **references: str) -> None:
    """One more resource."""
    kind, _, name = address.partition(".")
    resource = {"address": address, "mode": "managed", "type": kind, "name": name, "values": known}
    plan["planned_values"]["root_module"]["resources"].append(resource)
    named = {attribute: _refers(each) for attribute, each in references.items()}
    plan["configuration"]["root_module"]["resources"].append({"address": address, "expressions": named})


def in_module(plan: Plan) -> Plan:
    """The same in a module."""
    plan = copy.deepcopy(plan)
    planned = plan["planned_values"]["root_module"]
    for each in planned["resources"]:
        each["address"] = f"module.inner.{each['address']}"
    plan["planned_values"]["root_module"] = {
        "child_modules": [{"address": "module.inner", "resources": planned["resources"]}]
    }
    inner = plan["configuration"]["root_module"]
    plan["configuration"]["root_module"] = {"module_calls": {"inner": {"module": inner}}}
    for each in plan["resource_changes"]:
        each["address"] = f"module.inner.{each['address']}"
    return plan
