"""EC2 around the load balancers: what cannot be deleted while they stand, and a ready-made network to stand in."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from emulators.aws.errors import AwsError
from emulators.aws.region import Region

VPC_BLOCK = "10.0.0.0/16"
POD_BLOCK = "10.244.0.0/16"
SUBNET_BLOCKS = ("10.0.0.0/20", "10.0.16.0/20")
SUBNET_TAGS = {"kubernetes.io/role/elb": "1", "kubernetes.io/role/internal-elb": "1"}
NAME = "emulated"

_GROUP_ID = re.compile(rb"<groupId>(sg-[0-9a-f]+)</groupId>")


@dataclass(frozen=True, slots=True)
class PreparedNetwork:
    """A VPC with one subnet in each of two zones, both fit for public and internal load balancers."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_id: str

    def as_json(self) -> dict[str, Any]:
        """Return the ids under camel-case names."""
        plain = asdict(self)
        return {
            "vpcId": plain["vpc_id"],
            "subnetIds": list(plain["subnet_ids"]),
            "securityGroupId": plain["security_group_id"],
        }


def check_ec2_call(region: Region, operation: str, request: dict[str, Any]) -> None:
    """Refuse calls on security groups not seen yet, and to delete those and subnets that something stands on.

    Raises:
        AwsError: InvalidGroup.NotFound, DependencyViolation, InvalidIPAddress.InUse.
    """
    _refuse_unseen(region, request)
    if operation == "DeleteSecurityGroup" and "GroupId" in request:
        group = request["GroupId"]
        if group in _held(region)[0] or region.network.referring_groups(group):
            raise AwsError("DependencyViolation", f"resource {group} has a dependent object")
    if operation == "ReleaseAddress":
        named = {request.get("AllocationId"), request.get("PublicIp")}
        if named & region.network.held_elastic_ips():
            raise AwsError("InvalidIPAddress.InUse", "The address is in use by a network interface")
    if operation == "DeleteSubnet" and request.get("SubnetId") in _held(region)[1]:
        subnet = request["SubnetId"]
        raise AwsError("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")


def note_ec2_call(region: Region, operation: str, answer: bytes) -> None:
    """Let a security group that was just made be unseen for a while."""
    found = _GROUP_ID.search(answer) if operation == "CreateSecurityGroup" else None
    if found and region.settings.consistency_delay:
        region.fresh_groups[found.group(1).decode()] = region.visible_at()


def _refuse_unseen(region: Region, request: dict[str, Any]) -> None:
    for group in [request.get("GroupId"), *request.get("GroupIds", [])]:
        if region.unseen_group(group):
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")


def prepare_network(ec2: Any, zone_prefix: str) -> PreparedNetwork:
    """Make the network with an EC2 client, or return the one that was made before.

    Args:
        ec2: a boto3 EC2 client.
        zone_prefix: the Region's name; zones are `...a` and `...b`.
    """
    named = [{"Name": "tag:Name", "Values": [NAME]}]
    present = ec2.describe_vpcs(Filters=named)["Vpcs"]
    vpc_id = present[0]["VpcId"] if present else _make_network(ec2, zone_prefix)
    inside = [{"Name": "vpc-id", "Values": [vpc_id]}]
    subnets = ec2.describe_subnets(Filters=inside)["Subnets"]
    groups = ec2.describe_security_groups(Filters=[*inside, {"Name": "group-name", "Values": ["default"]}])
    return PreparedNetwork(
        vpc_id,
        tuple(subnet["SubnetId"] for subnet in sorted(subnets, key=lambda one: str(one["AvailabilityZone"]))),
        groups["SecurityGroups"][0]["GroupId"],
    )


def _make_network(ec2: Any, zone_prefix: str) -> str:
    vpc_id = str(ec2.create_vpc(CidrBlock=VPC_BLOCK)["Vpc"]["VpcId"])
    ec2.create_tags(Resources=[vpc_id], Tags=[{"Key": "Name", "Value": NAME}])
    ec2.associate_vpc_cidr_block(VpcId=vpc_id, CidrBlock=POD_BLOCK)
    for zone, block in zip("ab", SUBNET_BLOCKS, strict=True):
        made = ec2.create_subnet(VpcId=vpc_id, CidrBlock=block, AvailabilityZone=f"{zone_prefix}{zone}")
        tags = [{"Key": key, "Value": value} for key, value in SUBNET_TAGS.items()]
        ec2.create_tags(Resources=[made["Subnet"]["SubnetId"]], Tags=tags)
    return vpc_id


def _held(region: Region) -> tuple[set[str], set[str]]:
    now = region.clock.now()
    region.released = [entry for entry in region.released if entry[2] > now]
    groups = {group for balancer in region.load_balancers.values() for group in balancer.security_groups}
    subnets = {subnet for balancer in region.load_balancers.values() for subnet in balancer.subnets}
    for held_groups, held_subnets, _ in region.released:
        groups |= held_groups
        subnets |= held_subnets
    return groups, subnets
