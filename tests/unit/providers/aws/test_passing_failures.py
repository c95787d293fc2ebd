"""A call that fails for now tells nothing new of what is live, and what AWS refused counts nowhere as attached."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from emulators.aws.faults import Fault
from reconciler.errors import TransientError
from reconciler.events import Cause, Seen
from tests.builders import backend, exact, listener, listener_set, parent, route, route_of, rule, with_service
from tests.fakes import trigger
from tests.unit.providers.aws.shared_gateway import Shared, shared_gateway

type Plain = dict[str, Any]
READS = (
    "DescribeListenerAttributes",
    "DescribeListenerCertificates",
    "DescribeListeners",
    "DescribeLoadBalancerAttributes",
    "DescribeLoadBalancers",
    "DescribeRules",
    "DescribeSecurityGroups",
    "DescribeTags",
    "DescribeTargetGroupAttributes",
    "DescribeTargetGroups",
    "DescribeTargetHealth",
    "DescribeTrustStores",
    "GetResources",
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shared]:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the SDK waits between its tries
    with shared_gateway() as found:
        found.settle()
        yield found


def statuses(world: Shared) -> Plain:
    """Return all statuses but the times in them."""
    found = copy.deepcopy({name: item.get("status") for name, item in world.cluster.objects.items()})
    return {"/".join(name): status for name, status in found.items()}


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("cause", [Cause.RESYNC, Cause.DEEP])
def test_a_throttled_read_leaves_every_status_of_a_live_gateway(world: Shared, operation: str, cause: Cause) -> None:
    before = statuses(world)
    world.account.faults.add(Fault("throttle", operation, count=500))

    with suppress(TransientError):
        world.go(trigger(cause=cause))

    assert before == statuses(world)


def test_reads_of_every_kind_are_throttled_in_that_test(world: Shared) -> None:
    world.forget()
    world.go(trigger(cause=Cause.DEEP))

    assert set(READS) == {one.operation for one in world.account.journal.entries()}


def attached(world: Shared) -> dict[str, int]:
    listeners = world.cluster.get("Gateway", "infra", "gw")["status"]["listeners"]
    return {one["name"]: one["attachedRoutes"] for one in listeners}


def test_a_route_that_aws_refused_is_not_attached_then_and_not_later(world: Shared) -> None:
    before = attached(world)
    world.account.faults.add(Fault("refused", "CreateRule", count=500, about="/refused"))
    match = [exact("/refused")]
    late = route("late", "shop", [rule(backend("shop"), matches=match)], ["late.example.com"], [parent()])
    world.change(late)
    refused = attached(world)
    world.change(*with_service("other", "shop", ["10.244.1.9"]))

    assert before == refused == attached(world)


def test_a_listener_set_that_aws_could_not_make_yet_is_pending_and_costs_nobody_the_run(world: Shared) -> None:
    world.account.faults.add(Fault("throttle", "CreateListener", count=500))
    own = listener_set("late", "shop", [listener("own", 7000, "TCP")])
    on_set = {"rules": [rule(backend("shop"))], "parentRefs": [parent("late", "shop", kind="ListenerSet")]}
    world.cluster.put(own, route_of("TCPRoute", "late", "shop", on_set))

    with suppress(TransientError):
        world.go(trigger(seen=(Seen("ListenerSet", "uid-shop-late", "9"),)))

    assert ("Unknown", "Pending") == world.says("ListenerSet", "shop", "late")["Programmed"]
    assert ("True", "Programmed") == world.says()["Programmed"]
    world.account.faults.clear()
    world.settle()
    assert ("True", "Programmed") == world.says("ListenerSet", "shop", "late")["Programmed"]
