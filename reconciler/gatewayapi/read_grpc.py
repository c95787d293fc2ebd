"""Rules of a GRPCRoute: a method is the path of an HTTP/2 request (specification, GRPCRouteMatch).

`/<service>/<method>`: both given is an exact path, the service alone a prefix, the method alone any service's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.gatewayapi.read_refs import (
    every_filter,
    is_odd,
    odd_conditions,
    odd_filters,
    read_backend,
    read_extensions,
    read_filters,
    read_mirrors,
    read_values,
)
from reconciler.gatewayapi.resources import Rule
from reconciler.gatewayapi.values import items, mapping, text
from reconciler.matches import Match, PathMatch, PathType
from reconciler.plan import canonical

FILTERS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef"})
_EXACT, _REGEX = "Exact", "RegularExpression"
_ANY = "[^/]+"
_EVERYTHING: Mapping[str, Any] = {}


def read_grpc_rules(spec: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules of a spec; one without matches takes every gRPC request, a Route without rules none."""
    return tuple(_rule(rule) for rule in items(spec.get("rules")))


def _rule(rule: Mapping[str, Any]) -> Rule:
    matches = items(rule.get("matches")) or (_EVERYTHING,)
    filters, session = items(rule.get("filters")), mapping(rule.get("sessionPersistence"))
    return Rule(
        matches=tuple(_match(match) for match in matches),
        backends=tuple(read_backend(ref) for ref in items(rule.get("backendRefs"))),
        filters=read_filters(filters),
        name=text(rule.get("name")),
        session=canonical(session) if session else "",
        mirrors=read_mirrors(every_filter(rule)),
        extensions=read_extensions(every_filter(rule)),
        unknown=tuple(_unknown(matches, filters)),
    )


def _match(match: Mapping[str, Any]) -> Match:
    headers = read_values(items(match.get("headers")), lower=True)
    return Match(path=_path(mapping(match.get("method"))), headers=headers, grpc=True)


def _path(method: Mapping[str, Any]) -> PathMatch:
    service, name = text(method.get("service")), text(method.get("method"))
    if method.get("type") == _REGEX and (service or name):
        return PathMatch(PathType.REGULAR_EXPRESSION, f"/(?:{service or _ANY})/(?:{name or _ANY})")
    if service and name:
        return PathMatch(PathType.EXACT, f"/{service}/{name}")
    if name:
        return PathMatch(PathType.METHOD, name)
    return PathMatch(PathType.PREFIX, f"/{service}")


def _unknown(matches: Iterable[Mapping[str, Any]], filters: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what a newer CRD may allow and we do not know, by field."""
    for index, match in enumerate(matches):
        kind = mapping(match.get("method")).get("type")
        if is_odd(kind, (_EXACT, _REGEX)):
            yield f'matches[{index}].method.type "{kind}"'
        yield from odd_conditions(index, "headers", items(match.get("headers")))
    yield from odd_filters(filters, FILTERS)
