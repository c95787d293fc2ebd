"""Load balancers: names, subnets and security groups as ELBv2 checks them, `provisioning` until their time has come."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from emulators.aws import addresses, attributes
from emulators.aws.errors import AwsError, invalid
from emulators.aws.names import dns_name
from emulators.aws.paging import page
from emulators.aws.placement import check_security_groups, read_zones
from emulators.aws.records import LoadBalancer, Request
from emulators.aws.region import Region
from emulators.aws.tags import read_tags

TYPES = frozenset({"application", "network"})
SCHEMES = frozenset({"internet-facing", "internal"})
ADDRESS_TYPES = {
    "application": frozenset({"ipv4", "dualstack", "dualstack-without-public-ipv4"}),
    "network": frozenset({"ipv4", "dualstack"}),
}
MOST_DESCRIBED = 20
HOSTED_ZONE = {"application": "Z35SXDOTRQ7X7K", "network": "Z26RNL4JYFTOTI"}

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")


def shown_load_balancer(region: Region, balancer: LoadBalancer) -> dict[str, Any]:
    """Return a load balancer as DescribeLoadBalancers shows it."""
    shown: dict[str, Any] = {
        "LoadBalancerArn": balancer.arn,
        "DNSName": balancer.address if region.settings.loopback_dns else balancer.dns_name,
        "CanonicalHostedZoneId": HOSTED_ZONE[balancer.type],
        "CreatedTime": datetime.fromtimestamp(balancer.created, UTC),
        "LoadBalancerName": balancer.name,
        "Scheme": balancer.scheme,
        "VpcId": balancer.vpc_id,
        "State": {"Code": balancer.state(region.clock.now())},
        "Type": balancer.type,
        "AvailabilityZones": balancer.zones,
        "IpAddressType": balancer.ip_address_type,
    }
    if balancer.security_groups:
        shown["SecurityGroups"] = balancer.security_groups
    return shown


def create_load_balancer(region: Region, request: Request) -> dict[str, Any]:
    """Answer CreateLoadBalancer; the same name with the same settings returns what is there, whoever made it."""
    tags = read_tags(request.get("Tags"))
    wanted = _wanted(region, request)
    existing = next((one for one in region.load_balancers.values() if one.name == wanted.name), None)
    if existing is not None:
        if _settings(existing) != _settings(wanted):
            raise AwsError(
                "DuplicateLoadBalancerName",
                f"A load balancer with the name '{wanted.name}' already exists with different settings",
            )
        return {"LoadBalancers": [shown_load_balancer(region, existing)]}
    addresses.check_mappings(region, wanted.zones, wanted.type, wanted.scheme)
    most = region.limits[f"{wanted.type}-load-balancers"]
    if sum(one.type == wanted.type for one in region.load_balancers.values()) >= most:
        raise AwsError(
            "TooManyLoadBalancers", f"The maximum number of {wanted.type} load balancers ({most}) has been reached"
        )
    wanted.tags = tags
    addresses.attach(region, wanted)
    region.load_balancers[wanted.arn] = wanted
    return {"LoadBalancers": [shown_load_balancer(region, wanted)]}


def describe_load_balancers(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeLoadBalancers, all of them or up to twenty by ARN or by name."""
    arns, names = request.get("LoadBalancerArns", []), request.get("Names", [])
    if arns and names:
        raise invalid("Load balancer names and load balancer ARNs cannot be specified at the same time")
    if len(arns) > MOST_DESCRIBED or len(names) > MOST_DESCRIBED:
        raise invalid(f"Up to '{MOST_DESCRIBED}' load balancers can be specified")
    visible = {one.name: one for one in region.load_balancers.values() if region.visible(one)}
    if missing := [name for name in names if name not in visible]:
        raise AwsError("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found")
    if arns:
        found = [region.load_balancer(arn) for arn in dict.fromkeys(arns)]
    else:
        found = [visible[name] for name in dict.fromkeys(names or visible)]
    answer = page(found, request, "LoadBalancers")
    return answer | {"LoadBalancers": [shown_load_balancer(region, one) for one in answer["LoadBalancers"]]}


def delete_load_balancer(region: Region, request: Request) -> dict[str, Any]:
    """Answer DeleteLoadBalancer: listeners and rules go too, network interfaces linger; one that is gone is success."""
    balancer = region.load_balancers.get(request["LoadBalancerArn"])
    if balancer is None:
        return {}
    if balancer.attributes["deletion_protection.enabled"] == "true":
        raise AwsError(
            "OperationNotPermitted",
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
        )
    if any(t.id == balancer.arn for group in region.target_groups.values() for t in group.targets.values()):
        raise AwsError("ResourceInUse", f"Load balancer '{balancer.arn}' is in use by a target group")
    until = region.clock.now() + region.settings.interface_linger
    region.released.append((frozenset(balancer.security_groups), frozenset(balancer.subnets), until))
    addresses.detach(region, balancer, balancer.subnets)
    del region.load_balancers[balancer.arn]
    return {}


def describe_load_balancer_attributes(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeLoadBalancerAttributes."""
    return attributes.attribute_list(region.load_balancer(request["LoadBalancerArn"]).attributes)


def modify_load_balancer_attributes(region: Region, request: Request) -> dict[str, Any]:
    """Answer ModifyLoadBalancerAttributes with all attributes."""
    balancer = region.load_balancer(request["LoadBalancerArn"])
    given = attributes.read_attributes(request.get("Attributes", []), attributes.balancer_family(balancer.type))
    after = balancer.attributes | given
    for logs in ("access_logs", "connection_logs", "health_check_logs"):
        if after.get(f"{logs}.s3.enabled") == "true" and not after[f"{logs}.s3.bucket"]:
            raise AwsError("InvalidConfigurationRequest", f"'{logs}.s3.bucket' is required when {logs} are enabled")
    secondary = "secondary_ips.auto_assigned.per_subnet"
    if int(after.get(secondary, 0)) < int(balancer.attributes.get(secondary, 0)):
        raise AwsError("InvalidConfigurationRequest", f"'{secondary}' cannot be decreased")
    balancer.attributes = after
    return attributes.attribute_list(after)


def set_security_groups(region: Region, request: Request) -> dict[str, Any]:
    """Answer SetSecurityGroups; not for a Network Load Balancer that was made without any."""
    balancer = region.load_balancer(request["LoadBalancerArn"])
    groups = list(dict.fromkeys(request.get("SecurityGroups", [])))
    if balancer.type == "network" and not balancer.security_groups:
        raise AwsError(
            "InvalidConfigurationRequest",
            "Security groups cannot be set on a Network Load Balancer that was created without security groups",
        )
    if not groups:
        raise invalid("At least one security group must be specified")
    check_security_groups(region, groups, balancer.vpc_id)
    balancer.security_groups = groups
    return {"SecurityGroupIds": groups}


def set_subnets(region: Region, request: Request) -> dict[str, Any]:
    """Answer SetSubnets: the new list replaces the old one."""
    balancer = region.load_balancer(request["LoadBalancerArn"])
    zones, vpc_id = read_zones(region, request, balancer.type)
    if vpc_id != balancer.vpc_id:
        raise AwsError("InvalidSubnet", f"The subnets must be in the VPC '{balancer.vpc_id}' of the load balancer")
    if balancer.type == "network" and not balancer.subnets & {zone["SubnetId"] for zone in zones}:
        raise AwsError("InvalidConfigurationRequest", "A Network Load Balancer must keep at least one of its subnets")
    if balancer.type == "network":
        addresses.check_mappings(region, addresses.check_fixed(balancer, zones), balancer.type, balancer.scheme)
        addresses.detach(region, balancer, balancer.subnets - {zone["SubnetId"] for zone in zones})
    balancer.zones = zones
    addresses.attach(region, balancer)
    balancer.ip_address_type = request.get("IpAddressType", balancer.ip_address_type)
    return {"AvailabilityZones": zones, "IpAddressType": balancer.ip_address_type}


def set_ip_address_type(region: Region, request: Request) -> dict[str, Any]:
    """Answer SetIpAddressType."""
    balancer = region.load_balancer(request["LoadBalancerArn"])
    kind = request.get("IpAddressType")
    if kind not in ADDRESS_TYPES[balancer.type]:
        raise invalid(f"IP address type '{kind}' is not valid for load balancers of type '{balancer.type}'")
    balancer.ip_address_type = str(kind)
    return {"IpAddressType": kind}


def _wanted(region: Region, request: Request) -> LoadBalancer:
    name, kind = request.get("Name", ""), request.get("Type", "application")
    scheme, address_type = request.get("Scheme", "internet-facing"), request.get("IpAddressType", "ipv4")
    _check_name(name)
    if kind not in TYPES:
        raise invalid(f"Load balancer type '{kind}' must be one of '{','.join(sorted(TYPES))}'")
    if scheme not in SCHEMES:
        raise AwsError("InvalidScheme", f"Scheme '{scheme}' must be one of '{','.join(sorted(SCHEMES))}'")
    if address_type not in ADDRESS_TYPES[kind]:
        raise invalid(f"IP address type '{address_type}' is not valid for load balancers of type '{kind}'")
    zones, vpc_id = read_zones(region, request, kind)
    groups = list(dict.fromkeys(request.get("SecurityGroups", [])))
    check_security_groups(region, groups, vpc_id)
    if not groups and kind == "application":
        groups = [region.network.default_security_group(vpc_id)]
    identity = region.new_id()
    short = {"application": "app", "network": "net"}[kind]
    now = region.clock.now()
    return LoadBalancer(
        arn=region.arn(f"loadbalancer/{short}/{name}/{identity}"),
        name=name,
        type=kind,
        scheme=scheme,
        vpc_id=vpc_id,
        zones=zones,
        security_groups=groups,
        ip_address_type=address_type,
        dns_name=dns_name(name, kind, scheme, identity, region.name),
        address=region.loopback(name),
        created=now,
        active_at=now + region.settings.provisioning,
        attributes=_first_attributes(kind, scheme),
        tags={},
        visible_at=region.visible_at(),
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid(
            f"The load balancer name '{name}' must have 1 to 32 letters, digits, hyphens, with no hyphen at either end"
        )
    if name.startswith("internal-"):
        raise invalid(f"The load balancer name '{name}' cannot begin with 'internal-'")


def _first_attributes(kind: str, scheme: str) -> dict[str, str]:
    first = attributes.defaults(attributes.balancer_family(kind))
    return first | {"ipv6.deny_all_igw_traffic": str(scheme == "internal").lower()}


def _settings(balancer: LoadBalancer) -> tuple[object, ...]:
    groups = tuple(sorted(balancer.security_groups))
    mapped = sorted((zone["SubnetId"], _asked(balancer, zone)) for zone in balancer.zones)
    return (balancer.type, balancer.scheme, mapped, groups, balancer.ip_address_type)


def _asked(balancer: LoadBalancer, zone: dict[str, Any]) -> list[tuple[str, str]]:
    held = balancer.interfaces.get(zone["SubnetId"])
    given = held.asked() if held else next(iter(zone["LoadBalancerAddresses"]), {})
    return sorted(given.items())
