"""Nodes as targets of a Service port, in place of its endpoints: which of them count, and what a Service has to be.

kube-proxy takes on every Node what comes to a node port, and passes it on to the endpoints: to any of them, or with
externalTrafficPolicy Local to those of the Node alone. Which Nodes have some then is left to the health check that
kube-proxy answers (Kubernetes, "Traffic policies"): Pods come and go without a target registered or deregistered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.gatewayapi.resources import Node, Service, ServicePortSpec
from reconciler.ir import BackendSettings, Endpoint, HealthCheck

WITH_NODE_PORTS = ("NodePort", "LoadBalancer")
"""Types of Services that have node ports."""
_PATH, _CODES = "/healthz", "200"
"""What kube-proxy answers on healthCheckNodePort: 200 where the Node has an endpoint, else 503."""
_OWN_CHECK = frozenset({"protocol", "path", "port", "matcher"})
"""Fields of a health check that say what is asked: whoever sets one asks for himself."""


def node_endpoints(nodes: Iterable[Node], port: int) -> tuple[Endpoint, ...]:
    """Return the Nodes that count, with a node port, sorted.

    Those that no label excludes, that are not being deleted and are Ready. Where none is Ready the others count: that
    all Nodes fall silent at once says more of the control plane than of them, and health checks see what really is.
    """
    possible = [one for one in nodes if one.provider_id and not one.excluded and not one.meta.deleted]
    counted = [one for one in possible if one.ready] or possible
    return tuple(sorted(Endpoint(one.provider_id, port, one.zone, one.meta.name, one.ready) for one in counted))


def node_family(service: Service) -> str:
    """Return the family by which a Service's node ports are reached: IPv4 where it has both."""
    return "IPv6" if service.families and "IPv4" not in service.families else "IPv4"


def node_check(service: Service, settings: BackendSettings, check: HealthCheck) -> HealthCheck | None:
    """Return how kube-proxy is asked whether a Node has endpoints of a Service, None where nobody is to ask.

    Times and thresholds are those of `check`; a BackendConfig that says itself what is asked is left alone.
    """
    if not service.local or not service.health_port or _OWN_CHECK & set(settings.health):
        return None
    times = {"interval": check.interval, "timeout": check.timeout}
    counts = {"healthy": check.healthy, "unhealthy": check.unhealthy}
    return HealthCheck("HTTP", _PATH, str(service.health_port), **times, **counts, matcher=_CODES)


def without_node_port(service: Service, port: ServicePortSpec, families: Iterable[str]) -> Iterator[str]:
    """Yield why Nodes cannot be targets of a Service port, a sentence each; `families`: those a provider can take."""
    name, known = f"Service {service.meta.namespace}/{service.meta.name}", tuple(families)
    if not known:
        yield "spec.targetType: instance targets are not offered here; leave it out"
    elif service.type not in WITH_NODE_PORTS:
        kinds = " or ".join(WITH_NODE_PORTS)
        yield f"spec.targetType: {name} is of type {service.type}, which has no node ports; make it {kinds}"
    elif not port.node_port:
        yield f"spec.targetType: port {port.port} of {name} has no node port; let the Service have one"
    elif node_family(service) not in known:
        yield f"spec.targetType: {name} is {node_family(service)} only, and instance targets are not; leave it out"
