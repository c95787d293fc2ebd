"""Network load balancers: streams of bytes, shared by weight, without a look inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.dataplane_world import World, forward, opened_world

pytestmark = pytest.mark.integration


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    with opened_world(tmp_path) as world:
        yield world


def open_network(world: World, *groups: str, weights: tuple[int, ...] = ()) -> None:
    """Make a network load balancer with a TCP listener that leads to these target groups."""
    network = world.account.prepare_network()
    options = {"Name": "stream", "Type": "network", "Subnets": list(network.subnet_ids)}
    made = world.elbv2.create_load_balancer(**options)["LoadBalancers"][0]
    world.dns_name, world.balancer_arn = made["DNSName"], made["LoadBalancerArn"]
    world.elbv2.create_listener(
        LoadBalancerArn=world.balancer_arn,
        Protocol="TCP",
        Port=world.port,
        DefaultActions=forward(*groups, weights=weights),
    )
    world.settle()


def test_a_tcp_listener_carries_bytes_to_the_groups_that_have_weight(world: World) -> None:
    groups = [world.group(f"group-{number}", world.pod(number), Protocol="TCP") for number in (7, 8, 9)]
    open_network(world, *groups, weights=(1, 1, 0))
    names = {world.get().seen["name"] for _ in range(60)}
    assert {"10.244.0.7", "10.244.0.8"} == names


def test_a_stream_is_not_changed_on_its_way(world: World) -> None:
    open_network(world, world.group("group", world.pod(7), Protocol="TCP"))
    headers = world.get("/a/../b", Host="a.example.com").seen["headers"]
    assert {"host": "a.example.com", "accept-encoding": "identity"} == headers


def test_a_tcp_listener_without_a_target_ends_connections(world: World) -> None:
    open_network(world, world.group("group", Protocol="TCP"))
    with pytest.raises(ConnectionError):
        world.get()
