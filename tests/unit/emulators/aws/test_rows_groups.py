"""Target groups and targets, row by row of the table in `emulators/aws/README.md`."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from tests.unit.emulators.aws.conftest import World, forward, refused


def shown(world: World, arn: str) -> dict[str, Any]:
    return dict(world.elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0])


def register(world: World, group: str, *targets: tuple[str, int]) -> None:
    wanted = [{"Id": address, "Port": port} for address, port in targets]
    world.elbv2.register_targets(TargetGroupArn=group, Targets=wanted)


def deregister(world: World, group: str, *targets: tuple[str, int]) -> None:
    wanted = [{"Id": address, "Port": port} for address, port in targets]
    world.elbv2.deregister_targets(TargetGroupArn=group, Targets=wanted)


def health(world: World, group: str) -> dict[tuple[str, int], tuple[str, str]]:
    found = world.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return {
        (one["Target"]["Id"], one["Target"]["Port"]): (
            one["TargetHealth"]["State"],
            one["TargetHealth"].get("Reason", ""),
        )
        for one in found
    }


def test_row_09_the_same_name_and_settings_are_the_same_target_group(world: World) -> None:
    first = world.group(Tags=[{"Key": "owner", "Value": "them"}])

    assert first == world.group(Tags=[{"Key": "owner", "Value": "us"}])
    (tags,) = world.elbv2.describe_tags(ResourceArns=[first])["TagDescriptions"]
    assert [{"Key": "owner", "Value": "them"}] == tags["Tags"]


@pytest.mark.parametrize(
    "other",
    [
        {"Port": 81},
        {"Protocol": "HTTPS"},
        {"ProtocolVersion": "GRPC"},
        {"TargetType": "instance"},
        {"HealthCheckPath": "/h"},
    ],
)
def test_row_09_the_same_name_with_other_settings_is_taken(world: World, other: dict[str, Any]) -> None:
    world.group()

    with refused("DuplicateTargetGroupName"):
        world.group(**other)


def test_row_21_a_target_group_serves_one_load_balancer(world: World, listener: str) -> None:
    group = world.group()
    world.rule(listener, Actions=forward(group))
    other = world.listener(world.balancer("other"))

    with refused("TargetGroupAssociationLimit"):
        world.rule(other, Actions=forward(group))


def test_row_22_a_target_group_names_exactly_the_load_balancers_that_use_it(
    world: World, balancer: str, listener: str
) -> None:
    old, new = world.group("old"), world.group("new")
    rules = [world.rule(listener, number, Actions=forward(old)) for number in (1, 2)]
    assert [balancer] == shown(world, old)["LoadBalancerArns"]

    for rule in rules:
        world.elbv2.modify_rule(RuleArn=rule, Actions=forward(new))
    assert ([], [balancer]) == (shown(world, old)["LoadBalancerArns"], shown(world, new)["LoadBalancerArns"])
    for rule in rules:
        world.elbv2.delete_rule(RuleArn=rule)
    world.elbv2.modify_listener(ListenerArn=listener, DefaultActions=forward(old))
    assert ([balancer], []) == (shown(world, old)["LoadBalancerArns"], shown(world, new)["LoadBalancerArns"])


def test_row_23_a_load_balancer_without_target_groups_has_an_empty_list(world: World, balancer: str) -> None:
    world.group()

    assert [] == world.elbv2.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"]


def test_row_23_target_groups_are_paged(world: World) -> None:
    for name in "abc":
        world.group(name)

    first = world.elbv2.describe_target_groups(PageSize=2)
    second = world.elbv2.describe_target_groups(PageSize=2, Marker=first["NextMarker"])

    assert ["a", "b", "c"] == [one["TargetGroupName"] for page in (first, second) for one in page["TargetGroups"]]


def test_row_23_one_missing_name_fails_them_all(world: World) -> None:
    world.group()

    with refused("TargetGroupNotFound"):
        world.elbv2.describe_target_groups(Names=["pods", "gone"])


def test_row_28_one_address_on_two_ports_is_two_targets(world: World) -> None:
    group = world.group()
    register(world, group, ("10.244.0.7", 8080), ("10.244.0.7", 8081))
    assert {("10.244.0.7", 8080), ("10.244.0.7", 8081)} == health(world, group).keys()

    deregister(world, group, ("10.244.0.7", 8081))

    assert {("10.244.0.7", 8080)} == health(world, group).keys()


def test_row_28_deregistering_another_port_leaves_a_target_alone(world: World) -> None:
    group = world.group()
    register(world, group, ("10.244.0.7", 8080))

    deregister(world, group, ("10.244.0.7", 9090))

    assert {("10.244.0.7", 8080)} == health(world, group).keys()


def test_row_29_a_target_goes_from_unused_by_initial_and_healthy_to_draining() -> None:
    with strict_aws(Settings(target_initial=None, virtual_clock=True)) as account:
        world = World(account)
        group, target = world.group(HealthCheckIntervalSeconds=10, HealthyThresholdCount=3), ("10.244.0.7", 8080)
        register(world, group, target)
        assert ("unused", "Target.NotInUse") == health(world, group)[target]

        world.rule(world.listener(world.balancer()), Actions=forward(group))
        assert ("initial", "Elb.InitialHealthChecking") == health(world, group)[target]
        account.clock.advance(29)
        assert "initial" == health(world, group)[target][0]
        account.clock.advance(1)
        assert "healthy" == health(world, group)[target][0]
        deregister(world, group, target)
        assert ("draining", "Target.DeregistrationInProgress") == health(world, group)[target]
        account.clock.advance(300)
        assert {} == health(world, group)


def test_row_29_a_target_that_is_not_there_is_not_registered(world: World) -> None:
    group = world.group()
    asked = [{"Id": "10.244.0.9", "Port": 80}]

    (found,) = world.elbv2.describe_target_health(TargetGroupArn=group, Targets=asked)["TargetHealthDescriptions"]

    assert ("unused", "Target.NotRegistered") == (found["TargetHealth"]["State"], found["TargetHealth"]["Reason"])


def test_row_29_a_test_can_make_a_target_unhealthy(world: World, listener: str) -> None:
    group, target = world.group(), ("10.244.0.7", 8080)
    register(world, group, target)
    world.rule(listener, Actions=forward(group))

    world.account.force_target_state(*target, "unhealthy")

    assert ("unhealthy", "Target.FailedHealthChecks") == health(world, group)[target]


@pytest.mark.parametrize(
    ("address", "code"), [("8.8.8.8", "InvalidTarget"), ("garbage", "ValidationError"), ("fd00::1", "ValidationError")]
)
def test_row_30_an_address_is_private_and_of_the_groups_family(world: World, address: str, code: str) -> None:
    with refused(code):
        register(world, world.group(), (address, 80))


def test_row_30_an_address_outside_the_vpc_names_its_zone(world: World) -> None:
    group = world.group()
    with refused("InvalidTarget", "Availability Zone"):
        register(world, group, ("192.168.0.1", 80))

    outside = [{"Id": "192.168.0.1", "Port": 80, "AvailabilityZone": "all"}]
    world.elbv2.register_targets(TargetGroupArn=group, Targets=outside)

    (found,) = world.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert "all" == found["Target"]["AvailabilityZone"]


def launch(world: World, subnet: str = "") -> str:
    """Start an instance, in the VPC of the target groups unless a subnet is given."""
    subnet = subnet or world.network.subnet_ids[0]
    made = world.ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet)
    return str(made["Instances"][0]["InstanceId"])


def test_row_30_an_instance_exists(world: World) -> None:
    group = world.group(TargetType="instance")

    with refused("InvalidTarget", "not in a running state"):
        register(world, group, ("i-00000000000000000", 80))


def test_row_30_an_instance_is_registered_at_any_of_its_ports(world: World) -> None:
    group, instance = world.group(TargetType="instance"), launch(world)

    register(world, group, (instance, 30080), (instance, 30081))

    assert {(instance, 30080), (instance, 30081)} == set(health(world, group))


@pytest.mark.parametrize("operation", ["stop_instances", "terminate_instances"])
def test_row_30_an_instance_runs(world: World, operation: str) -> None:
    group, instance = world.group(TargetType="instance"), launch(world)
    getattr(world.ec2, operation)(InstanceIds=[instance])

    with refused("InvalidTarget", "not in a running state"):
        register(world, group, (instance, 80))


def test_row_30_an_instance_that_stops_is_unused_until_it_runs_again(world: World, listener: str) -> None:
    """API, TargetHealth: Target.InvalidState, the target is in the stopped or terminated state."""
    group, instance = world.group(TargetType="instance"), launch(world)
    world.rule(listener, 1, Actions=forward(group))
    register(world, group, (instance, 80))
    world.ec2.stop_instances(InstanceIds=[instance])

    (found,) = world.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert ("unused", "Target.InvalidState") == (found["TargetHealth"]["State"], found["TargetHealth"]["Reason"])
    world.ec2.start_instances(InstanceIds=[instance])
    assert "unused" not in {state for state, _ in health(world, group).values()}


def test_row_30_an_instance_is_in_the_vpc_of_the_group(world: World) -> None:
    vpc = world.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = world.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    group, foreign = world.group(TargetType="instance"), launch(world, subnet)

    with refused("InvalidTarget", f"not in the target group VPC '{world.network.vpc_id}'"):
        register(world, group, (foreign, 80))


@pytest.mark.parametrize("name", ["10.244.0.1", "arn:aws:lambda:us-east-1:123456789012:function:f", "i-xyz"])
def test_row_30_a_group_of_instances_takes_no_other_target(world: World, name: str) -> None:
    group = world.group(TargetType="instance")

    with refused("ValidationError", f"Instance ID '{name}' is not valid"):
        register(world, group, (name, 80))


def test_row_30_a_group_of_addresses_takes_no_instance(world: World) -> None:
    with refused("ValidationError", "is not a valid IPv4 address"):
        register(world, world.group(), (launch(world), 80))


def test_row_30_an_instance_has_its_own_availability_zone(world: World) -> None:
    """API, TargetDescription: AvailabilityZone is not supported if the target type is instance."""
    group, instance = world.group(TargetType="instance"), launch(world)

    with refused("ValidationError", "Availability Zone cannot be specified"):
        world.elbv2.register_targets(
            TargetGroupArn=group, Targets=[{"Id": instance, "Port": 80, "AvailabilityZone": "us-east-1a"}]
        )


def test_row_30_an_ipv6_group_takes_instances_with_a_primary_ipv6_address(world: World) -> None:
    group, instance = world.group(TargetType="instance", IpAddressType="ipv6"), launch(world)

    with refused("InvalidTarget", "primary IPv6 address"):
        register(world, group, (instance, 80))


def test_row_30_the_1001st_target_is_too_many_and_none_of_its_call_comes(world: World) -> None:
    group = world.group()
    for block in range(5):
        register(world, group, *((f"10.244.{block}.{host}", 80) for host in range(1, 201)))

    with refused("TooManyTargets"):
        register(world, group, ("10.244.9.1", 80), ("10.244.9.2", 80))
    assert 1000 == len(health(world, group))


def test_row_30_targets_of_all_groups_count_towards_the_load_balancer(world: World, listener: str) -> None:
    world.account.limits.set("targets-per-application-load-balancer", 2)
    one, other = world.group("a"), world.group("b")
    for number, group in enumerate((one, other), start=1):
        register(world, group, ("10.244.0.1", 80))
        world.rule(listener, number, Actions=forward(group))

    with refused("TooManyTargets"):
        register(world, other, ("10.244.0.2", 80))


def test_row_30_a_function_permits_its_invocation() -> None:
    allowed, denied = (f"arn:aws:lambda:us-east-1:123456789012:function:{name}" for name in ("yes", "no"))
    with strict_aws(Settings(invocable_functions=frozenset({allowed}))) as account:
        elbv2 = account.client("elbv2")
        group = elbv2.create_target_group(Name="f", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
        with refused("AccessDenied", "does not have permission to invoke"):
            elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": denied}])
        elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": allowed}])


def test_row_31_deregistering_what_is_not_there_is_success(world: World) -> None:
    group = world.group()

    deregister(world, group, ("10.244.0.9", 80))

    assert {} == health(world, group)


def test_row_39_a_target_group_that_is_gone_may_be_deleted_again(world: World) -> None:
    group = world.group()
    for _ in range(2):
        world.elbv2.delete_target_group(TargetGroupArn=group)


def test_row_39_the_other_answer_is_a_switch() -> None:
    with strict_aws(Settings(delete_unknown_target_group=False)) as account:
        world = World(account)
        group = world.group()
        world.elbv2.delete_target_group(TargetGroupArn=group)
        with refused("TargetGroupNotFound"):
            world.elbv2.delete_target_group(TargetGroupArn=group)


@pytest.mark.parametrize("by", ["rule", "default action"])
def test_in_use_a_target_group_in_use_cannot_be_deleted(world: World, listener: str, by: str) -> None:
    group = world.group()
    if by == "rule":
        world.rule(listener, Actions=forward(group))
    else:
        world.elbv2.modify_listener(ListenerArn=listener, DefaultActions=forward(group))

    with refused("ResourceInUse", f"Target group '{group}' is currently in use by a listener or a rule"):
        world.elbv2.delete_target_group(TargetGroupArn=group)


def test_in_use_a_listener_behind_a_network_load_balancer_cannot_be_deleted(
    world: World, balancer: str, listener: str
) -> None:
    group = world.group("alb", TargetType="alb", Protocol="TCP", Port=80)
    world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": balancer}])

    with refused("ResourceInUse", "Listener port '80' is in use by registered target"):
        world.elbv2.delete_listener(ListenerArn=listener)
    with refused("ResourceInUse"):
        world.elbv2.delete_load_balancer(LoadBalancerArn=balancer)


@pytest.mark.parametrize("name", ["x" * 33, "a_b", "-a", "a-", ""])
def test_row_10_a_target_groups_name_has_1_to_32_letters_digits_and_hyphens(world: World, name: str) -> None:
    with refused("ValidationError"):
        world.group(name)
