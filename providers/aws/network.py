"""Where a load balancer stands: subnets by configuration or tag, and the security group that clients come through.

Source: ELBv2 guide, "Subnets for your load balancer"; the role tags are those that cluster tools set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.aws import canonical
from providers.aws.clients import Clients
from providers.aws.names import CLUSTER, GATEWAY, GATEWAY_UID, gateway_value, permission_owner
from providers.aws.resources import SECURITY_GROUP_KEY, backend_access_key, ingress_key
from reconciler.errors import Misconfigured
from reconciler.plan import Resource, ResourceKey
from reconciler.ports import Owner
from reconciler.values import Json

SUBNETS_KEY = ResourceKey("subnets", "", "alb")
ROLE_TAGS = {"internet-facing": "kubernetes.io/role/elb", "internal": "kubernetes.io/role/internal-elb"}
MIN_ZONES = {"application": 2, "network": 1}


def discover_subnets(clients: Clients, wanted: Resource) -> Resource:
    """Return VPC and subnets for a load balancer that is to be made: those configured, else one a zone by tag.

    Raises Misconfigured if there are not two zones, or more than one VPC to choose from.
    """
    configured = wanted.spec.get("Subnets") or wanted.spec.get("Among")
    tag = ROLE_TAGS[str(wanted.spec["Scheme"])]
    if isinstance(configured, list) and configured:
        found = clients.call("ec2", "DescribeSubnets", SubnetIds=configured)["Subnets"]
        where = "the configured subnets"
    else:
        filters = [{"Name": f"tag:{tag}", "Values": ["1", ""]}]
        found = clients.call("ec2", "DescribeSubnets", Filters=filters)["Subnets"]
        where = f"subnets with the tag {tag}"
    vpcs = sorted({item["VpcId"] for item in found})
    if len(vpcs) > 1:
        raise Misconfigured(f"{where} lie in {len(vpcs)} VPCs; name them in spec.aws.subnets of the LoadBalancerConfig")
    chosen, kind = _one_a_zone(found), str(wanted.spec["Type"])
    if len(chosen) < MIN_ZONES[kind]:
        raise Misconfigured(
            f"{where}: {len(chosen)} zones, an {kind} load balancer needs {MIN_ZONES[kind]}; "
            "tag them or set spec.aws.subnets"
        )
    spec: dict[str, Json] = {"VpcId": vpcs[0], "Subnets": list[Json](chosen), "Zones": _zones(found, chosen)}
    return Resource(SUBNETS_KEY, spec)


def _zones(items: list[dict[str, Any]], chosen: list[str]) -> list[Json]:
    return [[one["SubnetId"], one["AvailabilityZone"], one["CidrBlock"]] for one in items if one["SubnetId"] in chosen]


def _one_a_zone(items: list[dict[str, Any]]) -> list[str]:
    zones: dict[str, str] = {}
    for item in sorted(items, key=lambda one: str(one["SubnetId"])):
        zones.setdefault(item["AvailabilityZone"], item["SubnetId"])
    return sorted(zones.values())


def read_security_group(clients: Clients, owner: Owner) -> Iterator[Resource]:
    """Yield our security group and its open ports, if it is there."""
    tags = {CLUSTER: owner.key.cluster, GATEWAY: gateway_value(owner.key), GATEWAY_UID: owner.uid}
    filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]
    groups: list[Mapping[str, Any]] = clients.call("ec2", "DescribeSecurityGroups", Filters=filters)["SecurityGroups"]
    for group in groups[:1]:
        spec: dict[str, Json] = {"VpcId": group["VpcId"], "Description": group["Description"]}
        yield Resource(SECURITY_GROUP_KEY, spec, cloud_id=group["GroupId"])
        for (port, protocol), sources in canonical.ingress(group.get("IpPermissions", ()), group["GroupId"]).items():
            opened: dict[str, Json] = {"Protocol": protocol, "Sources": list[Json](sources)}
            yield Resource(ingress_key(port, protocol), opened, cloud_id=group["GroupId"])
        yield from _backend_access(clients, group["GroupId"], owner)


def _backend_access(clients: Clients, ours: str, owner: Owner) -> Iterator[Resource]:
    """Yield what we let our security group reach; permissions that somebody else gave it are theirs."""
    filters = [{"Name": "ip-permission.group-id", "Values": [ours]}]
    for group in clients.call("ec2", "DescribeSecurityGroups", Filters=filters)["SecurityGroups"]:
        if group["GroupId"] == ours:  # what stands in front of an ALB: a matter of its ports
            continue
        for item in group.get("IpPermissions", ()):
            pairs = ((pair.get("GroupId"), pair.get("Description")) for pair in item.get("UserIdGroupPairs", ()))
            if (ours, permission_owner(owner.uid)) in pairs:
                key = backend_access_key(group["GroupId"], str(item["IpProtocol"]))
                yield Resource(key, cloud_id=group["GroupId"])
