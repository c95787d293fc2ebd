"""UDP and QUIC listeners of network load balancers: an Envoy listener each, with a cluster of all that it leads to.

Envoy's UDP proxy knows no weighted clusters, so the shares of the target groups become weights of their targets. A flow
(both addresses and ports) stays with its target for 120 s without a datagram (ELBv2 guide, "Listeners for your NLB").
QUIC is passed on as any datagram is, flow by flow. What AWS does besides is not emulated: following the server id in a
connection id to its target when the client's address changes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emulators.dataplane.target_groups import bare_cluster, places, socket_address

Json = dict[str, Any]

CARRIED = frozenset({"UDP", "TCP_UDP", "QUIC", "TCP_QUIC"})
IDLE = "120s"
_PROXY = "type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3."


def udp_name(listener: Mapping[str, Any]) -> str:
    """Return the name of a listener's cluster; its Envoy listeners begin with it."""
    return f"udp-{hashlib.sha256(listener['ListenerArn'].encode()).hexdigest()[:16]}"


def udp_listeners(listener: Mapping[str, Any], addresses: Iterable[str], port_offset: int) -> Iterator[Json]:
    """Yield the `Listener` of the datagrams that come to each address of an NLB's listener."""
    name = udp_name(listener)
    for count, address in enumerate(addresses):
        place = socket_address(address, int(listener["Port"]) + port_offset)
        yield _listener(name, place) | {"name": f"{name}-{count}" if count else name}


def _listener(name: str, place: Json) -> Json:
    place["socket_address"]["protocol"] = "UDP"
    route = {"@type": _PROXY + "Route", "cluster": name}
    config = {
        "@type": _PROXY + "UdpProxyConfig",
        "stat_prefix": name,
        "idle_timeout": IDLE,
        "matcher": {"on_no_match": {"action": {"name": "route", "typed_config": route}}},
    }
    return {
        "address": place,
        "udp_listener_config": {},
        "listener_filters": [{"name": "envoy.filters.udp_listener.udp_proxy", "typed_config": config}],
    }


def udp_cluster(listener: Mapping[str, Any], endpoints_file: str) -> Json:
    """Return the `Cluster` of everything that a UDP listener leads to."""
    return bare_cluster(udp_name(listener), endpoints_file)


def udp_endpoints(
    listener: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]], addresses: Mapping[str, str]
) -> Json:
    """Return the `ClusterLoadAssignment`: each target with its part of its target group's weight."""
    shares = [
        (int(share.get("Weight", 1)), places(groups[share["TargetGroupArn"]], addresses))
        for share in listener["DefaultActions"][-1]["ForwardConfig"]["TargetGroups"]
    ]
    common = math.lcm(*(len(found) for _, found in shares if found), 1)
    members = [
        {"endpoint": {"address": socket_address(*place)}, "load_balancing_weight": weight * common // len(found)}
        for weight, found in shares
        for place in found
        if weight
    ]
    return {"cluster_name": udp_name(listener), "endpoints": [{"lb_endpoints": members}] if members else []}
