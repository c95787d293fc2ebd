"""Where a load balancer stands: its subnets, one an Availability Zone, and its security groups, all in one VPC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulators.aws.errors import AwsError, invalid
from emulators.aws.records import Request
from emulators.aws.region import Region

LEAST_ZONES = {"application": 2, "network": 1}


def read_zones(region: Region, request: Request, kind: str) -> tuple[list[dict[str, Any]], str]:
    """Return the Availability Zones of a request's subnets in the shape of an answer, and their VPC.

    Raises:
        AwsError: ValidationError, SubnetNotFound, InvalidSubnet, InvalidConfigurationRequest.
    """
    mappings = _mappings(request)
    subnets = [(mapping, _subnet(region, mapping["SubnetId"])) for mapping in mappings]
    if len({subnet["VpcId"] for _, subnet in subnets}) > 1:
        raise AwsError("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
    names = [subnet["AvailabilityZone"] for _, subnet in subnets]
    if len(set(names)) < len(names):
        raise AwsError(
            "InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same zone"
        )
    if len(names) < LEAST_ZONES[kind]:
        raise AwsError(
            "InvalidConfigurationRequest", f"At least {LEAST_ZONES[kind]} subnets in different zones must be specified"
        )
    zones = [_zone(mapping, subnet) for mapping, subnet in subnets]
    return sorted(zones, key=lambda zone: str(zone["ZoneName"])), str(subnets[0][1]["VpcId"])


def check_security_groups(region: Region, groups: Iterable[str], vpc_id: str) -> None:
    """Refuse unknown security groups and those of another VPC.

    Raises:
        AwsError: InvalidSecurityGroup, InvalidConfigurationRequest.
    """
    for group in groups:
        vpc = region.network.security_group_vpc(group)
        if region.unseen_group(group):
            raise AwsError("InvalidConfigurationRequest", f"One or more security groups are invalid: '{group}'")
        if vpc is None:
            raise AwsError("InvalidSecurityGroup", f"Security group '{group}' does not exist")
        if vpc != vpc_id:
            raise AwsError("InvalidConfigurationRequest", f"Security group '{group}' is not in the VPC '{vpc_id}'")


def _mappings(request: Request) -> list[dict[str, Any]]:
    subnets, mappings = request.get("Subnets", []), request.get("SubnetMappings", [])
    if bool(subnets) == bool(mappings):
        raise invalid("You must specify either subnets or subnet mappings")
    found = mappings or [{"SubnetId": subnet} for subnet in subnets]
    if any("SubnetId" not in mapping for mapping in found):
        raise invalid("Each subnet mapping must have a subnet")
    return list(found)


def _subnet(region: Region, subnet_id: str) -> dict[str, Any]:
    found = region.network.subnet(subnet_id)
    if found is None:
        raise AwsError("SubnetNotFound", f"Subnet '{subnet_id}' not found")
    return found


def _zone(mapping: dict[str, Any], subnet: dict[str, Any]) -> dict[str, Any]:
    zone: dict[str, Any] = {
        "ZoneName": subnet["AvailabilityZone"],
        "SubnetId": subnet["SubnetId"],
        "LoadBalancerAddresses": [],
    }
    address = {key: mapping[key] for key in ("AllocationId", "PrivateIPv4Address", "IPv6Address") if key in mapping}
    if address:
        zone["LoadBalancerAddresses"] = [address]
    return zone
