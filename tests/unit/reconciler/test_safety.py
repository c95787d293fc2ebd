"""The last look at a plan: what is not proven to be ours is in none, whoever asked for it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import UnsafePlan
from reconciler.plan import Change, Op, Plan, Resource, ResourceKey, ResourceSet
from reconciler.safety import ALLOW_UNSAFE, check_safe
from tests.builders import gateway, gateway_class, route, with_service
from tests.unit.reconciler.gatewayapi.graphs import KEY, World

THING = ResourceKey("rule", "listener/80", "one")


def plan_on(got: Resource | None, op: Op = Op.DELETE) -> Plan:
    want = None if op is Op.DELETE else Resource(THING)
    return Plan(KEY, (Change(op, THING, want, got, "because"),))


def judge(plan: Plan, *, asked: bool = False, **annotations: str) -> None:
    item: dict[str, Any] = gateway()
    item["metadata"]["annotations"] = annotations
    graph = World((gateway_class(), item, route(), *with_service())).graph()
    check_safe(plan, ResourceSet(), graph, asked=asked)


@pytest.mark.parametrize("op", [Op.UPDATE, Op.DELETE])
@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "not asked for"])
def test_what_is_not_proven_to_be_ours_is_neither_changed_nor_deleted(op: Op, *, asked: bool) -> None:
    foreign = plan_on(Resource(THING, owned=False), op)

    with pytest.raises(UnsafePlan, match="rule/listener/80/one is not proven to be ours"):
        judge(foreign, asked=asked, **{ALLOW_UNSAFE: "1"})


@pytest.mark.parametrize("op", [Op.UPDATE, Op.DELETE])
def test_what_is_ours_may_be(op: Op) -> None:
    judge(plan_on(Resource(THING), op))
