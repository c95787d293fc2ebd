"""backendRefs, resolved: permission, kind, Service and port, protocol; and the endpoints behind each Service port."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.config import Config
from reconciler.gatewayapi.backend_config import INSTANCE, health_of
from reconciler.gatewayapi.grants import Grants, Referrer, Target
from reconciler.gatewayapi.graph import Problem, RuleBackends
from reconciler.gatewayapi.kinds import RouteKind, route_kinds
from reconciler.gatewayapi.nodes import node_check, node_endpoints, node_family
from reconciler.gatewayapi.pods import Pod, ports_of, probe_of
from reconciler.gatewayapi.policies import Policies
from reconciler.gatewayapi.resources import (
    EndpointSlice,
    Node,
    ObjectRef,
    Route,
    Rule,
    Service,
    ServicePortSpec,
    SliceEndpoint,
)
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.ir import BackendPool, BackendTls, Endpoint, HealthCheck, Mirror, WeightedPool
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


_FAMILIES = ("IPv4", "IPv6")
_REFUSED = ""
"""In place of a pool's id: the reference is fine, but a policy lets nothing be sent there."""


@dataclass(slots=True)
class Backends:
    """Resolves backendRefs against one snapshot; collects the pools that they lead to."""

    grants: Grants
    ranges: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    policies: Policies
    services: Mapping[tuple[str, str], Service]
    slices: Mapping[tuple[str, str], list[EndpointSlice]]
    nodes: tuple[Node, ...] = ()
    pods: Mapping[tuple[str, str], Pod] = field(default_factory=dict)
    pools: dict[str, BackendPool] = field(default_factory=dict)
    _problems: dict[str, Problem | None] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot, grants: Grants, config: Config, policies: Policies) -> Backends:
        """Return a resolver over a snapshot's Services and EndpointSlices."""
        slices: dict[tuple[str, str], list[EndpointSlice]] = {}
        for one in snapshot.slices:
            slices.setdefault((one.meta.namespace, one.service), []).append(one)
        ranges = tuple(ipaddress.ip_network(cidr, strict=False) for cidr in config.target_cidrs)
        pods = {(one.meta.namespace, one.meta.name): one for one in snapshot.pods}
        return cls(grants, ranges, policies, policies.services, slices, snapshot.nodes, pods)

    def resolve(self, route: Route, rule: Rule, *, encrypted: bool) -> tuple[RuleBackends, tuple[Problem, ...]]:
        """Return a rule's pools with weights, and the problems of its references.

        `encrypted`: the load balancer itself speaks to the backends, so that a BackendTLSPolicy applies.
        """
        pools: list[WeightedPool] = []
        problems: list[Problem] = [_unknown_extension(ref) for ref in rule.extensions]
        error_share = 0
        for backend in rule.backends:
            found = self._backend(route, backend.ref, encrypted=encrypted)
            if isinstance(found, Problem):
                problems.append(found)
            elif told := self._problems.get(found):
                problems.append(told)
            if isinstance(found, Problem) or found == _REFUSED:
                error_share += backend.weight
            else:
                pools.append(WeightedPool(found, backend.weight, backend.filters))
        mirrors, bad = self._mirrors(route, rule, encrypted=encrypted)
        return RuleBackends(tuple(pools), error_share, mirrors, bool(rule.extensions)), (*problems, *bad)

    def _mirrors(self, route: Route, rule: Rule, *, encrypted: bool) -> tuple[tuple[Mirror, ...], list[Problem]]:
        """Return the pools that get copies; a mirror that is wrong is told, and the requests go on without it."""
        found = [(self._backend(route, ref, encrypted=encrypted), share) for ref, share in rule.mirrors]
        copies = tuple(Mirror(one, share) for one, share in found if isinstance(one, str) and one != _REFUSED)
        return copies, [one for one, _ in found if isinstance(one, Problem)]

    def _backend(self, route: Route, ref: ObjectRef, *, encrypted: bool) -> str | Problem:
        """Return the id of the pool that a reference leads to, or what is wrong with it."""
        namespace = ref.namespace or route.meta.namespace
        name = f"{namespace}/{ref.name}"
        source = Referrer(route.key.kind, route.meta.namespace)
        if not self.grants.allow(source, Target(ref.group, ref.kind, namespace, ref.name)):
            who = f"{source.kind}s of {source.namespace}"
            message = f"no ReferenceGrant in namespace {namespace} lets {who} use {ref.kind} {name}"
            return Problem("ResolvedRefs", "RefNotPermitted", message)
        if (ref.group, ref.kind) != ("", "Service"):
            message = f"backend {name} is of kind {ref.kind} (group {ref.group!r}); only Services are supported"
            return Problem("ResolvedRefs", "InvalidKind", message)
        self.policies.used.add((namespace, ref.name))
        service = self.services.get((namespace, ref.name))
        if service is None:
            return Problem("ResolvedRefs", "BackendNotFound", f"Service {name} does not exist")
        where = ServicePort(namespace, ref.name, ref.port)
        return self._port(service, where, route_kinds()[route.kind], encrypted=encrypted)

    def _port(self, service: Service, where: ServicePort, kind: RouteKind, *, encrypted: bool) -> str | Problem:
        name = f"{where.namespace}/{where.name}"
        if service.type == "ExternalName":
            message = f"Service {name} is of type ExternalName, which names no endpoints"
            return Problem("ResolvedRefs", "InvalidKind", message)
        spec = next((p for p in service.ports if p.port == where.port and p.protocol == kind.transport), None)
        if spec is None:
            ports = ", ".join(str(port.port) for port in service.ports) or "none"
            message = f"Service {name} has no {kind.transport} port {where.port}; it has {ports}"
            return Problem("ResolvedRefs", "BackendNotFound", message)
        if kind.backend == "HTTP" and spec.app_protocol not in self.policies.capabilities.app_protocols:
            message = f'Service {name} port {where.port}: appProtocol "{spec.app_protocol}" is not supported'
            return Problem("ResolvedRefs", "UnsupportedProtocol", message)
        tls = self.policies.tls(where.namespace, where.name, spec.name) if encrypted else None
        if tls is not None and not tls.valid:
            return _REFUSED
        return self._pooled(service, spec, BackendPool(_pool_id(where, kind, tls), where, kind.backend, tls=tls))

    def _pooled(self, service: Service, spec: ServicePortSpec, empty: BackendPool) -> str:
        if empty.id not in self.pools:
            self.pools[empty.id] = self._pool(service, spec, empty)
        return empty.id

    def _pool(self, service: Service, spec: ServicePortSpec, empty: BackendPool) -> BackendPool:
        settings = self.policies.settings(service, spec, empty.protocol)
        empty = replace(empty, app_protocol=spec.app_protocol, settings=settings)
        if settings.target_type == INSTANCE:
            return self._by_nodes(service, spec, empty)
        return self._by_slices(service, spec, empty)

    def _by_slices(self, service: Service, spec: ServicePortSpec, empty: BackendPool) -> BackendPool:
        where = empty.service
        slices = self.slices.get((where.namespace, where.name), [])
        families = {one.family for one in slices}
        family = (
            "IPv6" if "IPv4" not in families and ("IPv6" in families or service.families[:1] == ("IPv6",)) else "IPv4"
        )
        found = {(e.address, e.port): e for one in slices if one.family == family for e in self._endpoints(one, spec)}
        refused = sorted({e.address for e in found.values() if not self._allowed(e.address)})
        if refused:
            message = (
                f"Service {where.namespace}/{where.name}: endpoint {refused[0]} is outside the allowed target ranges"
            )
            self._problems[empty.id] = Problem("ResolvedRefs", "RefNotPermitted", message)
        serving = tuple(_serving([found[key] for key in sorted(found) if key[0] not in refused]))
        return replace(empty, family=family, endpoints=serving, probe=probe_of(slices, spec, self.pods))

    def _by_nodes(self, service: Service, spec: ServicePortSpec, empty: BackendPool) -> BackendPool:
        """Return a pool whose targets are Nodes.

        They pass on to whatever an EndpointSlice names, so one address that may not be reached costs the whole pool: a
        Node cannot be told to leave it out.
        """
        where = empty.service
        slices = (one for one in self.slices.get((where.namespace, where.name), []) if one.family in _FAMILIES)
        addresses = {endpoint.address for one in slices for endpoint in self._endpoints(one, spec)}
        if refused := sorted(address for address in addresses if not self._allowed(address)):
            told = f"endpoint {refused[0]} is outside the allowed target ranges, and Nodes would pass requests on to it"
            message = f"Service {where.namespace}/{where.name}: {told}: nothing is sent to the Service"
            self._problems[empty.id] = Problem("ResolvedRefs", "RefNotPermitted", message)
        return replace(
            empty,
            family=node_family(service),
            endpoints=() if refused else node_endpoints(self.nodes, spec.node_port),
            node_health=node_check(service, empty.settings, health_of(empty.settings, HealthCheck())),
        )

    def _endpoints(self, one: EndpointSlice, spec: ServicePortSpec) -> Iterator[Endpoint]:
        """Yield what a slice holds for a Service port."""
        for number in ports_of(one, spec):
            for endpoint in one.endpoints:
                gated = not endpoint.ready and not endpoint.terminating and self._waits_for_us(one, endpoint)
                if endpoint.addresses and (endpoint.ready or endpoint.serving or gated):
                    yield Endpoint(
                        address=endpoint.addresses[0],
                        port=number,
                        zone=endpoint.zone,
                        node=endpoint.node,
                        ready=endpoint.ready,
                        terminating=endpoint.terminating,
                        gated=gated,
                    )

    def _waits_for_us(self, one: EndpointSlice, endpoint: SliceEndpoint) -> bool:
        """Return whether a Pod is not ready for nothing but our readiness gate."""
        pod = self.pods.get((one.meta.namespace, endpoint.pod))
        if pod is None or pod.gate is None or endpoint.pod_uid not in ("", pod.meta.uid):
            return False
        return pod.gate.alone

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


def _pool_id(where: ServicePort, kind: RouteKind, tls: BackendTls | None) -> str:
    """Return the id of a pool; only streams may reach one port both as they come and encrypted anew."""
    plain = str(where) if kind.backend == "HTTP" else f"{where}/{kind.backend.lower()}"
    return f"{plain}/tls" if tls is not None and not kind.no_backend else plain


def _unknown_extension(ref: ObjectRef) -> Problem:
    message = f"filter ExtensionRef names {ref.kind} {ref.name} of group {ref.group!r}, which is not known here"
    return Problem("ResolvedRefs", "InvalidKind", message)


def _serving(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Return the ready ones; where none is, those that end but still serve. Those with a gate are asked in any case."""
    none = not any(endpoint.ready for endpoint in endpoints)
    return [one for one in endpoints if one.ready or one.gated or (none and one.terminating)]
