"""Intrinsic functions of CloudFormation, as far as they can be told before a deployment. What refers to a resource
stays as text: `${Id}` and `${Id.Attribute}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tenantcheck.config.values import Known, Place, Unknown, Value, elements_of, mapping_of, moved, text_of

_DEEPEST = 32
#: Functions that are worked out for one file: nested names can ask for the same ones again and again.
_MOST = 100_000
_MOST_DOUBTS = 50
#: Conditions of one template: each may stand on another one.
_MOST_CONDITIONS = 200
_VARIABLE = re.compile(r"\$\{([^${}!][^${}]{0,255})\}")


@dataclass
class Scope:
    """What names mean in one template."""

    parameters: Mapping[str, Value] = field(default_factory=dict)
    conditions: Mapping[str, Value] = field(default_factory=dict)
    mappings: Value | None = None
    resources: frozenset[str] = frozenset()
    given: Mapping[str, str] = field(default_factory=dict)
    """Values of parameters that somebody named."""
    assumed: set[str] = field(default_factory=set)
    """Parameters whose default was taken."""
    doubts: dict[str, None] = field(default_factory=dict)
    """What was looked for and can't be told, in the order of looking."""
    _asked: int = 0
    _told: dict[str, bool | None] = field(default_factory=dict)
    """Conditions that were worked out; None while they are."""

    def at(self, value: Value | None, *path: str) -> Value | None:
        """What stands under these keys; None: it is not there."""
        value = self.of(value)
        for key in path:
            if value is None or isinstance(value, Unknown):
                return value
            value = self.of(mapping_of(value).get(key))
        return value

    def list(self, value: Value | None) -> Sequence[Value]:
        """The elements of a sequence, without those that are not there. What can't be told is a doubt."""
        whole = self.of(value)
        if isinstance(whole, Unknown):
            self.doubt(whole)
            return []
        return [found for each in elements_of(whole) if (found := self.of(each)) is not None]

    def entries(self, value: Value | None) -> Mapping[str, Value]:
        """The entries of a mapping, without those that are not there. What can't be told is a doubt."""
        whole = self.of(value)
        if isinstance(whole, Unknown):
            self.doubt(whole)
        elif text_of(whole):
            self.doubt(Unknown("text stands where entries are expected", whole.place if whole else Place("")))
        known = mapping_of(whole).items()
        for key, each in known:
            if key.startswith("Fn::"):
                self.doubt(Unknown(f"{key} is known at deployment only", each.place))
        return {key: found for key, each in known if (found := self.of(each)) is not None}

    def doubt(self, unknown: Unknown) -> None:
        """Keep what can't be told: it makes nothing clean."""
        where = f"line {unknown.place.line}: " if unknown.place.line else ""
        if len(self.doubts) < _MOST_DOUBTS:
            self.doubts[f"{where}{unknown.why}"] = None

    def spent(self) -> bool:
        """Count one step; whether there were too many."""
        self._asked += 1
        return self._asked > _MOST

    def of(self, value: Value | None, depth: int = 0) -> Value | None:
        """The value, with a function in its place worked out; None: AWS::NoValue, or null."""
        if value is None or isinstance(value, Unknown):
            return value
        if value.value is None:
            return None
        if isinstance(value.value, str) and "{{resolve:" in value.value:
            return Unknown("a dynamic reference is known at deployment only", value.place)
        called = mapping_of(value)
        name = next(iter(called)) if len(called) == 1 else ""
        if name != "Ref" and not name.startswith("Fn::"):
            return value
        if self.spent() or depth > _DEEPEST:
            return Unknown("functions are nested too deeply", value.place)
        function = _FUNCTIONS.get(name)
        if function is None:
            return Unknown(f"{name} is known at deployment only", value.place)
        found = function(self, called[name], value.place, depth + 1)
        return None if found is None else moved(found, value.place)

    def holds(self, value: Value | None, depth: int = 0) -> bool | None:
        """Whether a condition holds; None where it can't be told."""
        if self.spent() or depth > _DEEPEST or not isinstance(value, Known):
            return None
        for name, argument in mapping_of(value).items():
            parts = elements_of(argument)
            if name == "Fn::Equals" and len(parts) == 2:
                left, right = (text_of(self.of(part, depth + 1)) for part in parts)
                return _equal(left, right)
            if name == "Condition":
                return self.condition(text_of(argument))
            told = [self.holds(part, depth + 1) for part in parts]
            if name == "Fn::Not" and len(told) == 1:
                return None if told[0] is None else not told[0]
            if name == "Fn::And":
                return False if False in told else None if None in told else True
            if name == "Fn::Or":
                return True if True in told else None if None in told else False
        return None

    def condition(self, name: str | None) -> bool | None:
        """Whether a named condition holds. Each is worked out once; one that stands on itself can't be told."""
        name = name or ""
        if name not in self._told:
            self._told[name] = None
            if len(self._told) <= _MOST_CONDITIONS:
                self._told[name] = self.holds(self.conditions.get(name))
        return self._told[name]

    def parameter(self, name: str, place: Place, depth: int) -> Value | None:
        """The value of a parameter: the given one, else its default."""
        if name in self.given:
            return Known(self.given[name], place)
        declared = mapping_of(self.parameters[name])
        if "Default" not in declared:
            return Unknown(f"the parameter {name} has no default; give it: --parameter {name}=VALUE", place)
        if (text_of(declared.get("Type")) or "").startswith("AWS::SSM::"):
            return Unknown(f"the parameter {name} is read from SSM at deployment", place)
        self.assumed.add(name)
        found = self.of(declared["Default"], depth)
        text = text_of(found)
        if text is not None and "List" in (text_of(declared.get("Type")) or ""):
            return Known([Known(part.strip(), place) for part in text.split(",")], place)
        return found


def _equal(left: str | None, right: str | None) -> bool | None:
    """Whether two texts are the same; what holds a name that is known at deployment only is so only with itself."""
    if left is None or right is None:
        return None
    if left != right and ("${" in left or "${" in right):
        return None
    return left == right


def _ref(scope: Scope, argument: Value, place: Place, depth: int) -> Value | None:
    name = text_of(argument) or ""
    if name == "AWS::NoValue":
        return None
    if name in scope.parameters:
        return scope.parameter(name, place, depth)
    if name.startswith("AWS::") or name in scope.resources:
        return Known(f"${{{name}}}", place)
    return Unknown(f"{name} is no parameter and no resource", place)


def _get_att(scope: Scope, argument: Value, place: Place, depth: int) -> Value | None:
    parts = [text_of(scope.of(each, depth)) for each in elements_of(argument)]
    if None in parts:
        return Unknown("Fn::GetAtt names something that is known at deployment only", place)
    return Known("${" + ".".join(str(part) for part in parts) + "}", place)


def _sub(scope: Scope, argument: Value, place: Place, depth: int) -> Value | None:
    parts = elements_of(argument)
    text = text_of(parts[0]) if parts else None
    if text is None:
        return Unknown("Fn::Sub without a text", place)
    names = mapping_of(parts[1]) if len(parts) > 1 else {}
    unknown: list[Unknown] = []

    def value_of(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in names and name not in scope.parameters:
            return match[0]
        found = scope.of(names[name], depth) if name in names else scope.parameter(name, place, depth)
        if isinstance(found, Unknown):
            unknown.append(found)
        return text_of(found) or ""

    told = _VARIABLE.sub(value_of, text).replace("${!", "${")
    return unknown[0] if unknown else Known(told, place)


def _join(scope: Scope, argument: Value, place: Place, depth: int) -> Value | None:
    parts = elements_of(argument)
    between = text_of(parts[0]) if len(parts) == 2 else None
    some = [scope.of(each, depth) for each in elements_of(scope.of(parts[1], depth))] if len(parts) == 2 else []
    texts = [text_of(each) for each in some if each is not None]
    if between is None or None in texts:
        return next((each for each in some if isinstance(each, Unknown)), Unknown("Fn::Join of no texts", place))
    return Known(between.join(str(text) for text in texts), place)


def _if(scope: Scope, argument: Value, place: Place, depth: int) -> Value | None:
    parts = elements_of(argument)
    if len(parts) != 3:
        return Unknown("Fn::If takes a condition and two values", place)
    name = text_of(parts[0])
    holds = scope.condition(name)
    if holds is None:
        return Unknown(f"the condition {name} is known at deployment only", place)
    return scope.of(parts[1] if holds else parts[2], depth)


def _find_in_map(scope: Scope, argument: Value, place: Place, depth: int) -> Value | None:
    found: Value | None = scope.mappings
    for part in elements_of(argument)[:3]:
        key = text_of(scope.of(part, depth))
        found = mapping_of(found).get(key or "")
    return found if found is not None else Unknown("Fn::FindInMap finds nothing that is known here", place)


def _select(scope: Scope, argument: Value, place: Place, depth: int) -> Value | None:
    parts = elements_of(argument)
    index = text_of(scope.of(parts[0], depth)) if len(parts) == 2 else None
    some = elements_of(scope.of(parts[1], depth)) if len(parts) == 2 else ()
    if index is None or not index.isdecimal() or len(index) > 6 or int(index) >= len(some):
        return Unknown("Fn::Select finds nothing that is known here", place)
    return scope.of(some[int(index)], depth)


_Function = Callable[[Scope, Value, Place, int], Value | None]
_FUNCTIONS: Mapping[str, _Function] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::Select": _select,
}
