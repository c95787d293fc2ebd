"""The last look at a plan before it is applied: it may be refused, but never bent."""

from __future__ import annotations

from reconciler.errors import UnsafePlan
from reconciler.gatewayapi.graph import Graph
from reconciler.plan import Op, Plan, ResourceSet

ALLOW_UNSAFE = "routewright.dev/allow-unsafe-plan"
_FEW = 4
"""Below this number of rules a share says nothing."""


def check_safe(plan: Plan, got: ResourceSet, graph: Graph) -> None:
    """Raise UnsafePlan for a plan that takes over half of a live Gateway's rules though nobody asked for it.

    Asked for: the Gateway is being deleted or left our class, the annotation `routewright.dev/allow-unsafe-plan` names
    this generation, or Routes were deleted or refused (then the rules that go are fewer Routes' rules than before, which
    shows as a Route that carries our parent entry no longer attached).
    """
    for change in plan.changes:
        if change.got is not None and not change.got.owned:
            raise UnsafePlan(f"{graph.key}: {change.key} is not proven to be ours; nothing was changed")
    if graph.withdrawn or graph.gateway is None or _asked(graph):
        return
    rules = sum(1 for _ in got.of_kind("rule"))
    deleted = {change.key for change in plan.changes if change.op is Op.DELETE and change.key.kind == "rule"}
    created = {change.key for change in plan.changes if change.op is Op.CREATE and change.key.kind == "rule"}
    if rules >= _FEW and len(deleted) - len(created) > rules / 2:
        raise UnsafePlan(
            f"{graph.key}: the plan deletes {len(deleted)} of {rules} rules although no Route was deleted or refused; "
            f'if that is meant, set annotation {ALLOW_UNSAFE}: "{graph.gateway.meta.generation}" on the Gateway'
        )


def _asked(graph: Graph) -> bool:
    allowed = graph.gateway is not None and graph.gateway.meta.annotations.get(ALLOW_UNSAFE) == str(
        graph.gateway.meta.generation
    )
    return allowed or bool(graph.former) or any(item.refused is not None for item in graph.attachments)
