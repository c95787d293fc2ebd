"""Target groups: identity fixed at creation, health checks and attributes changeable, not deletable while in use."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from emulators.aws import attributes
from emulators.aws.errors import AwsError, invalid
from emulators.aws.health_checks import MEMBERS, check_health_check, initial_health_check
from emulators.aws.paging import page
from emulators.aws.records import Request, TargetGroup
from emulators.aws.region import Region
from emulators.aws.tags import read_tags
from emulators.aws.usage import users

TARGET_TYPES = ("instance", "ip", "lambda", "alb")
PROTOCOLS = ("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC")
VERSIONS = ("HTTP1", "HTTP2", "GRPC")
HIGHEST_PORT = 65_535

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")


def shown_target_group(group: TargetGroup, users_of: dict[str, list[str]]) -> dict[str, Any]:
    """Return a target group as DescribeTargetGroups shows it, given who uses which."""
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        **deepcopy(group.settings),
        "LoadBalancerArns": users_of.get(group.arn, []),
    }


def create_target_group(region: Region, request: Request) -> dict[str, Any]:
    """Answer CreateTargetGroup; the same name with the same settings returns what is there, whoever made it."""
    tags = read_tags(request.get("Tags"))
    name = request.get("Name", "")
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Target group name '{name}' must have 1 to 32 letters, digits, hyphens, without a hyphen at either end"
        )
    settings = _settings(region, request)
    settings |= initial_health_check(settings, request)
    existing = next((group for group in region.target_groups.values() if group.name == name), None)
    if existing is not None:
        if existing.settings != settings:
            raise AwsError(
                "DuplicateTargetGroupName",
                f"A target group with the same name '{name}' exists, but with different settings",
            )
        return {"TargetGroups": [shown_target_group(existing, users(region))]}
    most = region.limits["target-groups"]
    if len(region.target_groups) >= most:
        raise AwsError("TooManyTargetGroups", f"The maximum number of target groups ({most}) has been reached")
    group = TargetGroup(
        arn=region.arn(f"targetgroup/{name}/{region.new_id()}"),
        name=name,
        settings=settings,
        attributes=attributes.defaults(attributes.group_family(settings.get("Protocol"), settings["TargetType"])),
        tags=tags,
        visible_at=region.visible_at(),
    )
    region.target_groups[group.arn] = group
    return {"TargetGroups": [shown_target_group(group, {})]}


def describe_target_groups(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeTargetGroups: all, by ARN, by name, or those of one load balancer (none is an empty answer)."""
    arns, names, balancer = (request.get(key) for key in ("TargetGroupArns", "Names", "LoadBalancerArn"))
    if sum(map(bool, (arns, names, balancer))) > 1:
        raise invalid("Only one of target group ARNs, target group names and a load balancer ARN can be specified")
    used = users(region)
    visible = [group for group in region.target_groups.values() if region.visible(group)]
    if arns:
        visible = [region.target_group(arn) for arn in dict.fromkeys(arns)]
    elif names:
        visible = _by_name(visible, names)
    elif balancer:
        arn = region.load_balancer(balancer).arn
        visible = [group for group in visible if arn in used.get(group.arn, [])]
    answer = page(visible, request, "TargetGroups")
    return answer | {"TargetGroups": [shown_target_group(group, used) for group in answer["TargetGroups"]]}


def modify_target_group(region: Region, request: Request) -> dict[str, Any]:
    """Answer ModifyTargetGroup: health check settings and nothing else."""
    group = region.target_group(request["TargetGroupArn"])
    after = group.settings | {name: deepcopy(request[name]) for name in MEMBERS if name in request}
    if after.get("HealthCheckProtocol") == "TCP":
        after = {k: v for k, v in after.items() if k not in {"HealthCheckPath", "Matcher"} or k in request}
    check_health_check(after)
    group.settings = after
    return {"TargetGroups": [shown_target_group(group, users(region))]}


def delete_target_group(region: Region, request: Request) -> dict[str, Any]:
    """Answer DeleteTargetGroup; ResourceInUse while a listener or rule refers to it."""
    arn = request["TargetGroupArn"]
    if arn not in region.target_groups and region.settings.delete_unknown_target_group:
        return {}
    group = region.target_group(arn)
    if users(region).get(arn) or region.clock.now() < group.in_use_until:
        raise AwsError("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    del region.target_groups[arn]
    return {}


def describe_target_group_attributes(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeTargetGroupAttributes."""
    return attributes.attribute_list(region.target_group(request["TargetGroupArn"]).attributes)


def modify_target_group_attributes(region: Region, request: Request) -> dict[str, Any]:
    """Answer ModifyTargetGroupAttributes with all attributes."""
    group = region.target_group(request["TargetGroupArn"])
    if group.target_type == "alb":
        raise AwsError(
            "InvalidConfigurationRequest", "Attributes of target groups of the type 'alb' cannot be modified"
        )
    family = attributes.group_family(group.protocol, group.target_type)
    after = group.attributes | attributes.read_attributes(request.get("Attributes", []), family)
    by_application = after.get("stickiness.enabled") == "true" and after.get("stickiness.type") == "app_cookie"
    if by_application and not after["stickiness.app_cookie.cookie_name"]:
        raise AwsError("InvalidConfigurationRequest", "'stickiness.app_cookie.cookie_name' is required for app_cookie")
    _check_algorithm(after)
    group.attributes = after
    return attributes.attribute_list(after)


def _check_algorithm(after: dict[str, str]) -> None:
    """Slow start goes with round robin, anomaly mitigation with weighted random only (guide, "Routing algorithms")."""
    algorithm = after.get("load_balancing.algorithm.type", "round_robin")
    if after.get("slow_start.duration_seconds", "0") != "0" and algorithm != "round_robin":
        raise AwsError("InvalidConfigurationRequest", f"Slow start cannot be used with the algorithm '{algorithm}'")
    if after.get("load_balancing.algorithm.anomaly_mitigation") == "on" and algorithm != "weighted_random":
        raise AwsError("InvalidConfigurationRequest", f"Anomaly mitigation cannot be used with '{algorithm}'")


def _settings(region: Region, request: Request) -> dict[str, Any]:
    kind, address_type = request.get("TargetType", "instance"), request.get("IpAddressType", "ipv4")
    if kind not in TARGET_TYPES:
        raise invalid(f"Target type '{kind}' must be one of '{', '.join(TARGET_TYPES)}'")
    if address_type not in {"ipv4", "ipv6"}:
        raise invalid(f"IP address type '{address_type}' must be 'ipv4' or 'ipv6'")
    settings: dict[str, Any] = {"TargetType": kind, "IpAddressType": address_type}
    if kind == "lambda":
        if {"Protocol", "Port", "VpcId", "ProtocolVersion"} & request.keys():
            raise invalid("Protocol, port and VPC cannot be specified for target groups of the type 'lambda'")
        return settings
    return settings | _transport(request, kind) | {"VpcId": _checked_vpc(region, request.get("VpcId"))}


def _transport(request: Request, kind: str) -> dict[str, Any]:
    protocol, port = request.get("Protocol"), request.get("Port")
    if protocol not in PROTOCOLS or (kind == "alb" and protocol != "TCP"):
        raise invalid(f"Protocol '{protocol}' is not valid for a target group of the type '{kind}'")
    if port is None or not 1 <= port <= HIGHEST_PORT:
        raise invalid(f"Port '{port}' must be between 1 and {HIGHEST_PORT}")
    settings = {"Protocol": protocol, "Port": port}
    version = request.get("ProtocolVersion")
    if protocol in {"HTTP", "HTTPS"}:
        if version not in {None, *VERSIONS}:
            raise invalid(f"Protocol version '{version}' must be one of '{', '.join(VERSIONS)}'")
        settings["ProtocolVersion"] = version or "HTTP1"
    elif version is not None:
        raise invalid(f"A protocol version cannot be specified for the protocol {protocol}")
    return settings


def _checked_vpc(region: Region, vpc_id: str | None) -> str:
    if vpc_id is None:
        raise invalid("A VPC ID must be specified")
    if region.network.cidr_blocks(vpc_id) is None:
        raise invalid(f"The VPC ID '{vpc_id}' is not found")
    return vpc_id


def _by_name(groups: list[TargetGroup], names: list[str]) -> list[TargetGroup]:
    found = {group.name: group for group in groups}
    if missing := [name for name in names if name not in found]:
        raise AwsError("TargetGroupNotFound", f"Target groups '[{', '.join(missing)}]' not found")
    return [found[name] for name in dict.fromkeys(names)]
