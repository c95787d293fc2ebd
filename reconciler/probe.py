"""A readiness probe, as far as somebody else than the kubelet can ask it. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probe:
    """How a container is asked whether it is ready: Kubernetes' readinessProbe with its defaults; seconds for times.

    What only the kubelet can ask (a command, another host, headers of its own) is no Probe: see `read_probe`.

    Attributes:
        kind: http, https, grpc or tcp.
        port: that is asked, a number; 0 for the endpoint's own.
        path: of a request; "" for grpc and tcp.
        success, failure: answers in a row that make it ready, and not ready.
    """

    kind: str
    port: int
    path: str
    period: int
    timeout: int
    success: int
    failure: int
