"""Backend pools as target groups: names, what AWS fixes at creation, health checks, targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from providers.aws.config import AwsConfig
from providers.aws.names import target_group_name
from providers.aws.resources import ALB, target_group_key, targets_key, tg_attributes_key
from reconciler.ir import BackendPool, Endpoint, HealthCheck, Json, LoadBalancer
from reconciler.plan import Resource

EMPTY = "no-backend"
"""Slug of the target group that is always empty: what is sent there reaches nobody."""
DRAINING = "deregistration_delay.timeout_seconds"
_CHECKS_HTTP = ("HTTP", "HTTPS")


@dataclass(frozen=True, slots=True)
class Group:
    """A target group to render.

    Attributes:
        protocol: of the target group: HTTP, HTTPS, TCP, UDP or TCP_UDP.
        version: ProtocolVersion of one for requests; "" for streams.
        pools: whose endpoints are in it; none for the empty one.
    """

    name: str
    protocol: str
    version: str
    port: int
    family: str
    pools: tuple[BackendPool, ...] = ()
    origins: tuple[str, ...] = ()


def group_of(lb: LoadBalancer, aws: AwsConfig, balancer: str, pools: Sequence[BackendPool], protocol: str) -> Group:
    """Return the target group of one pool (of two for TCP_UDP) on a load balancer of the Gateway.

    Its name covers what AWS fixes at creation, and what makes it this load balancer's: it may have only one.
    """
    pool, version = pools[0], "HTTP1" if balancer == ALB else ""
    family = pool.family.lower()
    ids = [one.id for one in pools]
    fixed: Json = [lb.uid, balancer, lb.config.scheme, *ids, protocol, version, "ip", family, aws.vpc]
    name = target_group_name(lb.key, pool.service.name, fixed)
    return Group(name, protocol, version, pool.service.port, family, tuple(pools), tuple(ids))


def empty_group(lb: LoadBalancer, aws: AwsConfig, balancer: str, protocol: str, origins: Iterable[str] = ()) -> Group:
    """Return the target group without targets that takes the share of what cannot be reached."""
    version = "HTTP1" if balancer == ALB else ""
    fixed: Json = [lb.uid, balancer, lb.config.scheme, EMPTY, protocol, aws.vpc]
    name = target_group_name(lb.key, EMPTY, fixed)
    return Group(name, protocol, version, 80, "ipv4", (), tuple(origins))


def rendered(groups: Mapping[str, Group], aws: AwsConfig) -> Iterator[Resource]:
    """Yield target groups (by name) with their attributes and targets."""
    for name, group in sorted(groups.items()):
        yield Resource(target_group_key(name), _spec(group, aws), group.origins)
        if group.pools:
            settings = group.pools[0].settings
            if settings.draining is not None:
                yield Resource(tg_attributes_key(name), {DRAINING: str(settings.draining)}, group.origins)
            yield Resource(targets_key(name), {"Targets": _targets(group.pools[0].endpoints)}, group.origins)


def _targets(endpoints: Iterable[Endpoint]) -> list[Json]:
    return [[one.address, one.port, ""] for one in sorted(endpoints)]


def _spec(group: Group, aws: AwsConfig) -> dict[str, Json]:
    health = group.pools[0].health if group.pools else HealthCheck()
    spec: dict[str, Json] = {
        "Name": group.name,
        "Protocol": group.protocol,
        "Port": group.port,
        "TargetType": "ip",
        "IpAddressType": group.family,
        "HealthCheckPort": health.port or "traffic-port",
        "HealthCheckIntervalSeconds": health.interval,
        "HealthCheckTimeoutSeconds": health.timeout,
        "HealthyThresholdCount": health.healthy,
        "UnhealthyThresholdCount": health.unhealthy,
        **_check(group, health),
    }
    if group.version:
        spec["ProtocolVersion"] = group.version
    return spec | ({"VpcId": aws.vpc} if aws.vpc else {})


def _check(group: Group, health: HealthCheck) -> dict[str, Json]:
    """Return how health is asked for: by HTTP, of streams by a connection unless a BackendConfig says otherwise."""
    asked = bool(group.pools and group.pools[0].settings.health.get("protocol"))
    protocol = health.protocol if group.version or asked else "TCP"
    if protocol not in _CHECKS_HTTP:
        return {"HealthCheckProtocol": protocol}
    return {"HealthCheckProtocol": protocol, "HealthCheckPath": health.path, "Matcher": health.matcher}
