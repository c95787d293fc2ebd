"""Load balancers and the security groups they stand on, row by row of the table in `emulators/aws/README.md`."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from tests.aws_account import web_acl
from tests.unit.emulators.aws.conftest import World, refused


def shown(world: World, arn: str) -> dict[str, Any]:
    return dict(world.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0])


def security_group(world: World, name: str = "sg") -> str:
    made = world.ec2.create_security_group(GroupName=name, Description="d", VpcId=world.network.vpc_id)
    return str(made["GroupId"])


def test_row_08_the_same_name_is_the_same_load_balancer_or_refused(world: World) -> None:
    first = world.balancer(Tags=[{"Key": "owner", "Value": "them"}])

    assert first == world.balancer(Tags=[{"Key": "owner", "Value": "us"}])
    with refused("DuplicateLoadBalancerName"):
        world.balancer(Scheme="internal")
    (tags,) = world.elbv2.describe_tags(ResourceArns=[first])["TagDescriptions"]
    assert [{"Key": "owner", "Value": "them"}] == tags["Tags"]


@pytest.mark.parametrize("name", ["x" * 33, "internal-web", "a_b", "-web", "web-", ""])
def test_row_10_a_name_has_1_to_32_letters_digits_and_hyphens(world: World, name: str) -> None:
    with refused("ValidationError"):
        world.balancer(name)


def test_row_10_an_application_load_balancer_stands_in_two_zones(world: World) -> None:
    one, two = world.network.subnet_ids
    made = world.ec2.create_subnet(VpcId=world.network.vpc_id, CidrBlock="10.0.32.0/20", AvailabilityZone="us-east-1a")[
        "Subnet"
    ]["SubnetId"]

    with refused("InvalidConfigurationRequest"):
        world.balancer(Subnets=[one])
    with refused("InvalidConfigurationRequest", "same zone"):
        world.balancer(Subnets=[one, two, made])
    with refused("SubnetNotFound"):
        world.balancer(Subnets=[one, "subnet-00000000000000000"])
    with refused("ValidationError"):
        world.balancer(Subnets=[])


def test_row_10_security_groups_exist(world: World) -> None:
    with refused("InvalidSecurityGroup"):
        world.balancer(SecurityGroups=["sg-00000000000000000"])


def test_row_11_a_network_load_balancer_says_net(world: World) -> None:
    found = shown(world, world.balancer("net", Type="network"))

    assert ":loadbalancer/net/net/" in found["LoadBalancerArn"]
    assert found["DNSName"].endswith(".elb.us-east-1.amazonaws.com")


def test_row_11_an_internal_application_load_balancer_says_so_in_its_dns_name(world: World) -> None:
    found = shown(world, world.balancer(Scheme="internal"))

    assert found["DNSName"].startswith("internal-web-")
    assert found["DNSName"].endswith(".us-east-1.elb.amazonaws.com")


def test_row_12_the_answer_of_a_create_is_complete(world: World) -> None:
    (made,) = world.elbv2.create_load_balancer(Name="web", Subnets=list(world.network.subnet_ids))["LoadBalancers"]

    assert ("internet-facing", [world.network.security_group_id]) == (made["Scheme"], made["SecurityGroups"])
    assert made == shown(world, made["LoadBalancerArn"])


def test_row_24_one_missing_name_fails_them_all(world: World, balancer: str) -> None:
    with refused("LoadBalancerNotFound"):
        world.elbv2.describe_load_balancers(Names=["web", "gone"])
    with refused("ValidationError", "Up to '20'"):
        world.elbv2.describe_load_balancers(LoadBalancerArns=[balancer] * 21)


def test_row_34_a_network_load_balancer_made_without_security_groups_stays_so(world: World) -> None:
    balancer = world.balancer("net", Type="network")

    with refused("InvalidConfigurationRequest"):
        world.elbv2.set_security_groups(LoadBalancerArn=balancer, SecurityGroups=[security_group(world)])


def test_row_34_a_network_load_balancer_may_stand_in_one_zone(world: World) -> None:
    balancer = world.balancer("net", Type="network")

    kept = world.network.subnet_ids[0]
    answer = world.elbv2.set_subnets(LoadBalancerArn=balancer, Subnets=[kept])
    assert [kept] == [zone["SubnetId"] for zone in answer["AvailabilityZones"]]


def test_row_34_the_sets_of_an_application_load_balancer_are_replaced_whole(world: World, balancer: str) -> None:
    group = security_group(world)

    answer = world.elbv2.set_security_groups(LoadBalancerArn=balancer, SecurityGroups=[group])

    assert [group] == answer["SecurityGroupIds"] == shown(world, balancer)["SecurityGroups"]
    with refused("InvalidConfigurationRequest"):
        world.elbv2.set_subnets(LoadBalancerArn=balancer, Subnets=[world.network.subnet_ids[0]])
    world.elbv2.set_ip_address_type(LoadBalancerArn=balancer, IpAddressType="dualstack")
    assert "dualstack" == shown(world, balancer)["IpAddressType"]


def test_row_34_a_protected_load_balancer_cannot_be_deleted(world: World, balancer: str) -> None:
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    world.elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[protection])
    with refused("OperationNotPermitted"):
        world.elbv2.delete_load_balancer(LoadBalancerArn=balancer)

    protection["Value"] = "false"
    world.elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[protection])
    for _ in range(2):
        world.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    with refused("LoadBalancerNotFound"):
        shown(world, balancer)


def test_row_34_a_security_group_is_held_until_the_interfaces_are_gone() -> None:
    with strict_aws(Settings(interface_linger=90, virtual_clock=True)) as account:
        world = World(account)
        group = security_group(world)
        balancer = world.balancer(SecurityGroups=[group])
        with refused("DependencyViolation"):
            world.ec2.delete_security_group(GroupId=group)
        world.elbv2.delete_load_balancer(LoadBalancerArn=balancer)

        account.clock.advance(89)
        with refused("DependencyViolation"):
            world.ec2.delete_security_group(GroupId=group)
        account.clock.advance(1)
        world.ec2.delete_security_group(GroupId=group)


def test_row_34_a_security_group_that_another_one_names_is_in_use(world: World) -> None:
    named, naming = security_group(world, "a"), security_group(world, "b")
    opened = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": named}]}
    world.ec2.authorize_security_group_ingress(GroupId=naming, IpPermissions=[opened])

    with refused("DependencyViolation"):
        world.ec2.delete_security_group(GroupId=named)


def test_row_34_ports_of_a_security_group_are_opened_and_closed_once(world: World) -> None:
    group = security_group(world)
    opened = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[opened])
    with refused("InvalidPermission.Duplicate"):
        world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[opened])

    world.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[opened])
    with refused("InvalidPermission.NotFound"):
        world.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[opened])


def test_row_34_the_name_of_a_security_group_is_unique_in_its_vpc(world: World) -> None:
    security_group(world)

    with refused("InvalidGroup.Duplicate"):
        security_group(world)


def test_row_40_a_load_balancer_is_provisioned_for_minutes() -> None:
    with strict_aws(Settings(provisioning=120, virtual_clock=True)) as account:
        world = World(account)
        balancer = world.balancer()

        for wait, state in ((0, "provisioning"), (119, "provisioning"), (1, "active")):
            account.clock.advance(wait)
            assert state == shown(world, balancer)["State"]["Code"]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("idle_timeout.timeout_seconds", "4001", "ValidationError"),
        ("routing.http.xff_header_processing.mode", "loud", "ValidationError"),
        ("load_balancing.cross_zone.enabled", "false", "ValidationError"),
        ("no.such.key", "true", "ValidationError"),
        ("dns_record.client_routing_policy", "any_availability_zone", "InvalidConfigurationRequest"),
        ("access_logs.s3.enabled", "true", "InvalidConfigurationRequest"),
    ],
)
def test_row_32_attributes_of_a_load_balancer_are_checked(
    world: World, balancer: str, key: str, value: str, code: str
) -> None:
    with refused(code):
        world.elbv2.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[{"Key": key, "Value": value}])


def test_row_40_its_creation_is_dated_by_the_emulated_clock(world: World) -> None:
    world.account.clock.advance(3600)

    created = shown(world, world.balancer())["CreatedTime"]

    assert abs(created - world.account.clock.date()) < dt.timedelta(seconds=1)


def test_row_10_the_51st_load_balancer_is_too_many(world: World) -> None:
    world.account.limits.set("application-load-balancers", 2)
    for name in ("a", "b"):
        world.balancer(name)

    with refused("TooManyLoadBalancers"):
        world.balancer("c")


def test_new_operations_another_web_acl_takes_the_place_of_the_former(world: World, balancer: str) -> None:
    waf = world.account.client("wafv2")
    acls = [web_acl(world.account, name) for name in ("first", "second")]

    for acl in acls:
        waf.associate_web_acl(WebACLArn=acl, ResourceArn=balancer)

    assert acls[1] == waf.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["ARN"]
    waf.disassociate_web_acl(ResourceArn=balancer)
    assert not waf.get_web_acl_for_resource(ResourceArn=balancer).get("WebACL")


def test_new_operations_a_web_acl_and_its_load_balancer_have_to_exist(world: World, balancer: str) -> None:
    waf, acl = world.account.client("wafv2"), web_acl(world.account, "acl")

    with refused("WAFNonexistentItemException"):
        waf.associate_web_acl(WebACLArn=acl.replace("/acl/", "/no/"), ResourceArn=balancer)
    with refused("WAFNonexistentItemException"):
        waf.associate_web_acl(WebACLArn=acl, ResourceArn=balancer + "0")


def test_new_operations_a_network_load_balancer_has_no_web_acl(world: World) -> None:
    streams = world.balancer("streams", Type="network")

    with refused("WAFInvalidParameterException"):
        world.account.client("wafv2").associate_web_acl(WebACLArn=web_acl(world.account, "acl"), ResourceArn=streams)


def test_new_operations_a_web_acl_waits_for_a_load_balancer_that_was_just_made() -> None:
    with strict_aws(Settings(virtual_clock=True, consistency_delay=5.0)) as account:
        world = World(account)
        fresh = world.balancer()

        with refused("WAFUnavailableEntityException"):
            account.client("wafv2").associate_web_acl(WebACLArn=web_acl(world.account, "acl"), ResourceArn=fresh)
