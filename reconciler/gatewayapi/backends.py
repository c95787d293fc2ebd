"""backendRefs, resolved: permission, kind, Service and port, protocol; and the endpoints behind each Service port."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.gatewayapi.grants import Grants, Referrer, Target
from reconciler.gatewayapi.graph import Problem, RuleBackends
from reconciler.gatewayapi.kinds import RouteKind, route_kinds
from reconciler.gatewayapi.resources import BackendRef, EndpointSlice, Route, Rule, Service, ServicePortSpec
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.ir import BackendPool, Config, Endpoint, WeightedPool
from reconciler.keys import ServicePort

REASONS = ("RefNotPermitted", "InvalidKind", "BackendNotFound", "UnsupportedProtocol")
"""In the order in which they are told when a Route has several problems."""
_NEVER = tuple(
    ipaddress.ip_network(cidr)
    for cidr in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"),
        *("::/128", "::1/128", "fe80::/10", "fd00:ec2::/32", "fd20:ce::/32", "ff00::/8"),
    )
)
"""Unspecified, loopback, link-local, multicast and metadata addresses (also of IPv6, on EC2 and on Google Cloud).

Never behind a load balancer, whatever an EndpointSlice says, and in whatever form it writes them.
"""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(slots=True)
class Backends:
    """Resolves backendRefs against one snapshot; collects the pools that they lead to."""

    grants: Grants
    ranges: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    app_protocols: tuple[str, ...]
    services: Mapping[tuple[str, str], Service]
    slices: Mapping[tuple[str, str], list[EndpointSlice]]
    pools: dict[str, BackendPool] = field(default_factory=dict)
    _problems: dict[str, Problem | None] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot, grants: Grants, config: Config, app_protocols: tuple[str, ...]) -> Backends:
        """Return a resolver over a snapshot's Services and EndpointSlices."""
        slices: dict[tuple[str, str], list[EndpointSlice]] = {}
        for one in snapshot.slices:
            slices.setdefault((one.meta.namespace, one.service), []).append(one)
        services = {(service.meta.namespace, service.meta.name): service for service in snapshot.services}
        ranges = tuple(ipaddress.ip_network(cidr, strict=False) for cidr in config.target_cidrs)
        return cls(grants, ranges, app_protocols, services, slices)

    def resolve(self, route: Route, rule: Rule) -> tuple[RuleBackends, tuple[Problem, ...]]:
        """Return a rule's pools with weights, and the problems of its references."""
        pools: list[WeightedPool] = []
        problems: list[Problem] = []
        error_share = 0
        for backend in rule.backends:
            found = self._backend(route, backend)
            if isinstance(found, str):
                pools.append(WeightedPool(found, backend.weight, backend.filters))
                if told := self._problems.get(found):
                    problems.append(told)
            else:
                problems.append(found)
                error_share += backend.weight
        return RuleBackends(tuple(pools), error_share), tuple(problems)

    def _backend(self, route: Route, backend: BackendRef) -> str | Problem:
        """Return the id of the pool that a backendRef leads to, or what is wrong with it."""
        ref, namespace = backend.ref, backend.ref.namespace or route.meta.namespace
        name = f"{namespace}/{ref.name}"
        source = Referrer(route.key.kind, route.meta.namespace)
        if not self.grants.allow(source, Target(ref.group, ref.kind, namespace, ref.name)):
            who = f"{source.kind}s of {source.namespace}"
            message = f"no ReferenceGrant in namespace {namespace} lets {who} use {ref.kind} {name}"
            return Problem("ResolvedRefs", "RefNotPermitted", message)
        if (ref.group, ref.kind) != ("", "Service"):
            message = f"backend {name} is of kind {ref.kind} (group {ref.group!r}); only Services are supported"
            return Problem("ResolvedRefs", "InvalidKind", message)
        service = self.services.get((namespace, ref.name))
        if service is None:
            return Problem("ResolvedRefs", "BackendNotFound", f"Service {name} does not exist")
        return self._port(service, ServicePort(namespace, ref.name, ref.port), route_kinds()[route.kind])

    def _port(self, service: Service, where: ServicePort, kind: RouteKind) -> str | Problem:
        name = f"{where.namespace}/{where.name}"
        if service.type == "ExternalName":
            message = f"Service {name} is of type ExternalName, which names no endpoints"
            return Problem("ResolvedRefs", "InvalidKind", message)
        spec = next(
            (port for port in service.ports if port.port == where.port and port.protocol == kind.transport), None
        )
        if spec is None:
            ports = ", ".join(str(port.port) for port in service.ports) or "none"
            message = f"Service {name} has no {kind.transport} port {where.port}; it has {ports}"
            return Problem("ResolvedRefs", "BackendNotFound", message)
        if kind.backend == "HTTP" and spec.app_protocol not in self.app_protocols:
            message = f'Service {name} port {where.port}: appProtocol "{spec.app_protocol}" is not supported'
            return Problem("ResolvedRefs", "UnsupportedProtocol", message)
        pool_id = str(where) if kind.backend == "HTTP" else f"{where}/{kind.backend.lower()}"
        if pool_id not in self.pools:
            self.pools[pool_id] = self._pool(service, spec, where, BackendPool(pool_id, where, kind.backend))
        return pool_id

    def _pool(self, service: Service, spec: ServicePortSpec, where: ServicePort, empty: BackendPool) -> BackendPool:
        slices = self.slices.get((where.namespace, where.name), [])
        families = {one.family for one in slices}
        family = (
            "IPv6" if "IPv4" not in families and ("IPv6" in families or service.families[:1] == ("IPv6",)) else "IPv4"
        )
        found = {(e.address, e.port): e for one in slices if one.family == family for e in _endpoints(one, spec)}
        refused = sorted({e.address for e in found.values() if not self._allowed(e.address)})
        if refused:
            message = (
                f"Service {where.namespace}/{where.name}: endpoint {refused[0]} is outside the allowed target ranges"
            )
            self._problems[empty.id] = Problem("ResolvedRefs", "RefNotPermitted", message)
        endpoints = [found[key] for key in sorted(found) if key[0] not in refused]
        serving = tuple(_serving(endpoints))
        return replace(empty, app_protocol=spec.app_protocol, family=family, endpoints=serving)

    def _allowed(self, address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        forms = (ip, *_inner(ip))
        if any(form in network for network in _NEVER for form in forms):
            return False
        return not self.ranges or any(forms[-1] in network for network in self.ranges)


def _inner(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """Return the IPv4 address that an IPv6 address stands for: mapped, 6to4, or behind a NAT64."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ()
    inner = ip.ipv4_mapped or ip.sixtofour
    if ip in _NAT64:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return () if inner is None else (inner,)


def _endpoints(one: EndpointSlice, spec: ServicePortSpec) -> Iterator[Endpoint]:
    """Yield what a slice holds for a Service port: ports go by name, the number is the slice's own."""
    numbers = [
        number for name, number, protocol in one.ports if name == spec.name and protocol == spec.protocol and number
    ]
    for number in numbers:
        for endpoint in one.endpoints:
            if endpoint.addresses and (endpoint.ready or endpoint.serving):
                yield Endpoint(
                    address=endpoint.addresses[0],
                    port=number,
                    zone=endpoint.zone,
                    node=endpoint.node,
                    ready=endpoint.ready,
                    terminating=endpoint.terminating,
                )


def _serving(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Return the ready ones; where none is, those that end but still serve."""
    ready = [endpoint for endpoint in endpoints if endpoint.ready]
    return ready or [endpoint for endpoint in endpoints if endpoint.terminating]
