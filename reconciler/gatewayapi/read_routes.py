"""HTTPRoutes as plain objects become the typed view of `resources`, with the defaults that the CRD gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.gatewayapi.resources import GROUP, BackendRef, HTTPRoute, ObjectRef, ParentRef, Rule
from reconciler.gatewayapi.values import items, mapping, number, read_meta, strings, text
from reconciler.ir import Filter, PathRewrite, Redirect, RewriteType, frozen_map
from reconciler.matches import Match, PathMatch, PathType, ValueMatch, ValueType
from reconciler.plan import canonical

REDIRECT = "RequestRedirect"
FILTERS = frozenset(
    {
        REDIRECT,
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestMirror",
        "URLRewrite",
        "CORS",
        "ExternalAuth",
        "ExtensionRef",
    }
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_DEFAULT_RULE: Mapping[str, Any] = frozen_map()


def read_route(item: Mapping[str, Any]) -> HTTPRoute:
    """Return the view of an HTTPRoute; a Route without `rules` has the CRD's default rule: everything, no backend."""
    spec = mapping(item.get("spec"))
    rules = items(spec["rules"]) if isinstance(spec.get("rules"), (list, tuple)) else (_DEFAULT_RULE,)
    return HTTPRoute(
        meta=read_meta(item),
        parents=tuple(read_parent_ref(ref) for ref in items(spec.get("parentRefs"))),
        hostnames=tuple(dict.fromkeys(name.lower() for name in strings(spec.get("hostnames")))),
        rules=tuple(_rule(rule) for rule in rules),
        status=mapping(item.get("status")),
    )


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


def _rule(rule: Mapping[str, Any]) -> Rule:
    matches = items(rule.get("matches")) or (_DEFAULT_RULE,)
    filters = items(rule.get("filters"))
    redirects = [mapping(one.get("requestRedirect")) for one in filters if one.get("type") == REDIRECT]
    retry = mapping(rule.get("retry"))
    return Rule(
        matches=tuple(_match(match) for match in matches),
        backends=tuple(_backend(ref) for ref in items(rule.get("backendRefs"))),
        filters=_filters(filters),
        redirect=_redirect(redirects[0]) if redirects else None,
        name=text(rule.get("name")),
        timeouts=frozen_map({str(k): text(v) for k, v in mapping(rule.get("timeouts")).items()}),
        retry=canonical(retry) if retry else "",
        unknown=tuple(_unknown(matches, filters, len(redirects))),
    )


def _match(match: Mapping[str, Any]) -> Match:
    path = mapping(match.get("path"))
    return Match(
        path=PathMatch(_enum(PathType, path.get("type"), PathType.PREFIX), text(path.get("value")) or "/"),
        headers=_values(items(match.get("headers")), lower=True),
        query=_values(items(match.get("queryParams")), lower=False),
        method=text(match.get("method")),
    )


def _values(entries: Iterable[Mapping[str, Any]], *, lower: bool) -> tuple[ValueMatch, ...]:
    """Return the conditions by name; of several entries with one name only the first counts (specification)."""
    first: dict[str, ValueMatch] = {}
    for entry in entries:
        name = text(entry.get("name")).lower() if lower else text(entry.get("name"))
        kind = _enum(ValueType, entry.get("type"), ValueType.EXACT)
        first.setdefault(name, ValueMatch(name, text(entry.get("value")), kind))
    return tuple(first[name] for name in sorted(first))


def _enum[E: (PathType, ValueType, RewriteType)](kind: type[E], value: object, default: E) -> E:
    return next((member for member in kind if member == value), default)


def _filters(filters: Iterable[Mapping[str, Any]]) -> tuple[Filter, ...]:
    return tuple(
        Filter(text(one.get("type")), canonical({k: _with_defaults(k, v) for k, v in one.items() if k != "type"}))
        for one in filters
        if one.get("type") != REDIRECT
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


def _backend(ref: Mapping[str, Any]) -> BackendRef:
    target = ObjectRef(
        group=text(ref.get("group")),
        kind=text(ref.get("kind")) or "Service",
        namespace=text(ref.get("namespace")),
        name=text(ref.get("name")),
        port=number(ref.get("port")),
    )
    weight = number(ref["weight"]) if ref.get("weight") is not None else 1
    return BackendRef(target, weight, _filters(items(ref.get("filters"))))


def _redirect(block: Mapping[str, Any]) -> Redirect:
    path = mapping(block.get("path"))
    rewrite = None
    if path:
        kind = _enum(RewriteType, path.get("type"), RewriteType.FULL)
        field = "replacePrefixMatch" if kind is RewriteType.PREFIX else "replaceFullPath"
        rewrite = PathRewrite(kind, text(path.get(field)))
    return Redirect(
        status=number(block.get("statusCode")) or 302,
        port=number(block.get("port")),
        scheme=text(block.get("scheme")),
        hostname=text(block.get("hostname")).lower(),
        path=rewrite,
    )


def _unknown(
    matches: Iterable[Mapping[str, Any]], filters: Iterable[Mapping[str, Any]], redirects: int
) -> Iterable[str]:
    """Yield what a newer CRD may allow and we do not know, by field, so that it is refused and never ignored."""
    for index, match in enumerate(matches):
        kind = mapping(match.get("path")).get("type")
        if kind is not None and kind not in set(PathType):
            yield f'matches[{index}].path.type "{kind}"'
        if (method := match.get("method")) is not None and method not in METHODS:
            yield f'matches[{index}].method "{method}"'
        for field in ("headers", "queryParams"):
            for entry in items(match.get(field)):
                if (kind := entry.get("type")) is not None and kind not in set(ValueType):
                    yield f'matches[{index}].{field} "{entry.get("name")}" type "{kind}"'
    for index, one in enumerate(filters):
        if one.get("type") not in FILTERS:
            yield f'filters[{index}].type "{one.get("type")}"'
    if redirects > 1:
        yield "filters with more than one RequestRedirect"
