"""Law 3 in whole runs: what is not proven ours, by cluster, Gateway and UID, is neither changed, used nor deleted."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.faults import Fault, ProcessCut
from providers.aws.certificates import FINGERPRINT, KEY_TYPE
from providers.aws.names import CLUSTER, GATEWAY, GATEWAY_UID, ID, logical_id
from providers.aws.resources import certificate_key
from reconciler.events import Cause
from tests.aws_settings import delete
from tests.aws_world import World, hold, secret, secure
from tests.builders import CLUSTER as OURS
from tests.builders import backend, exact, route, rule, with_service
from tests.certificates import of_server
from tests.fakes import trigger

OWNER = {CLUSTER: OURS, GATEWAY: "infra/gw", GATEWAY_UID: "uid-infra-gw"}


_ANSWERED = ("TargetGroupArn", "TargetGroupName", "LoadBalancerArns")
"""What AWS tells of a target group beside what it was asked for."""


def tags_of(**changed: str) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in {**OWNER, **changed}.items()]


def test_the_tags_of_these_tests_are_those_that_prove_a_gateways_things(world: World) -> None:
    world.run()

    arn = world.balancer()["LoadBalancerArn"]
    found = world.account.client("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    assert OWNER.items() <= {one["Key"]: one["Value"] for one in found}.items()


@pytest.mark.parametrize("tag", OWNER)
def test_a_load_balancer_of_our_name_that_one_tag_gives_to_somebody_else_is_an_error_and_stays(
    world: World, tag: str
) -> None:
    world.run()
    arn = world.balancer()["LoadBalancerArn"]
    world.account.client("elbv2").add_tags(ResourceArns=[arn], Tags=[{"Key": tag, "Value": "another"}])

    assert [] == world.deep()
    assert ("False", "Invalid") == world.says()["Programmed"]
    delete(world)
    assert [] == world.deep()
    assert arn == world.balancer()["LoadBalancerArn"]


@pytest.mark.parametrize("tag", OWNER)
def test_a_target_group_of_our_name_that_one_tag_gives_to_somebody_else_is_not_used(world: World, tag: str) -> None:
    """It is just as wanted, and nothing leads to it: only its tags can tell."""
    world.account.faults.add(Fault("cut", "CreateLoadBalancer"))
    with pytest.raises(ProcessCut):
        world.run()
    groups = [one["TargetGroupArn"] for one in world.account.state()["targetGroups"]]
    world.account.client("elbv2").add_tags(ResourceArns=groups, Tags=[{"Key": tag, "Value": "another"}])
    world.forget()

    world.run()

    assert [] == world.operations()
    assert ("False", "Invalid") == world.says()["Programmed"]


def test_a_target_group_of_somebody_else_under_a_name_that_a_new_route_needs_is_not_used(world: World) -> None:
    """It is just as wanted, and CreateTargetGroup would answer it with success; the run looks at few things only."""
    elbv2 = world.account.client("elbv2")
    more = route("more", rules=[rule(backend("api"), matches=[exact("/more")])])
    world.cluster.put(more, *with_service("api", "a", ["10.244.0.9"]))
    world.run()
    (mine,) = [one for one in elbv2.describe_target_groups()["TargetGroups"] if "-api-" in one["TargetGroupName"]]
    world.cluster.objects.pop(("HTTPRoute", "a", "more"))
    world.run()
    same = {name: value for name, value in mine.items() if name not in _ANSWERED}
    theirs = elbv2.create_target_group(Name=mine["TargetGroupName"], **same)["TargetGroups"][0]["TargetGroupArn"]
    world.cluster.put(more)
    world.forget()

    world.run()

    assert [] == world.operations()
    assert ("False", "Invalid") == world.says()["Programmed"]
    assert [] == elbv2.describe_target_health(TargetGroupArn=theirs)["TargetHealthDescriptions"]


@pytest.mark.parametrize("tag", OWNER)
def test_a_security_group_of_somebody_else_is_neither_used_nor_deleted(world: World, tag: str) -> None:
    ec2, vpc = world.account.client("ec2"), world.account.prepare_network().vpc_id
    made: dict[str, Any] = {"ResourceType": "security-group", "Tags": tags_of(**{tag: "another"})}
    group = ec2.create_security_group(GroupName="theirs", Description="d", VpcId=vpc, TagSpecifications=[made])
    theirs = group["GroupId"]

    world.run()

    assert theirs not in world.balancer()["SecurityGroups"]
    delete(world)
    world.run()
    assert [] == world.account.state()["loadBalancers"]
    kept = ec2.describe_security_groups(GroupIds=[theirs])["SecurityGroups"][0]
    assert [] == kept["IpPermissions"]


def test_a_certificate_of_the_same_secret_in_another_cluster_is_left_to_that(world: World) -> None:
    """Also where the tagging API does not list it yet."""
    mine, theirs = secret("one"), of_server("b.example.com")
    hold(world, mine)
    (facts,) = world.cluster.certificates
    tags = {
        CLUSTER: "another",
        ID: logical_id(certificate_key("infra/one")),
        FINGERPRINT: facts.fingerprint,
        KEY_TYPE: facts.key_type,
    }
    acm = world.account.client("acm")
    listed = [{"Key": name, "Value": value} for name, value in tags.items()]
    pair = {"Certificate": theirs.pem.encode(), "PrivateKey": theirs.key_pem}
    foreign = acm.import_certificate(**pair, Tags=listed)["CertificateArn"]
    secure(world, "one")

    world.run()
    world.run(trigger(cause=Cause.DEEP))

    (used,) = world.balancer()["Listeners"][0]["Certificates"]
    assert foreign != used["CertificateArn"]
    assert theirs.pem.strip() == acm.get_certificate(CertificateArn=foreign)["Certificate"].strip()
