"""Target groups as Envoy clusters (CDS) and their targets as endpoints (EDS).

Which targets get traffic is decided here, as an ALB decides it, so that Envoy needs no health checks of its own: the
healthy ones; if none is healthy all registered ones (fail open); if none is registered nobody, and Envoy answers 503.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

_HTTP2 = frozenset({"HTTP2", "GRPC"})
_ENCRYPTED = frozenset({"HTTPS", "TLS"})
_SERVING = frozenset({"healthy", "unavailable"})
_GONE = frozenset({"draining", "unhealthy.draining", "unused"})
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_RAW = "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
_PROXIED = "type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"


def cluster_name(arn: str) -> str:
    """Return a name for the cluster of a target group: readable, unique, without characters that statistics rewrite."""
    readable = arn.split("/")[1] if "/" in arn else "group"
    return f"{readable}-{hashlib.sha256(arn.encode()).hexdigest()[:10]}"


def cluster(group: Mapping[str, Any], endpoints_file: str) -> Json:
    """Return the `Cluster` of a target group, its endpoints read from a file."""
    return bare_cluster(cluster_name(group["TargetGroupArn"]), endpoints_file) | _protocol(group) | _transport(group)


def bare_cluster(name: str, endpoints_file: str) -> Json:
    """Return a `Cluster` that passes on what it gets, its endpoints read from a file."""
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": "10s",
        "eds_cluster_config": {
            "eds_config": {"resource_api_version": "V3", "path_config_source": {"path": endpoints_file}}
        },
        "lb_policy": "ROUND_ROBIN",
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": 65535, "max_pending_requests": 65535, "max_requests": 65535, "max_retries": 65535}
            ]
        },
    }


def _protocol(group: Mapping[str, Any]) -> Json:
    if group["Protocol"] not in {"HTTP", "HTTPS"}:
        return {}
    http2 = group.get("ProtocolVersion", "HTTP1") in _HTTP2
    explicit: Json = {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}}
    options = {"@type": f"type.googleapis.com/{_OPTIONS}", "explicit_http_config": explicit}
    return {"typed_extension_protocol_options": {_OPTIONS: options}}


def _transport(group: Mapping[str, Any]) -> Json:
    if group.get("TargetType") == "alb":
        return {"transport_socket": _telling_the_client()}
    if group["Protocol"] not in _ENCRYPTED:
        return {}
    # No validation context: a load balancer never verifies its targets.
    return {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {"@type": _TLS}}}


def _telling_the_client() -> Json:
    """Return what tells an ALB behind an NLB who the client is: by the PROXY protocol, AWS by its network."""
    plain = {"name": "raw", "typed_config": {"@type": _RAW}}
    config = {"@type": _PROXIED, "config": {"version": "V2"}, "transport_socket": plain}
    return {"name": "envoy.transport_sockets.upstream_proxy_protocol", "typed_config": config}


def endpoints(group: Mapping[str, Any], addresses: Mapping[str, str]) -> Json:
    """Return the `ClusterLoadAssignment` of a target group.

    Args:
        group: an item of `targetGroups` of the state document.
        addresses: `address:port` of a target to the `address:port` where its process listens.
    """
    members = [{"endpoint": {"address": socket_address(*place)}} for place in places(group, addresses)]
    name = cluster_name(group["TargetGroupArn"])
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": members}] if members else []}


def places(group: Mapping[str, Any], addresses: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return where the targets of a group that get traffic listen, sorted."""
    return sorted({_place(target, addresses) for target in _routable(group["Targets"])})


def socket_address(host: str, port: int) -> Json:
    """Return an Envoy `Address`."""
    return {"socket_address": {"address": host, "port_value": port}}


def _routable(targets: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    registered = [target for target in targets if target["State"] not in _GONE]
    return [target for target in registered if target["State"] in _SERVING] or registered


def _place(target: Mapping[str, Any], addresses: Mapping[str, str]) -> tuple[str, int]:
    key = f"{target['Id']}:{target['Port']}"
    if key in addresses:
        host, _, port = addresses[key].rpartition(":")
        return host, int(port)
    if _is_loopback(target["Id"]):
        return target["Id"], int(target["Port"])
    return _nowhere(key)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _nowhere(key: str) -> tuple[str, int]:
    """Return a place of its own that refuses connections, for a target without a process: nothing leaves loopback."""
    digest = hashlib.sha256(key.encode()).digest()
    return f"127.254.{digest[0]}.{digest[1]}", 1
