"""A Gateway on the emulated AWS whose class has settings: how to give them, and what is there then."""

from __future__ import annotations

from typing import Any

from tests.aws_world import World
from tests.builders import config, config_ref

type Plain = dict[str, Any]
CLASS_REF = config_ref()


def configure(world: World, spec: Plain) -> list[str]:
    """Give the class these settings; return what the run writes, and see that a deep one after it writes nothing."""
    world.cluster.put(config(spec))
    return world.complete()


def attributes(world: World) -> dict[str, str]:
    arn = world.balancer()["LoadBalancerArn"]
    found = world.account.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    return {one["Key"]: one["Value"] for one in found}


def of_listener(world: World) -> dict[str, str]:
    arn = world.balancer()["Listeners"][0]["ListenerArn"]
    found = world.account.client("elbv2").describe_listener_attributes(ListenerArn=arn)["Attributes"]
    return {one["Key"]: one.get("Value", "") for one in found}


def message(world: World, type_: str = "Programmed") -> str:
    status = world.cluster.objects["Gateway", "infra", "gw"]["status"]
    return str(next(one["message"] for one in status["conditions"] if one["type"] == type_))


def associated(world: World) -> str:
    arn = world.balancer()["LoadBalancerArn"]
    found = world.account.client("wafv2").get_web_acl_for_resource(ResourceArn=arn).get("WebACL")
    return str(found["ARN"]) if found else ""


def everything(world: World) -> dict[str, dict[str, str]]:
    """Return the tags of all that carries some, but ours, by ARN."""
    balancer = world.balancer()
    arns = [balancer["LoadBalancerArn"], *(one["ListenerArn"] for one in balancer["Listeners"])]
    arns += [one["RuleArn"] for one in world.rules()]
    arns += [one["TargetGroupArn"] for one in world.account.state()["targetGroups"]]
    found = world.account.client("elbv2").describe_tags(ResourceArns=arns)["TagDescriptions"]
    tags = {one["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in found}
    return {arn: {k: v for k, v in one.items() if "routewright.dev/" not in k} for arn, one in tags.items()}


def backends(world: World) -> str:
    """Return the id of a security group that Pods stand in."""
    vpc = world.account.prepare_network().vpc_id
    made = world.account.client("ec2").create_security_group(GroupName="pods", Description="d", VpcId=vpc)
    return str(made["GroupId"])


def let_in(world: World, group: str) -> list[tuple[str, int, int]]:
    """Return transport and ports that other security groups may reach this one on."""
    found = world.account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return sorted(
        (one["IpProtocol"], one["FromPort"], one["ToPort"])
        for one in found["IpPermissions"]
        for _ in one["UserIdGroupPairs"]
    )


def delete(world: World, **annotations: str) -> None:
    item = world.cluster.objects["Gateway", "infra", "gw"]
    item["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    item["metadata"].setdefault("annotations", {}).update(annotations)
