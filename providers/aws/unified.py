"""A Network Load Balancer in front of a Gateway's Application Load Balancer: addresses that do not change. Pure.

Each port for requests is a TCP listener in front, a target group of type `alb`, and the one target in it. AWS's rules
for that order the steps: the ALB listens before it is registered, is registered before the listener in front leads to
it, and can only go, with its listener, once it is no target any more (NLB guide, "Use an Application Load Balancer as
a target"). The client's address is kept on the way, so both stand in the same security groups.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from providers.aws import calls
from providers.aws.client_certificates import verifies
from providers.aws.config import AwsConfig, read_aws
from providers.aws.listener_settings import listener_attributes
from providers.aws.names import target_group_name
from providers.aws.quic import OPEN_NLB
from providers.aws.resources import (
    ALB,
    ALB_TARGET,
    LISTENER,
    LOAD_BALANCER,
    NLB,
    TARGET_GROUP,
    TARGETS,
    TG_ATTRIBUTES,
    alb_target_key,
    balancer_of,
    listener_attributes_key,
    listener_key,
    port_of,
    target_group_key,
)
from providers.aws.steps import deletion, purpose
from reconciler.capabilities import Rejection
from reconciler.ir import Address, Frontend, LoadBalancer
from reconciler.plan import Change, Op, Resource, ResourceKey, ResourceSet
from reconciler.values import Json, frozen_map

IP_ADDRESS = "IPAddress"
ANY = ""
"""Stands in `Addresses` for an address that AWS may choose."""
STATIC_NLB = "nlb/static"
"""What an NLB with chosen addresses is named by: a zone's address is fixed, so one with AWS's own is another NLB."""
STAND_AS = (ALB, NLB, OPEN_NLB, STATIC_NLB)
"""All that `stands_as` can return."""
PLACES = frozenset({"Addresses", "Among", "Behind"})
"""Fields of a wanted load balancer that say where it stands among others, which may change for one that stays."""
_HEALTHY = "200-499"
"""An ALB that answers at all is well; `/` may be nobody's, which is a 404."""
_OF_GROUPS = frozenset({TARGET_GROUP, TG_ATTRIBUTES, TARGETS})
_CUTS = "clients that still use its address are cut off"

type Resources = Mapping[ResourceKey, Resource]


# --- what is wanted -----------------------------------------------------------------------------------------------


def is_unified(lb: LoadBalancer, aws: AwsConfig) -> bool:
    """Return whether all that the Gateway listens on is behind the addresses of one NLB; never of one for QUIC."""
    return not aws.quic and (aws.unified or bool(lb.addresses))


def addresses_wanted(lb: LoadBalancer) -> tuple[list[Json], list[Rejection]]:
    """Return the addresses that the NLB shall have, sorted, with ANY among them, and those that no NLB can have.

    An empty list: addresses were asked for, and none of them can be had.
    """
    allowed = read_aws(lb.config).allowed_addresses
    wanted: set[str] = set()
    refused: list[Rejection] = []
    for address in lb.addresses:
        if address.value and not _is_ipv4(address.value):
            message = f"{address.value} is no IPv4 address; name an Elastic IP or a private address of a subnet"
            refused.append(Rejection(str(address), "AddressNotUsable", message))
        elif address.value and allowed is not None and not _is_within(address.value, allowed):
            message = f"{address.value} is not among the allowedAddresses of the GatewayClass"
            refused.append(Rejection(str(address), "AddressNotUsable", message))
        else:
            wanted.add(address.value)
    return list[Json](sorted(wanted if lb.addresses else {ANY})), refused


def _is_ipv4(value: str) -> bool:
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return False
    return True


def _is_within(value: str, blocks: Sequence[str]) -> bool:
    """Return whether an address is in any of these blocks; what is no block allows nothing, and is told elsewhere."""
    for one in blocks:
        try:
            if ipaddress.IPv4Address(value) in ipaddress.IPv4Network(one):
                return True
        except ValueError:
            continue
    return False


def stands_as(lb: LoadBalancer, aws: AwsConfig, balancer: str) -> str:
    """Return what a load balancer is called where its name has to tell all that AWS fixes at its creation: its type.

    Of an NLB also whether it has no security groups, or chosen addresses; never both, see `capabilities`.
    """
    if balancer == NLB and aws.quic:
        return OPEN_NLB
    return STATIC_NLB if balancer == NLB and addresses_wanted(lb)[0] != [ANY] else balancer


def front(lb: LoadBalancer, aws: AwsConfig, requests: Sequence[Frontend]) -> Iterator[Resource]:
    """Yield what stands in front of each port for requests."""
    for frontend in requests:
        origins = tuple(f"listener/{one.name}" for one in frontend.listeners)
        fixed: Json = [lb.uid, stands_as(lb, aws, NLB), lb.config.scheme, ALB, frontend.port, aws.vpc]
        name = target_group_name(lb.key, "front", fixed)
        yield Resource(target_group_key(name), _group(name, frontend, _health(frontend, requests), aws), origins)
        yield Resource(alb_target_key(frontend.port, name), {"Balancer": ALB}, origins)
        forward: Json = {"Type": "forward", "TargetGroups": [[name, 1]], "Stickiness": 0}
        spec: dict[str, Json] = {"Port": frontend.port, "Protocol": "TCP", "DefaultActions": [forward]}
        key = listener_key(frontend.port, NLB)
        yield Resource(key, spec, origins)
        if attributes := listener_attributes(lb.config.cloud, "TCP"):
            yield Resource(listener_attributes_key(key), attributes, origins)


def _health(frontend: Frontend, requests: Sequence[Frontend]) -> tuple[str, str]:
    """Return protocol and port of the health checks of the ALB as the target for a port.

    A health check shows no client certificate, so that a port that demands one never answers it; another port of the
    same ALB tells as well whether that is there. Where every port demands one all checks fail, and an NLB without any
    healthy target sends to all there are.
    """
    open_to_all = [one for one in requests if not verifies(one)]
    if frontend in open_to_all or not open_to_all:
        return frontend.protocol, "traffic-port"
    other = min(open_to_all, key=lambda one: one.port)
    return other.protocol, str(other.port)


def _group(name: str, frontend: Frontend, health: tuple[str, str], aws: AwsConfig) -> dict[str, Json]:
    protocol, port = health
    spec: dict[str, Json] = {
        "Name": name,
        "Protocol": "TCP",
        "Port": frontend.port,
        "TargetType": "alb",
        "HealthCheckProtocol": protocol,
        "HealthCheckPort": port,
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 15,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": _HEALTHY},
    }
    return spec | ({"VpcId": aws.vpc} if aws.vpc else {})


# --- steps --------------------------------------------------------------------------------------------------------


def fronts(resources: Resources) -> frozenset[ResourceKey]:
    """Return the keys of the listeners that lead to an ALB."""
    groups = {key.name for key, one in resources.items() if key.kind == TARGET_GROUP and is_front(one)}
    return frozenset(key for key, one in resources.items() if key.kind == LISTENER and _led_to(one) & groups)


def is_front(group: Resource) -> bool:
    """Return whether a target group is one for an ALB."""
    return group.spec.get("TargetType") == "alb"


def _led_to(listener: Resource) -> set[str]:
    actions = [one for one in _list(listener.spec.get("DefaultActions")) if isinstance(one, Mapping)]
    return {str(_list(pair)[0]) for action in actions for pair in _list(action.get("TargetGroups"))}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, (list, tuple)) else ()


def registrations(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield the registration of the ALB in each target group in front, for which it has to listen already."""
    for key in sorted(want):
        if key.kind == ALB_TARGET and key not in got:
            part = Resource(key, {"Register": [[ALB, port_of(key), ""]]}, want[key].origins)
            why = f"the ALB is no target of {key.name}{purpose(part)}"
            yield Change(Op.CREATE, key, part, None, why, call=calls.REGISTER_TARGETS)


def releases(want: Resources, got: Resources) -> Iterator[Change]:
    """Yield what frees an ALB and its listeners of the target groups in front that nothing wants any more."""
    for key in sorted(got):
        if key.kind == ALB_TARGET and key not in want:
            part = Resource(key, {"Deregister": [[got[key].cloud_id, port_of(key), ""]]})
            why = f"nothing leads to the ALB through {key.name} any more"
            yield Change(Op.UPDATE, key, part, got[key], why, call=calls.DEREGISTER_TARGETS)
    for key in sorted(got):
        if key.kind == TARGET_GROUP and key not in want and is_front(got[key]):
            yield deletion(calls.DELETE_TARGET_GROUP, got[key])


def cut_off(want: Resources, got: Resources, change: Change) -> Change:
    """Return a change, marked as disruptive if it takes away a listener or NLB in front of what is still served."""
    if change.call not in (calls.DELETE_LISTENER, calls.DELETE_LOAD_BALANCER):
        return change
    leaving = [key for key in fronts(got) if key not in want and listener_key(port_of(key)) in want]
    mine = [key for key in leaving if change.key in (key, ResourceKey(LOAD_BALANCER, "", NLB))]
    if not mine:
        return change
    ports = ", ".join(str(port) for port in sorted(map(port_of, mine)))
    return replace(change, disruptive=f"the NLB in front of port {ports} goes: {_CUTS}")


def address_steps(want: Resource, got: Resource, chosen: Resource | None) -> Iterator[Change]:
    """Yield the zones that an NLB gets with addresses, then those that it loses; it never loses the last one."""
    if chosen is None or not (mappings := _mappings(chosen)):
        return
    there = _mappings(got)
    both = {**mappings, **there}
    if both != there:
        yield _zones(want, got, both)
    if mappings != both:
        lost = sorted(f"{address or 'one of AWS'}" for _, _, address in (both[one] for one in both.keys() - mappings))
        why = f"{', '.join(lost)} is no address of the Gateway any more: clients that still use it are cut off"
        yield replace(_zones(want, got, mappings), disruptive=why)


def _zones(want: Resource, got: Resource, mappings: Mapping[str, Sequence[str]]) -> Change:
    listed: list[Json] = [list[Json](mappings[subnet]) for subnet in sorted(mappings)]
    part = Resource(want.key, {"Mappings": listed}, want.origins)
    return Change(Op.UPDATE, want.key, part, got, f"{want.key} differs in Addresses", call=calls.SET_SUBNETS)


def _mappings(resource: Resource) -> dict[str, Sequence[str]]:
    """Return [subnet, allocation id, address] by subnet."""
    listed = (tuple(map(str, _list(one))) for one in _list(resource.spec.get("Mappings")))
    return {one[0]: one for one in listed}


def without_nlb(resources: Resources) -> dict[ResourceKey, Resource]:
    """Return the resources without the NLB and all that depends on it: none of its addresses can be had."""
    groups = {key.name for key, one in resources.items() if key.kind == TARGET_GROUP and is_for_streams(one)}

    def depends(key: ResourceKey, resource: Resource) -> bool:
        if key.kind == LOAD_BALANCER:
            return resource.spec.get("Type") == "network"
        return NLB in (balancer_of(key), key.name) or (key.kind in _OF_GROUPS and key.name in groups)

    return {key: one for key, one in resources.items() if not depends(key, one)}


def is_for_streams(group: Resource) -> bool:
    """Return whether a target group is one of an NLB."""
    return group.spec.get("Protocol") not in ("HTTP", "HTTPS")


# --- what stays while a change that disrupts is not allowed -------------------------------------------------------


def standing(lb: LoadBalancer, got: ResourceSet) -> LoadBalancer:
    """Return the Gateway with the addresses that it has now; the same object where they are those it asks for.

    One that its class does not allow any more is among them: taking it away is what waits.
    """
    networks = [one for one in got.of_kind(LOAD_BALANCER) if one.spec.get("Type") == "network"]
    if not networks:
        return lb
    there = next((one for one in networks if one.key.name != NLB), networks[0])
    bound = [address for _, _, address in _mappings(there).values() if address]
    asked = {address.value for address in lb.addresses}
    if bound:
        more = [Address(IP_ADDRESS, one) for one in sorted(bound) if one not in asked]
        addresses = (*lb.addresses, *more)
    else:
        addresses = () if any(asked) else lb.addresses
    cloud = dict(lb.config.cloud)
    allowed = read_aws(lb.config).allowed_addresses
    if allowed is not None and not all(_is_within(one, allowed) for one in bound):
        cloud["allowedAddresses"] = [*allowed, *bound]
    if any(is_front(one) for one in got.of_kind(TARGET_GROUP)):
        cloud["addressMode"] = "unified"
    if addresses == lb.addresses and cloud == dict(lb.config.cloud):
        return lb
    return replace(lb, addresses=addresses, config=replace(lb.config, cloud=frozen_map(cloud)))
