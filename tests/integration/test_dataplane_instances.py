"""Instances as targets, with traffic: what is sent to a node port reaches a Pod behind it, as with kube-proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.cluster.addresses import AddressTable
from emulators.cluster.node_ports import led_to
from tests.builders import endpoints, node_service
from tests.integration.dataplane_world import World, opened_world

pytestmark = pytest.mark.integration

NODE_PORT = 30080


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    with opened_world(tmp_path) as world:
        world.open()
        yield world


def instance(world: World) -> str:
    """Start an instance in the VPC of the target groups; return its id."""
    subnet = world.account.prepare_network().subnet_ids[0]
    made = world.account.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet)
    return str(made["Instances"][0]["InstanceId"])


def lead(world: World, machine: str, *pods: str) -> None:
    """Let a machine's node port lead to these Pods of Service a/web, as the stand-in Node would."""
    table = AddressTable(world.table.with_name("node-ports.json"))
    for place, there in world.pods.items():
        table.route(place.partition(":")[0], {8080: int(there.rpartition(":")[2])})
    table.lead(machine, led_to([node_service(node_port=NODE_PORT)], [endpoints(addresses=pods)]))
    world.pods |= json.loads(table.path.read_text())
    world.write_table()


def test_a_request_for_an_instance_reaches_a_pod_behind_its_node_port(world: World) -> None:
    machine, pod, other = instance(world), world.pod(7), world.pod(8)
    lead(world, machine, pod)
    group = world.group("nodes", TargetType="instance")
    world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": machine, "Port": NODE_PORT}])
    world.rule([{"Type": "forward", "TargetGroupArn": group}])
    world.settle()

    assert {pod} == {world.get().seen["name"] for _ in range(4)}
    lead(world, machine, other)
    world.settle()
    assert other == world.get().seen["name"]


def test_a_node_port_without_a_pod_answers_nobody(world: World) -> None:
    machine = instance(world)
    group = world.group("nodes", TargetType="instance")
    world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": machine, "Port": NODE_PORT}])
    world.rule([{"Type": "forward", "TargetGroupArn": group}])
    world.settle()

    assert 502 <= world.get().status <= 504
