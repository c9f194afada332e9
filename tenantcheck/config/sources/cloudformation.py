"""Templates of CloudFormation and SAM, as people write them and as CDK makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tenantcheck.config.resources import Resource
from tenantcheck.config.scope import Scope
from tenantcheck.config.values import Known, Unknown, Value, elements_of, mapping_of, text_of

_GLOBALS = {"AWS::Serverless::Function": "Function", "AWS::Serverless::Api": "Api"}


@dataclass
class Template:
    """Resources of one template, and what names mean in it."""

    resources: list[Resource]
    scope: Scope
    doubts: list[str] = field(default_factory=list)
    nested: dict[str, str] = field(default_factory=dict)
    """Stacks of their own, and the name of the file of each, where it is known."""
    accepted: dict[str, list[Value]] = field(default_factory=dict)
    """What Metadata of a resource accepts."""


def is_template(document: Value) -> bool:
    """Whether a document is a template of CloudFormation or SAM."""
    some = mapping_of(mapping_of(document).get("Resources")).values()
    types = [text_of(mapping_of(each).get("Type")) or "" for each in some]
    if any(each.startswith(("AWS::", "Custom::")) for each in types):
        return True
    top = mapping_of(document)
    return "Resources" in top and bool({"AWSTemplateFormatVersion", "Transform"} & top.keys())


def template_of(document: Value, parameters: Mapping[str, str]) -> Template:
    """The resources of a template. Raises nothing: what can't be read is a doubt."""
    top = mapping_of(document)
    whole = mapping_of(top.get("Resources"))
    made = dict(_aliases(whole, mapping_of(top.get("Globals"))))
    scope = Scope(
        parameters=mapping_of(top.get("Parameters")),
        conditions=mapping_of(top.get("Conditions")),
        mappings=top.get("Mappings"),
        resources=frozenset(whole) | {"ServerlessRestApi", "ServerlessHttpApi"} | made.keys(),
        given=parameters,
    )
    template = Template([], scope)
    transforms = {text_of(each) for each in elements_of(top.get("Transform"))}
    if strange := transforms - _KNOWN_TRANSFORMS:
        names = ", ".join(sorted(name or "one that is not named" for name in strange))
        template.doubts.append(f"what the transform {names} makes of it is known at deployment only")
    for name, function in made.items():
        target = Known({"FunctionName": Known(f"${{{function}}}", whole[function].place)}, whole[function].place)
        alias = Resource(id=name, type="AWS::Lambda::Alias", place=target.place, properties=target)
        template.resources.append(alias)
    for name, each in whole.items():
        if name.startswith("Fn::") or isinstance(each, Unknown):
            template.doubts.append(f"the resources of {name} are known at deployment only")
            continue
        entries = mapping_of(each)
        kind = text_of(entries.get("Type")) or ""
        own = entries.get("Properties")
        common = mapping_of(top.get("Globals")).get(_GLOBALS.get(kind, ""))
        template.resources.append(
            Resource(id=name, type=kind, place=each.place, properties=_merged(common, own, scope), whole=each)
        )
        accepted = mapping_of(mapping_of(entries.get("Metadata")).get("tenantcheck")).get("accepted")
        if accepted is not None:
            template.accepted[name] = [*elements_of(accepted)]
        if kind == "AWS::CloudFormation::Stack":
            template.nested[name] = _file_of(entries)
    return template


_KNOWN_TRANSFORMS = frozenset(
    {"AWS::Serverless-2016-10-31", "AWS::LanguageExtensions", "AWS::SecretsManager-2020-07-23"}
)


def _aliases(whole: Mapping[str, Value], common: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """The aliases that SAM makes, and the function of each."""
    everywhere = text_of(mapping_of(common.get("Function")).get("AutoPublishAlias"))
    for name, each in whole.items():
        entries = mapping_of(each)
        alias = text_of(mapping_of(entries.get("Properties")).get("AutoPublishAlias")) or everywhere
        if alias and text_of(entries.get("Type")) == "AWS::Serverless::Function":
            yield f"{name}Alias{alias}", name


def _file_of(stack: Mapping[str, Value]) -> str:
    """The name of a nested stack's file: what CDK says of it, else the end of its URL."""
    asset = text_of(mapping_of(stack.get("Metadata")).get("aws:asset:path"))
    url = text_of(mapping_of(stack.get("Properties")).get("TemplateURL"))
    return (asset or url or "").replace("\\", "/").rpartition("/")[2]


def _merged(common: Value | None, own: Value | None, scope: Scope, depth: int = 0) -> Value | None:
    """What Globals of SAM and a resource say together: mappings are joined, lists put one behind the other, and of
    anything else the resource's own counts."""
    if common is None or own is None or depth > 16 or scope.spent():
        return own if own is not None else common
    if not isinstance(common, Known) or not isinstance(own, Known):
        return own
    theirs, ours = mapping_of(common), mapping_of(own)
    if theirs and ours and not _function(theirs) and not _function(ours):
        names = {**theirs, **ours}
        joined = {name: _merged(theirs.get(name), ours.get(name), scope, depth + 1) for name in names}
        return Known({name: value for name, value in joined.items() if value is not None}, own.place)
    if isinstance(common.value, list) and isinstance(own.value, list):
        return Known([*common.value, *own.value], own.place)
    return own


def _function(entries: Mapping[str, Value]) -> bool:
    return len(entries) == 1 and next(iter(entries)).startswith(("Ref", "Fn::"))
