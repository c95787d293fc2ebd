"""How AWS asks the targets of a pool for their health. Pure.

A field of a BackendConfig goes first, then the Pods' readiness probe as far as a load balancer can ask it, then our
defaults. Each field is said explicitly: the defaults of AWS's own clients differ.

Sources: ELBv2 API, CreateTargetGroup (ranges, protocols, paths, matchers); Elastic Load Balancing, "Health checks for
Application Load Balancer target groups" and "... for Network Load Balancer target groups".
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.gatewayapi.backend_config import health_of
from reconciler.ir import BackendPool, HealthCheck
from reconciler.probe import Probe
from reconciler.values import Json

MAX_PATH = 1024
_INTERVAL, _TIMEOUT, _THRESHOLD = (5, 300), (2, 120), (2, 10)
_ASKS_NODES = ("", "HTTP1")
"""Versions of groups that can ask kube-proxy whether a Node has an endpoint. gRPC and HTTP/2 groups ask by their own
protocol version, which it does not speak: the node port itself is asked instead, where a Node without one is silent.
"""
_OVER_HTTP = ("HTTP", "HTTPS")
_GRPC_DEFAULT, _GRPC_CODES = "/AWS.ALB/healthcheck", "0-99"
"""Any answer of a gRPC server will do (the default path, and every code that there is)."""
_GRPC_HEALTH = "/grpc.health.v1.Health/Check"
"""What a kubelet calls as well; the guide wants a method of the form /package.service/method."""


def health_check(pool: BackendPool | None, protocol: str, version: str) -> dict[str, Json]:
    """Return the fields of a target group about health; no pool: of the group that is always empty.

    `version`: ProtocolVersion of a group for requests, "" for streams.
    """
    health = _default(protocol, version)
    if pool is not None:
        asked = pool.node_health if version in _ASKS_NODES else None
        health = asked or health_of(pool.settings, _probed(pool.probe, health, version) or health)
    spoken = {"GRPC": "HTTP"}.get(health.protocol, health.protocol)  # AWS asks gRPC servers by HTTP, for a GrpcCode
    found: dict[str, Json] = {
        "HealthCheckProtocol": spoken,
        "HealthCheckPort": health.port or "traffic-port",
        "HealthCheckIntervalSeconds": health.interval,
        "HealthCheckTimeoutSeconds": health.timeout,
        "HealthyThresholdCount": health.healthy,
        "UnhealthyThresholdCount": health.unhealthy,
    }
    if spoken in _OVER_HTTP:
        codes = "GrpcCode" if version == "GRPC" else "HttpCode"
        found |= {"HealthCheckPath": health.path, "Matcher": dict[str, Json]({codes: health.matcher})}
    return found


def _default(protocol: str, version: str) -> HealthCheck:
    """Return how targets are asked of which nothing is known: streams by a connection, all else by a request."""
    if version == "GRPC":
        return HealthCheck(protocol, path=_GRPC_DEFAULT, matcher=_GRPC_CODES)
    return HealthCheck(protocol if version else "TCP")


def _probed(probe: Probe | None, default: HealthCheck, version: str) -> HealthCheck | None:
    """Return a readiness probe as a health check, None for one that this target group cannot ask."""
    if probe is None or not _can_ask(probe, version):
        return None
    interval = _within(probe.period, _INTERVAL)
    found = replace(
        default,
        port=str(probe.port or ""),
        interval=interval,
        timeout=min(_within(probe.timeout, _TIMEOUT), interval - 1),
        healthy=_within(probe.success, _THRESHOLD),
        unhealthy=_within(probe.failure, _THRESHOLD),
    )
    if probe.path:
        return replace(found, protocol=probe.kind.upper(), path=probe.path)
    return replace(found, path=_GRPC_HEALTH) if version else found


def _can_ask(probe: Probe, version: str) -> bool:
    """Return whether a target group asks in a way that the probe's port answers.

    A group for HTTP/2 asks by HTTP/2, and the kubelet by HTTP/1.1: only the port of the traffic is known to speak both.
    """
    if probe.path and (len(probe.path) > MAX_PATH or not (probe.path.isascii() and probe.path.isprintable())):
        return False
    kinds = {"GRPC": ("grpc",), "HTTP1": ("http", "https"), "HTTP2": ("http", "https")}
    if probe.kind not in kinds.get(version, (probe.kind,)):
        return False
    return version != "HTTP2" or not probe.port


def _within(value: int, bounds: tuple[int, int]) -> int:
    return min(max(value, bounds[0]), bounds[1])
