"""The addresses of Network Load Balancers: Elastic IPs, private ones, and the network interfaces that carry them.

A Network Load Balancer has one interface a subnet, with one address for as long as it stands there: an Elastic IP of
the account where the mapping names one, a private address where an internal one names that, else one that AWS chooses.
Source: ELBv2 API model, SubnetMapping and LoadBalancerAddress; NLB guide, "Availability Zones"; the description of an
interface is `ELB net/<name>/<id>` (EC2 guide, "Find your unassociated Elastic IP addresses and interfaces").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from emulators.aws.errors import AwsError
from emulators.aws.records import Interface, LoadBalancer
from emulators.aws.region import Region

MEMBERS = ("AllocationId", "PrivateIPv4Address")

type Zone = dict[str, Any]


def check_mappings(region: Region, zones: Iterable[Zone], kind: str, scheme: str) -> None:
    """Refuse addresses that a new interface cannot have; `zones` name them as the request's mappings did.

    Raises:
        AwsError: InvalidConfigurationRequest, AllocationIdNotFound, ResourceInUse.
    """
    taken: set[str] = set()
    for zone in zones:
        for wanted in zone["LoadBalancerAddresses"]:
            if kind != "network":
                raise _invalid("Addresses of subnets can only be set on Network Load Balancers")
            if "AllocationId" in wanted:
                _check_elastic(region, wanted["AllocationId"], scheme, taken)
            if "PrivateIPv4Address" in wanted:
                _check_private(region, wanted["PrivateIPv4Address"], zone["SubnetId"], scheme)


def _check_elastic(region: Region, allocation: str, scheme: str, taken: set[str]) -> None:
    if scheme != "internet-facing":
        raise _invalid("Elastic IP addresses can only be set on internet-facing load balancers")
    found = region.network.elastic_ip(allocation)
    if found is None:
        raise AwsError("AllocationIdNotFound", f"The allocation IDs '{allocation}' do not exist")
    if found["AssociationId"] or allocation in taken:
        raise AwsError("ResourceInUse", "The allocation IDs are not available for use")
    taken.add(allocation)


def _check_private(region: Region, address: str, subnet_id: str, scheme: str) -> None:
    if scheme != "internal":
        raise _invalid("Private IPv4 addresses can only be set on internal load balancers")
    subnet = region.network.subnet(subnet_id)
    block = ipaddress.ip_network(subnet["CidrBlock"]) if subnet else None
    if block is None or ipaddress.ip_address(address) not in block:
        raise _invalid(f"The private IPv4 address '{address}' is not in the range of the subnet '{subnet_id}'")
    if address in region.network.private_addresses():
        raise _invalid(f"The private IPv4 address '{address}' is already in use")


def attach(region: Region, balancer: LoadBalancer) -> None:
    """Give a Network Load Balancer an interface in each of its subnets that has none yet, and show its addresses."""
    if balancer.type != "network":
        return
    for zone in balancer.zones:
        subnet = zone["SubnetId"]
        if subnet not in balancer.interfaces:
            wanted: dict[str, str] = next(iter(zone["LoadBalancerAddresses"]), {})
            balancer.interfaces[subnet] = _interface(region, balancer, subnet, wanted)
        zone["LoadBalancerAddresses"] = balancer.interfaces[subnet].shown()


def _interface(region: Region, balancer: LoadBalancer, subnet: str, wanted: dict[str, str]) -> Interface:
    description = f"ELB {balancer.arn.partition(':loadbalancer/')[2]}"
    private, allocation = wanted.get("PrivateIPv4Address", ""), wanted.get("AllocationId", "")
    made = region.network.make_interface(subnet, private, balancer.security_groups, description)
    dialled = ""
    if balancer.scheme == "internet-facing":
        alias = region.loopback(f"{balancer.name}/{subnet}") if region.settings.loopback_dns else ""
        dialled = region.network.give_public_address(made, allocation, alias)
    return Interface(made, region.network.private_address(made), dialled, allocation, chosen=bool(private))


def detach(region: Region, balancer: LoadBalancer, subnets: Iterable[str]) -> None:
    """Take away the interfaces in these subnets; an Elastic IP is free again, and stays the account's."""
    for subnet in list(subnets):
        if subnet in balancer.interfaces:
            region.network.drop_interface(balancer.interfaces.pop(subnet).id)


def check_fixed(balancer: LoadBalancer, zones: Iterable[Zone]) -> list[Zone]:
    """Return the zones that are new, refusing another address for one that stays: it is fixed while it is enabled.

    Raises:
        AwsError: InvalidConfigurationRequest.
    """
    fresh = []
    for zone in zones:
        held, wanted = balancer.interfaces.get(zone["SubnetId"]), zone["LoadBalancerAddresses"]
        if held is None:
            fresh.append(zone)
        elif wanted and any(held.asked().get(name) != value for one in wanted for name, value in one.items()):
            raise _invalid(f"The address in the subnet '{zone['SubnetId']}' cannot be changed while it is enabled")
    return fresh


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidConfigurationRequest", text)
