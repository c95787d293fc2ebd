"""Elastic IPs and application load balancers as targets, row by row of the table in `emulators/aws/README.md`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.emulators.aws.conftest import World, forward, refused


def elastic(world: World, **options: Any) -> tuple[str, str]:
    """Allocate an Elastic IP; return its allocation id and address."""
    made = world.ec2.allocate_address(Domain="vpc", **options)
    return made["AllocationId"], made["PublicIp"]


def network(world: World, *mappings: dict[str, str], name: str = "net", **options: Any) -> str:
    """Make a Network Load Balancer with these subnet mappings."""
    made = world.elbv2.create_load_balancer(Name=name, Type="network", SubnetMappings=list(mappings), **options)
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])


def at(world: World, zone: int, **address: str) -> dict[str, str]:
    """Return a mapping of the subnet in a zone."""
    return {"SubnetId": world.network.subnet_ids[zone], **address}


def shown(world: World, arn: str) -> dict[str, list[dict[str, str]]]:
    """Return the addresses that DescribeLoadBalancers shows, by subnet."""
    (found,) = world.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    return {zone["SubnetId"]: zone["LoadBalancerAddresses"] for zone in found["AvailabilityZones"]}


def association(world: World, allocation: str) -> str:
    (found,) = world.ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
    return str(found.get("AssociationId", ""))


def front(world: World, port: int = 80, **options: Any) -> str:
    """Make a target group for an Application Load Balancer."""
    return world.group(f"front-{port}", Protocol="TCP", Port=port, TargetType="alb", **options)


# --- Elastic IPs --------------------------------------------------------------------------------------------------


def test_row_50_an_elastic_ip_stands_on_the_load_balancer_until_that_goes(world: World) -> None:
    allocation, address = elastic(world)
    arn = network(world, at(world, 0, AllocationId=allocation))

    assert [{"IpAddress": address, "AllocationId": allocation}] == shown(world, arn)[world.network.subnet_ids[0]]
    assert association(world, allocation)
    with refused("InvalidIPAddress.InUse"):
        world.ec2.release_address(AllocationId=allocation)
    world.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert not association(world, allocation)


def test_row_50_an_elastic_ip_serves_one_load_balancer(world: World) -> None:
    allocation, _ = elastic(world)
    network(world, at(world, 0, AllocationId=allocation))

    with refused("ResourceInUse", "The allocation IDs are not available for use"):
        network(world, at(world, 1, AllocationId=allocation), name="other")


def test_row_50_an_elastic_ip_has_to_exist(world: World) -> None:
    with refused("AllocationIdNotFound"):
        network(world, at(world, 0, AllocationId="eipalloc-00000000000000000"))


def test_row_50_the_same_elastic_ip_twice_is_refused(world: World) -> None:
    allocation, _ = elastic(world)

    with refused("ResourceInUse"):
        network(world, at(world, 0, AllocationId=allocation), at(world, 1, AllocationId=allocation))


def test_row_50_elastic_ips_are_for_internet_facing_network_load_balancers(world: World) -> None:
    allocation, _ = elastic(world)

    with refused("InvalidConfigurationRequest"):
        network(world, at(world, 0, AllocationId=allocation), Scheme="internal")
    with refused("InvalidConfigurationRequest"):
        world.elbv2.create_load_balancer(
            Name="web", SubnetMappings=[at(world, 0, AllocationId=allocation), at(world, 1)]
        )


def test_row_50_a_private_address_lies_in_its_subnet_and_is_free(world: World) -> None:
    arn = network(world, at(world, 0, PrivateIPv4Address="10.0.1.9"), Scheme="internal")

    assert [{"PrivateIPv4Address": "10.0.1.9"}] == shown(world, arn)[world.network.subnet_ids[0]]
    with refused("InvalidConfigurationRequest", "range of the subnet"):
        network(world, at(world, 0, PrivateIPv4Address="10.0.16.9"), name="b", Scheme="internal")
    with refused("InvalidConfigurationRequest", "already in use"):
        network(world, at(world, 0, PrivateIPv4Address="10.0.1.9"), name="c", Scheme="internal")
    with refused("InvalidConfigurationRequest"):
        network(world, at(world, 0, PrivateIPv4Address="10.0.1.10"), name="d", Scheme="internet-facing")


def test_row_50_repeating_a_create_answers_with_what_is_there_and_another_address_is_another_setting(
    world: World,
) -> None:
    (one, _), (other, _) = elastic(world), elastic(world)
    arn = network(world, at(world, 0, AllocationId=one))

    assert arn == network(world, at(world, 0, AllocationId=one))
    with refused("DuplicateLoadBalancerName"):
        network(world, at(world, 0, AllocationId=other))


def test_row_50_a_zone_comes_and_goes_with_its_address_and_one_that_stays_keeps_its_own(world: World) -> None:
    (one, _), (other, address) = elastic(world), elastic(world)
    arn = network(world, at(world, 0, AllocationId=one))

    with refused("InvalidConfigurationRequest", "cannot be changed"):
        world.elbv2.set_subnets(LoadBalancerArn=arn, SubnetMappings=[at(world, 0, AllocationId=other)])
    both = [at(world, 0, AllocationId=one), at(world, 1, AllocationId=other)]
    world.elbv2.set_subnets(LoadBalancerArn=arn, SubnetMappings=both)
    world.elbv2.set_subnets(LoadBalancerArn=arn, SubnetMappings=both[1:])

    assert {world.network.subnet_ids[1]: [{"IpAddress": address, "AllocationId": other}]} == shown(world, arn)
    assert not association(world, one)


def test_row_50_addresses_that_aws_chose_are_told_by_the_interfaces_alone(world: World) -> None:
    arn = world.balancer("net", Type="network")
    described = [{"Name": "description", "Values": [f"ELB {arn.partition(':loadbalancer/')[2]}"]}]

    assert [[], []] == list(shown(world, arn).values())
    faces = world.ec2.describe_network_interfaces(Filters=described)["NetworkInterfaces"]
    assert set(world.network.subnet_ids) == {face["SubnetId"] for face in faces}
    assert all(face["Association"]["PublicIp"] for face in faces)
    world.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert [] == world.ec2.describe_network_interfaces(Filters=described)["NetworkInterfaces"]


def test_row_50_an_internal_load_balancer_has_no_public_address(world: World) -> None:
    world.balancer("net", Type="network", Scheme="internal")

    faces = world.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert [None, None] == [face.get("Association") for face in faces]


# --- an application load balancer as a target ---------------------------------------------------------------------


def test_row_51_the_target_is_one_application_load_balancer_with_a_listener_on_the_port(
    world: World, balancer: str
) -> None:
    group = front(world)

    with refused("InvalidTarget", "no listener on port '80'"):
        world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": balancer}])
    world.listener(balancer)
    world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": balancer}])
    other = world.balancer("other")
    world.listener(other)
    with refused("TooManyTargets"):
        world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": other}])
    with refused("InvalidTarget"):
        world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": world.balancer("net", Type="network")}])


@pytest.mark.parametrize("options", [{"Port": 81}, {"AvailabilityZone": "all"}])
def test_row_51_a_target_has_the_port_of_its_group_and_no_zone(
    world: World, balancer: str, options: dict[str, Any]
) -> None:
    world.listener(balancer)

    with refused("ValidationError"):
        world.elbv2.register_targets(TargetGroupArn=front(world), Targets=[{"Id": balancer, **options}])


def test_row_51_the_group_speaks_tcp_asks_for_health_by_http_and_has_no_settings(world: World) -> None:
    for wrong in ({"Protocol": "HTTP"}, {"HealthCheckProtocol": "TCP"}):
        with refused("ValidationError"):
            world.group("front", **{"Protocol": "TCP", "TargetType": "alb", **wrong})
    with refused("InvalidConfigurationRequest"):
        world.elbv2.modify_target_group_attributes(
            TargetGroupArn=front(world), Attributes=[{"Key": "preserve_client_ip.enabled", "Value": "false"}]
        )


@pytest.mark.parametrize(
    ("check", "state"),
    [({}, "healthy"), ({"HealthCheckPort": "81"}, "unhealthy"), ({"HealthCheckProtocol": "HTTPS"}, "unhealthy")],
)
def test_row_51_it_is_unhealthy_where_nothing_listens_that_a_health_check_can_ask(
    world: World, balancer: str, check: dict[str, Any], state: str
) -> None:
    world.listener(balancer)
    group = front(world, 80, **check)
    world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": balancer}])
    world.listener(world.balancer("net", Type="network"), 80, "TCP", DefaultActions=forward(group))
    world.account.clock.advance(600.0)

    (found,) = world.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]

    assert state == found["TargetHealth"]["State"]


def test_row_51_only_tcp_listeners_lead_to_it(world: World, balancer: str) -> None:
    net = world.balancer("net", Type="network")

    with refused("IncompatibleProtocols"):
        world.listener(net, 80, "UDP", DefaultActions=forward(front(world)))
    with refused("IncompatibleProtocols"):
        world.listener(balancer, DefaultActions=forward(front(world)))


def test_row_51_while_it_is_a_target_neither_it_nor_its_listener_can_go(
    world: World, balancer: str, listener: str
) -> None:
    group = front(world)
    world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": balancer}])

    with refused("ResourceInUse", "Listener port '80' is in use by registered target"):
        world.elbv2.delete_listener(ListenerArn=listener)
    with refused("ResourceInUse"):
        world.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    world.elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": balancer}])
    world.elbv2.delete_listener(ListenerArn=listener)
    world.elbv2.delete_load_balancer(LoadBalancerArn=balancer)


def test_row_51_it_stands_behind_two_network_load_balancers_at_most(world: World, balancer: str) -> None:
    for port in (80, 81, 82):
        world.listener(balancer, port)
        net = world.balancer(f"net-{port}", Type="network")
        world.listener(net, port, "TCP", DefaultActions=forward(front(world, port)))
    for port in (80, 81):
        world.elbv2.register_targets(TargetGroupArn=_front(world, port), Targets=[{"Id": balancer}])

    with refused("TooManyRegistrationsForTargetId"):
        world.elbv2.register_targets(TargetGroupArn=_front(world, 82), Targets=[{"Id": balancer}])


def _front(world: World, port: int) -> str:
    (found,) = world.elbv2.describe_target_groups(Names=[f"front-{port}"])["TargetGroups"]
    return str(found["TargetGroupArn"])
