"""Which addresses a Network Load Balancer can have, and which it has.

Elastic IPs are the user's: they are looked up, never allocated or released. Where none is asked for, AWS gives an NLB
an address a zone that stays for its life; DescribeLoadBalancers does not tell it, its network interfaces do. Source:
ELBv2 API model, SubnetMapping and LoadBalancerAddress; EC2 API, DescribeAddresses and DescribeNetworkInterfaces.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.aws.canonical import ACTIVE
from providers.aws.clients import Clients
from providers.aws.resources import NLB
from providers.aws.unified import ANY, IP_ADDRESS
from reconciler.errors import Misconfigured
from reconciler.ir import Address
from reconciler.plan import Failure, Resource, ResourceKey
from reconciler.values import Json

PUBLIC = "internet-facing"

type Item = Mapping[str, Any]
type Mapped = tuple[str, str, str]
"""Subnet, allocation id ("" for none), address ("" for AWS's choice)."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A subnet that an NLB can stand in, the name of its zone, and its CIDR."""

    subnet: str
    name: str
    block: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an NLB shall have, a mapping a zone, and the addresses that it cannot have, each with why."""

    mappings: tuple[Mapped, ...]
    failed: tuple[Failure, ...]


def choose(clients: Clients, wanted: Resource, zones: Sequence[Zone], there: Item | None) -> Chosen:
    """Return which zone gets which of an NLB's addresses; one that it has (`there`) stays where it is.

    Raises ReconcilerError.
    """
    asked = _strings(wanted.spec["Addresses"])
    held = mapped(there) if there else {}
    kept = {zone: one for zone, one in held.items() if one[2] in asked}
    fresh = [one for one in asked if one not in {ANY, *(mapping[2] for mapping in kept.values())}]
    public = wanted.spec["Scheme"] == PUBLIC
    choice = _Choice([zone for zone in zones if zone.name not in held], kept)
    elastic = _elastic_ips(clients, fresh) if fresh and public else {}
    for address in fresh:
        choice.place(address, elastic.get(address), public=public)
    if ANY in asked:
        spared = len(choice.failed)  # a zone's address is fixed: they wait for what cannot be had yet
        choice.taken.update({zone.name: (zone.subnet, "", ANY) for zone in choice.free[spared:]})
    return Chosen(tuple(sorted(choice.taken.values())), tuple(choice.failed))


def _strings(value: Json) -> list[str]:
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else []


def _elastic_ips(clients: Clients, addresses: Sequence[str]) -> dict[str, Item]:
    filters = [{"Name": "public-ip", "Values": list(addresses)}]
    answer = clients.call("ec2", "DescribeAddresses", Filters=filters)
    return {str(item["PublicIp"]): item for item in answer["Addresses"]}


@dataclass(slots=True)
class _Choice:
    """One choice under way; `free`: zones without an address yet, `taken`: mapping by zone."""

    free: list[Zone]
    taken: dict[str, Mapped]
    failed: list[Failure] = field(default_factory=list)

    def place(self, address: str, elastic: Item | None, *, public: bool) -> None:
        """Give an address the first zone that can have it; without one it fails."""
        if public and elastic is None:
            self._fail(address, f"{address} is no Elastic IP address of this account and region")
        elif elastic is not None and elastic.get("AssociationId"):
            self._fail(address, f"{address} is in use already; release it there, or name another")
        elif not (fit := [zone for zone in self.free if public or _is_in(address, zone)]):
            where = "every zone of the load balancer has an address" if public else "no free subnet has it in its range"
            self._fail(address, f"{address} has no place: {where}")
        else:
            self.free.remove(fit[0])
            self.taken[fit[0].name] = (fit[0].subnet, str(elastic["AllocationId"]) if elastic else "", address)

    def _fail(self, address: str, why: str) -> None:
        origin = str(Address(IP_ADDRESS, address))
        self.failed.append(Failure(ResourceKey("address", "", address), Misconfigured(why), (origin,)))


def _is_in(address: str, zone: Zone) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(zone.block)


def mapped(item: Item) -> dict[str, Mapped]:
    """Return by zone where an NLB stands, and under which address it was asked to."""
    return {zone["ZoneName"]: _mapped(zone) for zone in item.get("AvailabilityZones", ())}


def _mapped(zone: Item) -> Mapped:
    address: Item = next(iter(zone.get("LoadBalancerAddresses", ())), {})
    value = address.get("IpAddress") or address.get("PrivateIPv4Address") or ANY
    return (zone["SubnetId"], str(address.get("AllocationId", "")), str(value))


def published(clients: Clients, network: Resource | None, there: Mapping[str, Item]) -> dict[str, tuple[str, ...]]:
    """Return by load balancer where clients reach it; where a wanted NLB (`network`) stands in front, it alone.

    Then its addresses are published, once all that is behind serves. Raises ReconcilerError.
    """
    active = {name: item for name, item in there.items() if item["State"]["Code"] in ACTIVE}
    if network is None or "Addresses" not in network.spec:
        return {name: (item["DNSName"],) for name, item in active.items()}
    return {NLB: serving(clients, active[NLB])} if NLB in active and active.keys() == there.keys() else {}


def listed(mappings: Iterable[Mapped]) -> list[Json]:
    """Return mappings as they stand in a spec."""
    return [list[Json](one) for one in sorted(mappings)]


def serving(clients: Clients, item: Item) -> tuple[str, ...]:
    """Return the addresses that clients reach an active NLB at, sorted. Raises ReconcilerError."""
    known = chosen(item)
    if known:
        return known
    described = f"ELB {item['LoadBalancerArn'].partition(':loadbalancer/')[2]}"
    filters = [{"Name": "description", "Values": [described]}]
    faces: Iterable[Item] = clients.call("ec2", "DescribeNetworkInterfaces", Filters=filters)["NetworkInterfaces"]
    if item["Scheme"] == PUBLIC:
        return tuple(sorted(one["Association"]["PublicIp"] for one in faces if one.get("Association")))
    return tuple(sorted(one["PrivateIpAddress"] for one in faces))


def chosen(item: Item) -> tuple[str, ...]:
    """Return an NLB's addresses where all of them were chosen; none if AWS chose any."""
    values = [address for _, _, address in mapped(item).values()]
    return tuple(sorted(values)) if all(values) else ()


def subnet_mappings(mappings: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    """Return SubnetMappings as AWS takes them."""
    found = []
    for subnet, allocation, address in mappings:
        given = {"AllocationId": allocation} if allocation else {"PrivateIPv4Address": address} if address else {}
        found.append({"SubnetId": subnet, **given})
    return found
