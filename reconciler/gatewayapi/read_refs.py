"""What the rules of all Route kinds share: parentRefs, backendRefs, filters, conditions on values. Total.

Filters keep their own block as canonical text with the CRD's defaults inside; what a kind makes of them is its own.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from reconciler.gatewayapi.resources import GROUP, BackendRef, ObjectRef, ParentRef
from reconciler.gatewayapi.values import items, mapping, number, text
from reconciler.ir import Filter, RewriteType
from reconciler.matches import PathType, ValueMatch, ValueType
from reconciler.plan import canonical

REDIRECT = "RequestRedirect"
MIRROR = "RequestMirror"
EXTENSION = "ExtensionRef"
VALUE_TYPES = frozenset(str(one) for one in ValueType)


def read_parent_ref(ref: Mapping[str, Any]) -> ParentRef:
    """Return the view of a parentRef, of a spec or of a status entry."""
    return ParentRef(
        group=text(ref["group"]) if "group" in ref else GROUP,
        kind=text(ref.get("kind")) or "Gateway",
        namespace=text(ref.get("namespace")),
        name=text(ref.get("name")),
        section_name=text(ref.get("sectionName")),
        port=number(ref.get("port")),
    )


def read_values(entries: Iterable[Mapping[str, Any]], *, lower: bool) -> tuple[ValueMatch, ...]:
    """Return the conditions by name; of several entries with one name only the first counts (specification)."""
    first: dict[str, ValueMatch] = {}
    for entry in entries:
        name = text(entry.get("name")).lower() if lower else text(entry.get("name"))
        kind = enum_of(ValueType, entry.get("type"), ValueType.EXACT)
        first.setdefault(name, ValueMatch(name, text(entry.get("value")), kind))
    return tuple(first[name] for name in sorted(first))


def enum_of[E: (PathType, ValueType, RewriteType)](kind: type[E], value: object, default: E) -> E:
    """Return the member with this value, the default for an unknown one."""
    return next((member for member in kind if member == value), default)


def is_odd(value: object, known: Container[str]) -> bool:
    """Return whether a value is given (not null) that is none of those known, be it a text or of any other shape."""
    return value is not None and not (isinstance(value, str) and value in known)


def odd_conditions(index: int, field: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the conditions on values whose type is not known; `index`: of the match."""
    for entry in entries:
        if is_odd(kind := entry.get("type"), VALUE_TYPES):
            yield f'matches[{index}].{field} "{entry.get("name")}" type "{kind}"'


def odd_filters(filters: Iterable[Mapping[str, Any]], known: Container[str]) -> Iterator[str]:
    """Yield the filters whose type is not known."""
    for index, one in enumerate(filters):
        if text(one.get("type")) not in known:
            yield f'filters[{index}].type "{one.get("type")}"'


def read_filters(filters: Iterable[Mapping[str, Any]]) -> tuple[Filter, ...]:
    """Return the filters of a rule or backendRef."""
    return tuple(
        Filter(text(one.get("type")), canonical({k: _with_defaults(k, v) for k, v in one.items() if k != "type"}))
        for one in filters
    )


def _with_defaults(block: str, value: Any) -> Any:
    """Return a filter's own block with the defaults that the CRD gives inside of it."""
    if block == "cors" and isinstance(value, Mapping):
        return {"maxAge": 5, **value}
    if block != "requestMirror" or not isinstance(value, Mapping):
        return value
    filled = {**value, "backendRef": {"group": "", "kind": "Service", **mapping(value.get("backendRef"))}}
    if isinstance(value.get("fraction"), Mapping):
        filled["fraction"] = {"denominator": 100, **mapping(value.get("fraction"))}
    return filled


def read_mirrors(filters: Iterable[Mapping[str, Any]]) -> tuple[tuple[ObjectRef, float], ...]:
    """Return the backends that RequestMirror filters copy requests to, with the share (0 to 1) of the requests."""
    blocks = (mapping(one.get("requestMirror")) for one in filters if one.get("type") == MIRROR)
    return tuple((read_backend(mapping(block.get("backendRef"))).ref, _share(block)) for block in blocks)


def _share(mirror: Mapping[str, Any]) -> float:
    if mirror.get("percent") is not None:
        return number(mirror["percent"]) / 100
    fraction = mapping(mirror.get("fraction"))
    return number(fraction.get("numerator")) / (number(fraction.get("denominator")) or 100) if fraction else 1.0


def read_extensions(filters: Iterable[Mapping[str, Any]]) -> tuple[ObjectRef, ...]:
    """Return what ExtensionRef filters name, in the Route's own namespace."""
    blocks = (mapping(one.get("extensionRef")) for one in filters if one.get("type") == EXTENSION)
    return tuple(ObjectRef(text(b.get("group")), text(b.get("kind")), "", text(b.get("name"))) for b in blocks)


def every_filter(rule: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the filters of a rule and of its backendRefs."""
    inside = (one for ref in items(rule.get("backendRefs")) for one in items(ref.get("filters")))
    return (*items(rule.get("filters")), *inside)


def read_backend(ref: Mapping[str, Any]) -> BackendRef:
    """Return the view of a backendRef."""
    target = ObjectRef(
        group=text(ref.get("group")),
        kind=text(ref.get("kind")) or "Service",
        namespace=text(ref.get("namespace")),
        name=text(ref.get("name")),
        port=number(ref.get("port")),
    )
    weight = number(ref["weight"]) if ref.get("weight") is not None else 1
    return BackendRef(target, weight, read_filters(items(ref.get("filters"))))
