"""The last look at a plan before it is applied: it may be refused, but never bent."""

from __future__ import annotations

from reconciler.errors import UnsafePlan
from reconciler.gatewayapi.graph import Attachment, Graph
from reconciler.gatewayapi.resources import Gateway
from reconciler.gatewayapi.values import items, number
from reconciler.plan import Op, Plan, ResourceKey, ResourceSet

ALLOW_UNSAFE = "routewright.dev/allow-unsafe-plan"
_FEW = 4
"""Below this number of rules a share says nothing."""


def check_safe(plan: Plan, got: ResourceSet, graph: Graph, *, asked: bool = False) -> None:
    """Raise UnsafePlan for a plan that takes over half of a live Gateway's rules though nobody asked for it.

    Rules that go with their listener count.
    Asked for: the Gateway is being deleted or left our class; a Route was deleted, changed or refused (`asked`, or what
    the statuses written by earlier runs show); or the annotation `routewright.dev/allow-unsafe-plan` names this
    generation of the Gateway. What is not proven to be ours is never in a plan, whoever asked.
    """
    for change in plan.changes:
        if change.got is not None and not change.got.owned:
            raise UnsafePlan(f"{graph.key}: {change.key} is not proven to be ours; nothing was changed")
    gateway = graph.gateway
    if graph.withdrawn or gateway is None or asked or _allowed(gateway) or _routes_changed(graph, gateway):
        return
    rules = sum(1 for _ in got.of_kind("rule"))
    gone = {change.key for change in plan.changes if change.op is Op.DELETE}
    deleted = {rule.key for rule in got.of_kind("rule") if rule.key in gone or _listener_of(rule.key) in gone}
    created = {change.key for change in plan.changes if change.op is Op.CREATE and change.key.kind == "rule"}
    if rules >= _FEW and len(deleted) - len(created) > rules / 2:
        raise UnsafePlan(
            f"{graph.key}: the plan deletes {len(deleted)} of {rules} rules although no Route was deleted or refused; "
            f'if that is meant, set annotation {ALLOW_UNSAFE}: "{gateway.meta.generation}" on the Gateway'
        )


def _listener_of(rule: ResourceKey) -> ResourceKey:
    """Return the key of the listener that a rule is on: a rule's scope is that key's text (`plan.ResourceKey`)."""
    return ResourceKey("listener", "", rule.scope.rpartition("/")[2])


def _allowed(gateway: Gateway) -> bool:
    return gateway.meta.annotations.get(ALLOW_UNSAFE) == str(gateway.meta.generation)


def _routes_changed(graph: Graph, gateway: Gateway) -> bool:
    """Return whether a Route or ListenerSet left, was refused or changed since the last status, or the Gateway did."""
    told = (gateway.status, *(node.listener_set.status for node in graph.sets))
    before = sum(number(one.get("attachedRoutes")) for status in told for one in items(status.get("listeners")))
    now = sum(node.attached for node in graph.listeners)
    left = sum(node.refused is None for node in graph.sets) < number(gateway.status.get("attachedListenerSets"))
    edited = any(number(one.get("observedGeneration")) < gateway.meta.generation for one in _conditions(gateway))
    return now < before or left or edited or bool(graph.former) or any(_changed(item) for item in graph.attachments)


def _conditions(gateway: Gateway) -> list[dict[str, object]]:
    return [dict(one) for one in items(gateway.status.get("conditions"))]


def _changed(item: Attachment) -> bool:
    """Return whether a Route is refused, or newer than the last entry of ours on it."""
    if item.refused is not None or item.unresolved:
        return True
    entries = items(item.route.status.get("parents"))
    seen = [number(one.get("observedGeneration")) for entry in entries for one in items(entry.get("conditions"))]
    return not seen or max(seen) < item.route.meta.generation
