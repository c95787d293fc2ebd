"""The kinds of Routes: where each attaches and how its rules read. Built in, or registered by another package.

A package registers a kind of its own by an entry point of the group `routewright.route_kinds` whose value is a
`RouteKind`. From then on it is watched, attached, compiled and reported like the built-in ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from reconciler.capabilities import Capabilities
from reconciler.gatewayapi.read_grpc import read_grpc_rules
from reconciler.gatewayapi.read_http import read_http_rules
from reconciler.gatewayapi.read_streams import read_stream_rules
from reconciler.gatewayapi.resources import GROUP, Rule
from reconciler.values import frozen_map

ENTRY_POINTS = "routewright.route_kinds"


@dataclass(frozen=True, slots=True)
class RouteKind:
    """A kind of Route.

    Attributes:
        name: e.g. `HTTPRoute`; unique among all kinds, whatever their groups.
        plural: as the API server's paths name it, e.g. `httproutes`.
        protocols: listener protocols that it attaches to.
        carried: what a provider has to carry for a protocol of its own, e.g. QUIC for `example.com/QUIC`; "" for the
            protocol as it is named.
        read_rules: reads `spec` into rules; total: what cannot be read is left out or named in `Rule.unknown`.
        group, version: of its API.
        backend: what is spoken to its backends unless the Service says otherwise: HTTP, GRPC, TCP or UDP.
        hostnames: whether `spec.hostnames` choose among its listeners' requests or connections.
        no_backend: status answered where no backend is valid (kinds with requests), 0 for kinds of streams.
        optional: a cluster that does not serve it simply has none.
    """

    name: str
    plural: str
    protocols: tuple[str, ...]
    read_rules: Callable[[Mapping[str, Any]], tuple[Rule, ...]]
    group: str = GROUP
    version: str = "v1"
    backend: str = "TCP"
    hostnames: bool = False
    no_backend: int = 0
    optional: bool = True
    carried: str = ""

    @property
    def transport(self) -> str:
        """The protocol of the Service ports that it sends to: TCP or UDP."""
        return "UDP" if self.backend == "UDP" else "TCP"


_HTTP = ("HTTP", "HTTPS")
BUILT_IN = (
    RouteKind(
        "HTTPRoute",
        "httproutes",
        _HTTP,
        read_http_rules,
        backend="HTTP",
        hostnames=True,
        no_backend=500,
        optional=False,
    ),
    # gRPC clients take 503 for UNAVAILABLE, 500 for UNKNOWN (gRPC, "HTTP to gRPC Status Code Mapping").
    RouteKind("GRPCRoute", "grpcroutes", _HTTP, read_grpc_rules, backend="GRPC", hostnames=True, no_backend=503),
    RouteKind("TLSRoute", "tlsroutes", ("TLS",), read_stream_rules, hostnames=True),
    RouteKind("TCPRoute", "tcproutes", ("TCP",), read_stream_rules),
    RouteKind("UDPRoute", "udproutes", ("UDP",), read_stream_rules, backend="UDP"),
)


@cache
def route_kinds() -> Mapping[str, RouteKind]:
    """Return all kinds by name. Raises TypeError for an entry point that is no RouteKind, or takes a known name."""
    found = {kind.name: kind for kind in BUILT_IN}
    for point in entry_points(group=ENTRY_POINTS):
        kind = point.load()
        if not isinstance(kind, RouteKind) or kind.name in found:
            raise TypeError(f"entry point {point.name} of {ENTRY_POINTS}: not a RouteKind, or one of a known name")
        found[kind.name] = kind
    return frozen_map(found)


@cache
def transport_of(protocol: str) -> str:
    """Return what a listener protocol runs on, TCP or UDP; "" for a protocol that no kind attaches to."""
    kinds = route_kinds().values()
    return next((one.transport for one in kinds if protocol in one.protocols or protocol == one.carried), "")


@cache
def carried(protocol: str) -> str:
    """Return what a provider carries for a listener protocol: the protocol itself unless a registered kind says else.

    Protocols with a domain in front are an implementation's own (specification, `ProtocolType`), so no cloud knows them
    by that name.
    """
    found = (kind.carried for kind in route_kinds().values() if protocol in kind.protocols)
    return next(filter(None, found), protocol)


@cache
def has_hostnames(protocol: str) -> bool:
    """Return whether hostnames tell listeners of a protocol on one port apart."""
    return any(kind.hostnames for kind in route_kinds().values() if protocol in kind.protocols)


def takers(can: Capabilities) -> Mapping[str, tuple[str, ...]]:
    """Return the kinds that each listener protocol takes: a provider's own, and registered ones that it can carry."""
    found, built_in = dict(can.kinds), {kind.name for kind in BUILT_IN}
    for kind in route_kinds().values():
        for protocol in () if kind.name in built_in else kind.protocols:
            known = found.get(protocol, ())
            if kind.name not in known and carried(protocol) in {*can.kinds, *can.carries}:
                found[protocol] = (*known, kind.name)
    return frozen_map(found)
