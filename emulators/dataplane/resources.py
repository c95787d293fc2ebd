"""One state document and one table of addresses become everything that Envoy shall know. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.dataplane.actions import Frontend
from emulators.dataplane.datagrams import CARRIED, udp_cluster, udp_endpoints, udp_listeners, udp_name
from emulators.dataplane.ingress import opens
from emulators.dataplane.listeners import Place, envoy_listener, is_http, listener_name
from emulators.dataplane.rules import route_configuration
from emulators.dataplane.target_groups import cluster, cluster_name, endpoints

Json = dict[str, Any]

CLIENT = "127.0.0.1"
"""Who the clients are, in the eyes of a security group."""

_SERVING = frozenset({"active", "active_impaired"})
_CARRIED = {"tcp": frozenset({"HTTP", "HTTPS", "TCP", "TLS", "TCP_UDP", "TCP_QUIC"}), "udp": CARRIED}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are on this machine.

    Attributes:
        folder: of the files that Envoy reads; absolute.
        port_offset: added to each listener's port.
    """

    folder: Path
    port_offset: int

    def routes(self, name: str) -> Path:
        """Return the RDS file of a listener."""
        return self.folder / "rds" / f"{name}.json"

    def endpoints(self, name: str) -> Path:
        """Return the EDS file of a cluster."""
        return self.folder / "eds" / f"{name}.json"

    @property
    def access_log(self) -> Path:
        """Return the file of one JSON line for each request."""
        return self.folder / "access.log"


@dataclass(frozen=True, slots=True)
class Resources:
    """xDS resources by name.

    Attributes:
        listeners: LDS.
        routes: RDS, one for each HTTP listener, of the same name.
        clusters: CDS.
        endpoints: EDS, one for each cluster, of the same name.
    """

    listeners: Mapping[str, Json]
    routes: Mapping[str, Json]
    clusters: Mapping[str, Json]
    endpoints: Mapping[str, Json]


NOTHING = Resources({}, {}, {}, {})


def resources(document: Mapping[str, Any], addresses: Mapping[str, str], layout: Layout) -> Resources:
    """Translate the account.

    Args:
        document: the state document.
        addresses: `address:port` of a target to the `address:port` where its process listens.
        layout: where listeners and files are.
    """
    groups = {group["TargetGroupArn"]: group for group in document["targetGroups"]}
    behind = {target["Id"] for one in groups.values() if one.get("TargetType") == "alb" for target in one["Targets"]}
    addresses = {**dict(_doors(document, behind, layout)), **addresses}
    names = {arn: cluster_name(arn) for arn in groups}
    standing, datagrams = list(_standing(document, "tcp")), list(_standing(document, "udp"))
    udp = {udp_name(one): (balancer, one) for balancer, one in datagrams}
    return Resources(
        listeners={
            **{
                listener_name(one): _listener(one, balancer, layout, behind=balancer.get("LoadBalancerArn") in behind)
                for balancer, one in standing
            },
            **{
                listener["name"]: listener
                for balancer, one in udp.values()
                for listener in udp_listeners(one, [balancer["Address"], *_more(balancer)], layout.port_offset)
            },
        },
        routes={listener_name(one): _routes(one, balancer, groups) for balancer, one in standing if is_http(one)},
        clusters={
            **{names[arn]: cluster(one, str(layout.endpoints(names[arn]))) for arn, one in groups.items()},
            **{name: udp_cluster(one, str(layout.endpoints(name))) for name, (_, one) in udp.items()},
        },
        endpoints={
            **{names[arn]: endpoints(one, addresses) for arn, one in groups.items()},
            **{name: udp_endpoints(one, groups, addresses) for name, (_, one) in udp.items()},
        },
    )


def _standing(document: Mapping[str, Any], transport: str) -> Iterator[tuple[Json, Json]]:
    """Yield the listeners that take connections or datagrams, each after its load balancer."""
    for balancer in document["loadBalancers"]:
        if balancer["State"]["Code"] not in _SERVING:
            continue
        for listener in balancer["Listeners"]:
            carried = listener["Protocol"] in _CARRIED[transport]
            if carried and _open(balancer, listener, document["securityGroups"], transport):
                yield balancer, listener


def _open(balancer: Json, listener: Json, security_groups: Mapping[str, Any], transport: str) -> bool:
    groups = balancer.get("SecurityGroups", ())
    if not groups:
        # Only a network load balancer may be without any; then nothing is filtered.
        return True
    return any(opens(security_groups.get(group, ()), transport, int(listener["Port"]), CLIENT) for group in groups)


def _doors(document: Mapping[str, Any], behind: Collection[str], layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield where load balancers that are targets themselves listen: ARN and port, and the place on this machine."""
    for balancer in document["loadBalancers"]:
        for listener in balancer["Listeners"] if balancer.get("LoadBalancerArn") in behind else ():
            port = int(listener["Port"])
            yield f"{balancer['LoadBalancerArn']}:{port}", f"{balancer['Address']}:{port + layout.port_offset}"


def _listener(listener: Json, balancer: Json, layout: Layout, *, behind: bool) -> Json:
    routes, port = layout.routes(listener_name(listener)), int(listener["Port"]) + layout.port_offset
    place = Place(balancer["Address"], port, str(routes), str(layout.access_log), _more(balancer), behind)
    return envoy_listener(listener, balancer, place)


def _more(balancer: Json) -> tuple[str, ...]:
    """Return further addresses of a load balancer that can be listened on; those outside of loopback exist nowhere."""
    given = {one for one in balancer.get("Addresses", ()) if ipaddress.ip_address(one).is_loopback}
    return tuple(sorted(given - {balancer["Address"]}))


def _routes(listener: Json, balancer: Json, groups: Mapping[str, Json]) -> Json:
    attributes = balancer.get("Attributes", {})
    frontend = Frontend(listener["Protocol"].lower(), int(listener["Port"]), attributes, groups)
    return route_configuration(listener_name(listener), listener, frontend)
