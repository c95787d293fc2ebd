"""Routes of any kind as plain objects become the typed view of `resources`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.read_refs import read_parent_ref
from reconciler.gatewayapi.resources import Route
from reconciler.gatewayapi.values import items, mapping, read_meta, strings, text


def read_route(item: Mapping[str, Any]) -> Route:
    """Return the view of a Route. Raises KeyError for a kind that nobody registered."""
    kind, spec = route_kinds()[text(item.get("kind"))], mapping(item.get("spec"))
    hostnames = strings(spec.get("hostnames")) if kind.hostnames else ()
    return Route(
        kind=kind.name,
        meta=read_meta(item),
        parents=tuple(read_parent_ref(ref) for ref in items(spec.get("parentRefs"))),
        hostnames=tuple(dict.fromkeys(name.lower() for name in hostnames)),
        rules=kind.read_rules(spec),
        status=mapping(item.get("status")),
    )
