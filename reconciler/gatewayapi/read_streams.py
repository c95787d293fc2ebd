"""Rules of TLSRoute, TCPRoute and UDPRoute: backends alone; what arrives on the listener, or by its SNI, goes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.gatewayapi.read_refs import read_backend
from reconciler.gatewayapi.resources import Rule
from reconciler.gatewayapi.values import items, text
from reconciler.matches import Match


def read_stream_rules(spec: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules of a spec; the schema allows exactly one."""
    return tuple(
        Rule(
            matches=(Match(),),
            backends=tuple(read_backend(ref) for ref in items(rule.get("backendRefs"))),
            name=text(rule.get("name")),
        )
        for rule in items(spec.get("rules"))
    )
