"""Readiness gates: which Pods wait for one, what is registered for it, and what their condition says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.gatewayapi.gates import GateUpdate, gate_updates, pending
from reconciler.gatewayapi.pods import GATE
from reconciler.gatewayapi.read import take_snapshot
from reconciler.gatewayapi.snapshot import Snapshot
from tests.builders import (
    CONTROLLER,
    endpoints,
    gated_pod,
    gateway,
    gateway_class,
    of_pods,
    parent,
    pod,
    route,
    service,
)
from tests.unit.reconciler.gatewayapi.graphs import KEY, World

type Plain = dict[str, Any]
POOL = "service/a/web:80"
TARGET = ("10.244.0.1", 8080)
ASKED = "Elb.InitialHealthChecking"


def objects(item: Plain, *routes: Plain, **conditions: bool) -> tuple[Plain, ...]:
    """Return a Gateway with a Service behind which a Pod is, not ready unless a test says so."""
    slice_ = of_pods(endpoints(), item)
    slice_["endpoints"][0]["conditions"] = {"ready": False} | conditions
    return (gateway_class(), gateway(), *(routes or (route(),)), service(), slice_, item)


def snapshot(item: Plain, *routes: Plain, **conditions: bool) -> Snapshot:
    return take_snapshot(KEY, CONTROLLER, objects(item, *routes, **conditions))


def registered(item: Plain, **conditions: bool) -> list[str]:
    (pool,) = World(objects(item, **conditions)).lb().pools
    return [one.address for one in pool.endpoints]


def told_by(*gateways: str) -> Plain:
    """Return a Route on these Gateways that has an entry of ours for each."""
    refs = [parent(name) for name in gateways]
    entries = [{"parentRef": ref, "controllerName": CONTROLLER, "conditions": []} for ref in refs]
    return route(parents=refs) | {"status": {"parents": entries}}


def verdict(item: Plain, health: Mapping[tuple[str, int], str] | None, *routes: Plain) -> tuple[bool, str] | None:
    """Return what is to be written of the Pod's gate, None for nothing."""
    found = World(objects(item, *routes)).lb().pools
    updates = gate_updates(snapshot(item, *routes), found, {} if health is None else {POOL: health})
    return next(((one.open, one.message) for one in updates), None)


def test_a_pod_that_only_our_gate_keeps_from_being_ready_is_registered() -> None:
    assert ["10.244.0.1"] == registered(gated_pod())


@pytest.mark.parametrize(
    "item",
    [
        pod() | {"status": {"conditions": [{"type": "ContainersReady", "status": "True"}]}},
        gated_pod(ready=False),
        gated_pod(gates=("example.com/other", GATE)),
    ],
    ids=["no gate of ours", "containers are not ready", "another gate is shut"],
)
def test_any_other_pod_that_is_not_ready_is_not_registered(item: Plain) -> None:
    assert [] == registered(item)


def test_a_pod_that_is_on_its_way_out_is_not_registered_for_its_gate() -> None:
    assert [] == registered(gated_pod(), terminating=True, serving=False)


def test_a_slice_that_means_another_pod_of_the_name_registers_nothing() -> None:
    item = gated_pod()
    other = gated_pod() | {"metadata": item["metadata"] | {"uid": "another"}}
    (pool,) = World((*objects(item)[:-1], other)).lb().pools

    assert () == pool.endpoints


def test_pods_that_end_but_serve_stay_beside_the_one_that_waits() -> None:
    old, new = pod("web-1-old"), gated_pod("web-1-new")
    slice_ = of_pods(endpoints(addresses=["10.244.0.1", "10.244.0.2"], ready=False), old, new)
    slice_["endpoints"][0]["conditions"] = {"ready": False, "serving": True, "terminating": True}
    (pool,) = World((gateway_class(), gateway(), route(), service(), slice_, new)).lb().pools

    assert ["10.244.0.1", "10.244.0.2"] == [one.address for one in pool.endpoints]


def test_an_open_gate_is_waited_for_no_more() -> None:
    assert {} == pending(snapshot(gated_pod(open_=True)))
    assert [("a", "web")] == list(pending(snapshot(gated_pod())))
    assert [("a", "web")] == list(pending(snapshot(gated_pod(ready=False))))


def test_a_pod_on_its_way_out_is_waited_for_no_more() -> None:
    assert {} == pending(snapshot(gated_pod(), terminating=True, serving=False))


def test_a_healthy_target_opens_the_gate_and_says_whose_pod_it_is() -> None:
    item = gated_pod()
    pools = World(objects(item)).lb().pools

    expected = GateUpdate(
        "a", "web-1-a", item["metadata"]["uid"], open=True, message="healthy in all target groups in use"
    )
    assert (expected,) == gate_updates(snapshot(item), pools, {POOL: {TARGET: ""}})


def test_a_target_group_that_does_not_exist_opens_the_gate() -> None:
    """Else a Pod whose Route is refused would never be ready."""
    (update,) = gate_updates(snapshot(gated_pod()), (), {})

    assert update.open


@pytest.mark.parametrize(
    ("health", "why"), [({TARGET: ASKED}, ASKED), ({}, "not registered yet"), (None, "not registered yet")]
)
def test_a_target_that_is_not_healthy_keeps_it_shut_and_says_why(health: Any, why: str) -> None:
    assert (False, f"waiting for targets of Gateways: infra/gw ({why})") == verdict(gated_pod(), health)


def test_what_is_said_already_is_not_written_again() -> None:
    said = gated_pod(said=f"waiting for targets of Gateways: infra/gw ({ASKED})")

    assert verdict(said, {TARGET: ASKED}) is None
    assert verdict(said, {TARGET: ""}) == (True, "healthy in all target groups in use")


def test_nothing_is_told_before_the_containers_are_ready() -> None:
    assert verdict(gated_pod(ready=False), {}) is None


def test_the_last_gateway_to_find_the_pod_healthy_opens_its_gate() -> None:
    both = told_by("gw", "other")

    first = verdict(gated_pod(), {TARGET: ""}, both)
    assert (False, "waiting for targets of Gateways: infra/other") == first
    theirs = gated_pod(said=f"waiting for targets of Gateways: infra/gw (x), infra/other ({ASKED})")
    assert (False, f"waiting for targets of Gateways: infra/other ({ASKED})") == verdict(theirs, {TARGET: ""}, both)
    mine = gated_pod(said="waiting for targets of Gateways: infra/gw (x)")
    assert (True, "healthy in all target groups in use") == verdict(mine, {TARGET: ""}, both)


def test_a_gateway_that_no_route_leads_from_any_more_is_waited_for_no_more() -> None:
    item = gated_pod(said="waiting for targets of Gateways: infra/gone")

    assert (True, "healthy in all target groups in use") == verdict(item, {TARGET: ""}, told_by("gw"))


def test_a_gateway_that_is_not_ours_is_never_waited_for() -> None:
    foreign = told_by("gw", "other")
    foreign["status"]["parents"][1]["controllerName"] = "example.com/other"

    assert (True, "healthy in all target groups in use") == verdict(gated_pod(), {TARGET: ""}, foreign)
