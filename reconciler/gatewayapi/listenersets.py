"""ListenerSets: which of them a Gateway lets in, and in which order of precedence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.gatewayapi.graph import ListenerNode, Problem, SetNode
from reconciler.gatewayapi.namespaces import allowed_from
from reconciler.gatewayapi.resources import Gateway, ListenerSet
from reconciler.gatewayapi.snapshot import Snapshot


def by_precedence(sets: Sequence[ListenerSet]) -> list[ListenerSet]:
    """Return ListenerSets in order of precedence: the older first, then by namespace/name."""
    return sorted(sets, key=lambda one: one.age)


def admit(snapshot: Snapshot, gateway: Gateway, labels: Mapping[str, Mapping[str, str]]) -> tuple[SetNode, ...]:
    """Return the ListenerSets that name the Gateway by precedence, refused where `allowedListeners` lets them not in.

    `labels` are those of the Namespaces by name. The parentRef needs no ReferenceGrant: this is the handshake.
    """
    allowed, home = gateway.allowed_listeners, gateway.meta.namespace
    message = (
        f"Gateway {home}/{gateway.meta.name} takes no ListenerSets of this namespace: its allowedListeners.namespaces "
        f"says from: {allowed.source}"
    )
    refused = Problem("Accepted", "NotAllowed", message)
    return tuple(
        SetNode(one, None if allowed_from(allowed, home, one.meta.namespace, labels) else refused)
        for one in by_precedence(snapshot.listener_sets)
    )


def without_parent(sets: Sequence[SetNode], reason: str) -> tuple[SetNode, ...]:
    """Return the ListenerSets of a Gateway that is not accepted: none of them is, those not allowed stay so."""
    problem = Problem("Accepted", "ParentNotAccepted", reason)
    return tuple(replace(node, refused=node.refused or problem) for node in sets)


def parent_trouble(gateway: Gateway, problems: Sequence[Problem], own: Sequence[ListenerNode]) -> str:
    """Return why a Gateway is not accepted, "" if it is: a problem of its own, or no listener of its own is valid."""
    name = f"Gateway {gateway.meta.namespace}/{gateway.meta.name}"
    if any(problem.condition == "Accepted" for problem in problems):
        return f"{name} is not accepted: see its conditions"
    return f"{name} has no valid listener of its own: see its conditions" if all(n.refused for n in own) else ""
