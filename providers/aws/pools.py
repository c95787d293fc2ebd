"""Backend pools as target groups: names, what AWS fixes at creation, health checks, targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from providers.aws.backend_settings import group_attributes
from providers.aws.config import AwsConfig
from providers.aws.health import health_check
from providers.aws.instances import INSTANCE, IP, instance_id
from providers.aws.names import target_group_name
from providers.aws.quic import QUIC, server_id
from providers.aws.resources import ALB, NLB, target_group_key, targets_key, tg_attributes_key
from providers.aws.unified import stands_as
from reconciler.ir import BackendPool, LoadBalancer
from reconciler.plan import Resource
from reconciler.values import Json

EMPTY = "no-backend"
"""Slug of the target group that is always empty: what is sent there reaches nobody."""


@dataclass(frozen=True, slots=True)
class Group:
    """A target group to render.

    Attributes:
        protocol: of the target group: HTTP, HTTPS, TCP, UDP, TCP_UDP, QUIC or TCP_QUIC.
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

    @property
    def target_type(self) -> str:
        """How its targets are registered: ip or instance."""
        return _target_type(self.pools[0]) if self.pools else IP


def request_group(lb: LoadBalancer, aws: AwsConfig, pool: BackendPool) -> Group:
    """Return the target group of a pool for requests: what is spoken is the Route kind's, or a BackendConfig's."""
    spoken = pool.settings.protocol or pool.protocol
    version = {"GRPC": "GRPC", "HTTP2": "HTTP2"}.get(spoken, "HTTP1")
    return _group_of(lb, aws, [pool], (ALB, "HTTPS" if spoken == "HTTPS" else "HTTP", version))


def stream_group(lb: LoadBalancer, aws: AwsConfig, pools: Sequence[BackendPool], protocol: str) -> Group:
    """Return the target group of a pool that streams go to; of two pools, TCP's and UDP's, for TCP_UDP."""
    return _group_of(lb, aws, pools, (NLB, protocol, ""))


def _group_of(lb: LoadBalancer, aws: AwsConfig, pools: Sequence[BackendPool], kind: tuple[str, str, str]) -> Group:
    """Return a target group. Its name covers what AWS fixes at creation, and whose it is: it may have one balancer."""
    pool, (balancer, protocol, version) = pools[0], kind
    family = pool.family.lower()
    ids = [one.id for one in pools]
    where = stands_as(lb, aws, balancer)
    fixed: list[Json] = [lb.uid, where, lb.config.scheme, *ids, protocol, version, _target_type(pool), family, aws.vpc]
    name = target_group_name(lb.key, pool.service.name, fixed)
    return Group(name, protocol, version, pool.service.port, family, tuple(pools), tuple(ids))


def _target_type(pool: BackendPool) -> str:
    return pool.settings.target_type or IP


def empty_group(lb: LoadBalancer, aws: AwsConfig, balancer: str, protocol: str, origins: Iterable[str] = ()) -> Group:
    """Return the target group without targets that takes the share of what cannot be reached."""
    version = "HTTP1" if balancer == ALB else ""
    fixed: Json = [lb.uid, stands_as(lb, aws, balancer), lb.config.scheme, EMPTY, protocol, aws.vpc]
    name = target_group_name(lb.key, EMPTY, fixed)
    return Group(name, protocol, version, 80, "ipv4", (), tuple(origins))


def rendered(groups: Mapping[str, Group], aws: AwsConfig) -> Iterator[Resource]:
    """Yield target groups (by name) with their attributes and targets."""
    for name, group in sorted(groups.items()):
        yield Resource(target_group_key(name), _spec(group, aws), group.origins)
        if group.pools:
            if attributes := group_attributes(group.pools[0].settings, group.protocol):
                yield Resource(tg_attributes_key(name), attributes, group.origins)
            yield Resource(targets_key(name), {"Targets": _targets(group)}, group.origins)


def _targets(group: Group) -> list[Json]:
    if group.target_type == INSTANCE:
        places = {(instance_id(one.address), one.port) for one in group.pools[0].endpoints}
        return [[instance, port, ""] for instance, port in sorted(places) if instance]
    found: list[list[Json]] = [[one.address, one.port, ""] for one in sorted(group.pools[0].endpoints)]
    if QUIC in group.protocol:
        found = [[*one, server_id(str(one[0]), int(str(one[1])))] for one in found]
    return list[Json](found)


def _spec(group: Group, aws: AwsConfig) -> dict[str, Json]:
    spec: dict[str, Json] = {
        "Name": group.name,
        "Protocol": group.protocol,
        "Port": group.port,
        "TargetType": group.target_type,
        "IpAddressType": group.family,
        **health_check(group.pools[0] if group.pools else None, group.protocol, group.version),
    }
    if group.version:
        spec["ProtocolVersion"] = group.version
    return spec | ({"VpcId": aws.vpc} if aws.vpc else {})
