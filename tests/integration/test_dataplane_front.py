"""A network load balancer in front of an application load balancer: its rules answer, and they see the client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dataplane_world import World, fixed, forward, opened_world, when

pytestmark = pytest.mark.integration


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    with opened_world(tmp_path) as world:
        world.open()
        yield world


def put_in_front(world: World, **mapping: str) -> dict[str, Any]:
    """Put a network load balancer in one zone before the application load balancer; return it."""
    subnet = world.account.prepare_network().subnet_ids[0]
    group = world.group("front", Protocol="TCP", Port=world.port, TargetType="alb")
    world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": world.balancer_arn}])
    made = world.elbv2.create_load_balancer(
        Name="front",
        Type="network",
        SubnetMappings=[{"SubnetId": subnet, **mapping}],
        SecurityGroups=[world.security_group("front")],
    )["LoadBalancers"][0]
    world.elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="TCP", Port=world.port, DefaultActions=forward(group)
    )
    world.settle()
    return dict(made)


def elastic(world: World, address: str) -> str:
    """Give the account an Elastic IP that this machine can be reached at; return its allocation id."""
    return str(world.account.client("ec2").allocate_address(Domain="vpc", Address=address)["AllocationId"])


def test_the_rules_behind_answer_at_the_elastic_ip_in_front(world: World) -> None:
    pod = world.pod(7)
    world.rule(forward(world.group("pods", pod)))
    put_in_front(world, AllocationId=elastic(world, "127.199.0.7"))
    world.dns_name = "127.199.0.7"

    assert pod == world.get("/x").seen["name"]


def test_an_elastic_ip_on_loopback_is_listened_on_itself(world: World) -> None:
    world.rule(fixed(418))
    put_in_front(world, AllocationId=elastic(world, "127.199.0.8"))
    port = world.port + world.plane.port_offset

    with socket.create_connection(("127.199.0.8", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b"HTTP/1.1 418" in connection.makefile("rb").readline()


def test_the_client_is_known_behind_the_load_balancer_in_front(world: World) -> None:
    pod = world.pod(7)
    world.rule(forward(world.group("pods", pod)), when("source-ip", "SourceIpConfig", Values=["127.0.0.9/32"]))
    world.dns_name = put_in_front(world)["DNSName"]

    assert "127.0.0.9" == world.get(source="127.0.0.9").seen["headers"]["x-forwarded-for"]
    assert 404 == world.get(source="127.0.0.10").status


def test_the_load_balancer_behind_still_answers_its_own_clients(world: World) -> None:
    world.rule(fixed(418))
    put_in_front(world)

    assert 418 == world.get().status
