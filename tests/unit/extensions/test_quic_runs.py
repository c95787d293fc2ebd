"""QUIC through whole runs, on the strict emulated account: made, kept, changed, moved and taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from providers.aws.quic import server_id
from reconciler.events import Cause
from reconciler.reconcile import ALLOW_DISRUPTION
from tests.aws_world import World
from tests.builders import backend_config, gateway, gateway_class, listener, node
from tests.fakes import trigger
from tests.unit.extensions.test_quicroute import QUIC, REF, config, quic_route, served


@pytest.fixture(name="world")
def _world(quicroute: None) -> Iterator[World]:
    """Return an account after the first run of a Gateway with a QUIC listener."""
    del quicroute
    with strict_aws() as account:
        world = World(account)
        world.cluster.put(gateway_class(parametersRef=REF), config(aws={"quic": True}), gateway(listeners=[QUIC]))
        world.cluster.put(quic_route(), *served())
        settle(world)
        yield world


def settle(world: World) -> None:
    """Look at everything, until nothing is waited for."""
    while world.run(trigger(cause=Cause.DEEP)).retry_after is not None:
        pass


def elbv2(world: World) -> Any:
    return world.account.client("elbv2")


def targets(world: World) -> list[dict[str, Any]]:
    (group,) = elbv2(world).describe_target_groups()["TargetGroups"]
    found = elbv2(world).describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    states = [one for one in found["TargetHealthDescriptions"] if one["TargetHealth"]["State"] != "draining"]
    return [one["Target"] for one in states]


def test_aws_accepts_what_is_wanted_and_a_second_run_writes_nothing(world: World) -> None:
    (balancer,) = elbv2(world).describe_load_balancers()["LoadBalancers"]
    (found,) = elbv2(world).describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    world.forget()
    settle(world)

    assert ("network", "QUIC", 443) == (balancer["Type"], found["Protocol"], found["Port"])
    assert not balancer.get("SecurityGroups")
    assert [] == world.operations()


def test_a_pod_replaced_costs_its_registration_and_the_others_deregistration(world: World) -> None:
    world.forget()
    world.cluster.put(*served(address="10.0.0.8"))
    settle(world)

    assert ["RegisterTargets", "DeregisterTargets"] == world.operations()
    assert [{"Id": "10.0.0.8", "Port": 8443, "QuicServerId": server_id("10.0.0.8", 8443)}] == targets(world)


def test_a_target_of_another_server_id_is_mended(world: World) -> None:
    (group,) = elbv2(world).describe_target_groups()["TargetGroups"]
    arn, place = group["TargetGroupArn"], {"Id": "10.0.0.9", "Port": 8443}
    elbv2(world).register_targets(TargetGroupArn=arn, Targets=[place | {"QuicServerId": "0x00000000000000ff"}])
    settle(world)

    assert ["10.0.0.7"] == [one["Id"] for one in targets(world)]


def test_a_gateway_that_goes_leaves_nothing(world: World) -> None:
    world.cluster.remove("Gateway", "infra", "gw")
    settle(world)

    assert [] == elbv2(world).describe_load_balancers()["LoadBalancers"]
    assert [] == elbv2(world).describe_target_groups()["TargetGroups"]


def test_a_class_that_says_otherwise_moves_the_load_balancer_only_with_the_annotation(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), config(aws={"quic": False}))
    before = {one["LoadBalancerName"] for one in elbv2(world).describe_load_balancers()["LoadBalancers"]}
    world.forget()
    held = world.run(trigger(cause=Cause.RESYNC))

    assert [] == world.operations()
    assert ALLOW_DISRUPTION in str(held)
    world.cluster.get("Gateway", "infra", "gw")["metadata"]["annotations"][ALLOW_DISRUPTION] = "true"
    settle(world)
    (after,) = elbv2(world).describe_load_balancers()["LoadBalancers"]
    assert after["LoadBalancerName"] not in before
    assert after["SecurityGroups"]


def test_from_quic_to_one_address_for_all_and_back_waits_for_the_annotation_as_a_whole(world: World) -> None:
    unified, quic = {"addressMode": "unified"}, {"quic": True}
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [(listener("http", 80), unified), (QUIC, quic)]
    for asked, block in steps:
        world.cluster.put(gateway(listeners=[asked]), config(aws=block))
        world.cluster.get("Gateway", "infra", "gw")["metadata"]["annotations"].pop(ALLOW_DISRUPTION, None)
        before = {one["LoadBalancerName"] for one in elbv2(world).describe_load_balancers()["LoadBalancers"]}
        world.forget()

        held = world.run(trigger(cause=Cause.RESYNC))

        assert [] == world.operations()
        assert ALLOW_DISRUPTION in held.outcome.held
        world.cluster.get("Gateway", "infra", "gw")["metadata"]["annotations"][ALLOW_DISRUPTION] = "true"
        settle(world)
        after = elbv2(world).describe_load_balancers()["LoadBalancers"]
        (network,) = [one for one in after if one["Type"] == "network"]
        assert network["LoadBalancerName"] not in before
        assert ("quic" in block) is not bool(network.get("SecurityGroups"))


def test_instance_targets_are_refused_on_the_route_and_nothing_is_sent_to_nodes(world: World) -> None:
    """A server is told apart by its own id, which a Node has not: kube-proxy would choose another Pod each time."""
    item = next(one for one in served() if one["kind"] == "Service")
    item["spec"] |= {"type": "NodePort", "ports": [one | {"nodePort": 30443} for one in item["spec"]["ports"]]}
    meta = item["metadata"]
    asks = backend_config({"targetType": "instance"}, namespace=meta["namespace"], target=meta["name"])
    world.cluster.put(item, node(), asks)

    settle(world)

    route = quic_route()["metadata"]
    (entry,) = world.cluster.get("QUICRoute", route["namespace"], route["name"])["status"]["parents"]
    (accepted,) = [one for one in entry["conditions"] if one["type"] == "Accepted"]
    assert ("False", "UnsupportedValue") == (accepted["status"], accepted["reason"])
    assert "instance targets" in accepted["message"]
    assert [] == targets(world)
