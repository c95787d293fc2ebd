"""QUIC listeners and targets as AWS's documents have them, driven by plain boto3."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.dataplane.datagrams import CARRIED
from tests.unit.emulators.aws.conftest import World, forward, refused

FIRST, SECOND = "0x00000000000000a1", "0x00000000000000b2"


@pytest.fixture(name="network")
def _network(world: World) -> str:
    """Return a network load balancer without security groups."""
    return world.balancer("net", Type="network")


def quic_group(world: World, name: str = "quic", protocol: str = "QUIC", **servers: str) -> str:
    """Return a target group with targets by the last byte of their address: `t7="0x..."`."""
    group = world.group(name, Protocol=protocol, Port=443)
    for target, server in servers.items():
        register(world, group, f"10.0.0.{target[1:]}", server)
    return group


def register(world: World, group: str, address: str, server: str | None) -> None:
    target = {"Id": address, "Port": 443} | ({"QuicServerId": server} if server else {})
    world.elbv2.register_targets(TargetGroupArn=group, Targets=[target])


def targets(world: World, group: str) -> list[dict[str, Any]]:
    answer = world.elbv2.describe_target_health(TargetGroupArn=group)
    return [one["Target"] for one in answer["TargetHealthDescriptions"]]


@pytest.mark.parametrize("protocol", ["QUIC", "TCP_QUIC"])
def test_a_network_load_balancer_without_security_groups_takes_one_quic_listener(
    world: World, network: str, protocol: str
) -> None:
    group = quic_group(world, protocol=protocol)
    world.listener(network, 443, protocol, DefaultActions=forward(group))

    assert protocol in CARRIED
    with refused("InvalidConfigurationRequest", "Only one QUIC"):
        world.listener(network, 444, protocol, DefaultActions=forward(group))


def test_a_load_balancer_with_security_groups_takes_none(world: World) -> None:
    made = world.ec2.create_security_group(GroupName="g", Description="g", VpcId=world.network.vpc_id)
    guarded = world.balancer("net", Type="network", SecurityGroups=[made["GroupId"]])

    with refused("InvalidConfigurationRequest", "with security groups"):
        world.listener(guarded, 443, "QUIC", DefaultActions=forward(quic_group(world)))


@pytest.mark.parametrize(("first", "second"), [("UDP", "QUIC"), ("QUIC", "UDP")])
def test_quic_and_udp_do_not_stand_on_one_load_balancer(world: World, network: str, first: str, second: str) -> None:
    groups = {one: quic_group(world, one.lower(), one) for one in (first, second)}
    world.listener(network, 443, first, DefaultActions=forward(groups[first]))

    with refused("InvalidConfigurationRequest", "not allowed on a load balancer that has a"):
        world.listener(network, 53, second, DefaultActions=forward(groups[second]))


def test_a_listener_that_becomes_one_for_quic_is_held_to_the_same(world: World, network: str) -> None:
    udp, quic = quic_group(world, "udp", "UDP"), quic_group(world)
    first, _ = (world.listener(network, port, "UDP", DefaultActions=forward(udp)) for port in (443, 444))

    with refused("InvalidConfigurationRequest", "has a UDP listener"):
        world.elbv2.modify_listener(ListenerArn=first, Protocol="QUIC", DefaultActions=forward(quic))


def test_an_application_load_balancer_listens_for_no_quic(world: World, balancer: str) -> None:
    with refused("ValidationError", "must be one of"):
        world.listener(balancer, 443, "QUIC")


def test_a_quic_listener_forwards_to_groups_of_its_own_protocol(world: World, network: str) -> None:
    with refused("IncompatibleProtocols"):
        world.listener(network, 443, "TCP_QUIC", DefaultActions=forward(quic_group(world)))


@pytest.mark.parametrize("server", ["0x1", "00000000000000a1", "0x00000000000000A1", "0x00000000000000a1b"])
def test_a_server_id_is_sixteen_hexadecimal_characters_in_lower_case(world: World, server: str) -> None:
    with refused("ValidationError", "16 hexadecimal"):
        register(world, quic_group(world), "10.0.0.7", server)


def test_a_server_id_is_required_with_quic_and_refused_without(world: World) -> None:
    with refused("ValidationError", "must be specified"):
        register(world, quic_group(world), "10.0.0.7", None)
    with refused("ValidationError", "cannot be specified"):
        register(world, quic_group(world, "udp", "UDP"), "10.0.0.7", FIRST)


def test_the_server_id_of_a_registered_target_stays(world: World) -> None:
    group = quic_group(world, t7=FIRST)
    with refused("ValidationError", "cannot be modified"):
        register(world, group, "10.0.0.7", SECOND)
    register(world, group, "10.0.0.7", FIRST)

    assert [{"Id": "10.0.0.7", "Port": 443, "QuicServerId": FIRST}] == targets(world, group)


def test_a_server_id_is_unique_on_a_listener(world: World, network: str) -> None:
    one, other = quic_group(world, "one", t7=FIRST), quic_group(world, "other", t8=FIRST)
    with refused("ValidationError", "already in use"):
        world.listener(network, 443, "QUIC", DefaultActions=forward(one, other))
    third = quic_group(world, "third", t9=SECOND)
    world.listener(network, 443, "QUIC", DefaultActions=forward(one, third))

    with refused("ValidationError", "already in use"):
        register(world, third, "10.0.0.10", FIRST)
    assert ["10.0.0.9"] == [target["Id"] for target in targets(world, third)]
