"""Kubernetes objects for tests, plain as an API server hands them out; builders fill in what a test does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

GROUP = "gateway.networking.k8s.io"
CONTROLLER = "routewright.dev/aws"
CLUSTER = "cluster01"
GATE = "target-health.routewright.dev/ready"

type Plain = dict[str, Any]


def meta(name: str, namespace: str = "", **more: Any) -> Plain:
    """Return metadata with a UID that follows from the name."""
    base = {"name": name, "uid": f"uid-{namespace}-{name}", "generation": 1, "resourceVersion": "1"}
    base["creationTimestamp"] = "2026-01-01T00:00:00Z"
    if namespace:
        base["namespace"] = namespace
    return base | more


def gateway_class(name: str = "aws", controller: str = CONTROLLER, **spec: Any) -> Plain:
    """Return a GatewayClass."""
    spec = {"controllerName": controller, **spec}
    return {"apiVersion": f"{GROUP}/v1", "kind": "GatewayClass", "metadata": meta(name), "spec": spec}


def listener(name: str = "http", port: int = 80, protocol: str = "HTTP", **more: Any) -> Plain:
    """Return a listener that takes Routes from all namespaces."""
    base: Plain = {"name": name, "port": port, "protocol": protocol}
    return base | {"allowedRoutes": {"namespaces": {"from": "All"}}} | more


def gateway(name: str = "gw", namespace: str = "infra", listeners: Sequence[Plain] | None = None, **more: Any) -> Plain:
    """Return a Gateway; `more` goes into its metadata."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Gateway",
        "metadata": meta(name, namespace, **more),
        "spec": {"gatewayClassName": "aws", "listeners": list(listeners or [listener()])},
    }


def listener_set(
    name: str = "extra", namespace: str = "a", listeners: Sequence[Plain] | None = None, to: str = "gw", **more: Any
) -> Plain:
    """Return a ListenerSet for Gateway infra/<to>; `more` goes into its metadata."""
    ref = {"group": GROUP, "kind": "Gateway", "namespace": "infra", "name": to}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ListenerSet",
        "metadata": meta(name, namespace, **more),
        "spec": {"parentRef": ref, "listeners": list(listeners or [listener("more", 8080)])},
    }


def open_gateway(listeners: Sequence[Plain] | None = None, **spec: Any) -> Plain:
    """Return Gateway infra/gw that takes ListenerSets of all namespaces; `spec` adds to its spec."""
    item = gateway(listeners=listeners)
    item["spec"] |= {"allowedListeners": {"namespaces": {"from": "All"}}} | spec
    return item


def parent(name: str = "gw", namespace: str = "infra", **more: Any) -> Plain:
    """Return a parentRef."""
    return {"name": name, "namespace": namespace, **more}


def backend(name: str = "web", port: int = 80, **more: Any) -> Plain:
    """Return a backendRef to a Service."""
    return {"name": name, "port": port, **more}


def prefix(value: str) -> Plain:
    """Return a match of a path prefix."""
    return {"path": {"type": "PathPrefix", "value": value}}


def exact(value: str) -> Plain:
    """Return a match of an exact path."""
    return {"path": {"type": "Exact", "value": value}}


def rule(*backends: Plain, matches: Sequence[Plain] = (), **more: Any) -> Plain:
    """Return a rule."""
    base: Plain = {"backendRefs": list(backends)} if backends else {}
    return base | ({"matches": list(matches)} if matches else {}) | more


def route(
    name: str = "web",
    namespace: str = "a",
    rules: Sequence[Plain] | None = None,
    hostnames: Sequence[str] = (),
    parents: Sequence[Plain] | None = None,
    **more: Any,
) -> Plain:
    """Return an HTTPRoute; `more` goes into its metadata."""
    spec: Plain = {"parentRefs": list(parents if parents is not None else [parent()])}
    if hostnames:
        spec["hostnames"] = list(hostnames)
    spec["rules"] = list(rules if rules is not None else [rule(backend())])
    metadata = meta(name, namespace, **more)
    return {"apiVersion": f"{GROUP}/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec}


def route_of(
    kind: str, name: str = "web", namespace: str = "a", spec: Mapping[str, Any] | None = None, **more: Any
) -> Plain:
    """Return a Route of another kind on Gateway infra/gw; `more` goes into its metadata."""
    given = {"parentRefs": [parent()], "rules": [rule(backend())], **(spec or {})}
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": meta(name, namespace, **more), "spec": given}


def tls_policy(name: str = "tls", namespace: str = "a", target: str = "web", section: str = "", **more: Any) -> Plain:
    """Return a BackendTLSPolicy for a Service, trusting ConfigMap `ca`; `more` goes into its metadata."""
    ref = {"group": "", "kind": "Service", "name": target} | ({"sectionName": section} if section else {})
    ca = [{"group": "", "kind": "ConfigMap", "name": "ca"}]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "BackendTLSPolicy",
        "metadata": meta(name, namespace, **more),
        "spec": {"targetRefs": [ref], "validation": {"hostname": "web.a.svc", "caCertificateRefs": ca}},
    }


def backend_config(spec: Mapping[str, Any], name: str = "settings", namespace: str = "a", target: str = "web") -> Plain:
    """Return a BackendConfig for a Service."""
    targets = [{"group": "", "kind": "Service", "name": target}]
    return {
        "apiVersion": "routewright.dev/v1alpha1",
        "kind": "BackendConfig",
        "metadata": meta(name, namespace),
        "spec": {"targetRefs": targets, **spec},
    }


def service(name: str = "web", namespace: str = "a", ports: Sequence[int] = (80,), **spec: Any) -> Plain:
    """Return a Service; its ports are named p<number>."""
    entries = [{"name": f"p{port}", "port": port, "protocol": "TCP"} for port in ports]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(name, namespace),
        "spec": {"ports": entries, **spec},
    }


def endpoints(
    service_name: str = "web",
    namespace: str = "a",
    addresses: Sequence[str] = ("10.244.0.1",),
    port: int = 80,
    target: int = 8080,
    **conditions: bool,
) -> Plain:
    """Return an EndpointSlice of one Service port."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": meta(f"{service_name}-s", namespace, labels={"kubernetes.io/service-name": service_name}),
        "ports": [{"name": f"p{port}", "port": target, "protocol": "TCP"}],
        "endpoints": [{"addresses": [one], "conditions": {"ready": True} | conditions} for one in addresses],
    }


def node(name: str = "n1", instance: str = "i-00000000000000001", *, ready: str = "True", **more: Any) -> Plain:
    """Return a Node that is an instance of zone us-east-1a; `more` goes into its metadata."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": meta(name, **{"labels": {"topology.kubernetes.io/zone": "us-east-1a"}, **more}),
        "spec": {"providerID": f"aws:///us-east-1a/{instance}"},
        "status": {"conditions": [{"type": "MemoryPressure", "status": "True"}, {"type": "Ready", "status": ready}]},
    }


def node_service(name: str = "web", namespace: str = "a", node_port: int = 30080, **spec: Any) -> Plain:
    """Return a Service of type NodePort with port 80; `spec` adds to its spec."""
    item = service(name, namespace, **{"type": "NodePort", **spec})
    item["spec"]["ports"][0]["nodePort"] = node_port
    return item


def pod(name: str = "web-1-a", namespace: str = "a", probe: Plain | None = None, **more: Any) -> Plain:
    """Return a Pod whose only container has port 8080, named http, and a readiness probe; `more` goes into it."""
    container: Plain = {"name": "app", "image": "app", "ports": [{"name": "http", "containerPort": 8080}]}
    spec = {"containers": [container | ({"readinessProbe": probe} if probe else {}) | more]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta(name, namespace), "spec": spec}


def gated_pod(
    name: str = "web-1-a", gates: Sequence[str] = (GATE,), *, ready: bool = True, open_: bool = False, said: str = ""
) -> Plain:
    """Return a Pod with readiness gates: whether its containers are ready, and what the condition of ours says."""
    item = pod(name)
    item["spec"]["readinessGates"] = [{"conditionType": one} for one in gates]
    conditions = [{"type": "ContainersReady", "status": str(ready)}]
    if said or open_:
        conditions.append({"type": GATE, "status": str(open_), "message": said})
    return item | {"status": {"conditions": conditions}}


def http_probe(path: str = "/ready", port: int | str = 8080, **more: Any) -> Plain:
    """Return a readiness probe by HTTP."""
    return {"httpGet": {"path": path, "port": port}, **more}


def of_pods(slice_: Plain, *pods: Plain) -> Plain:
    """Return an EndpointSlice whose endpoints are these Pods, one each."""
    refs = [{"kind": "Pod", **{key: one["metadata"][key] for key in ("namespace", "name", "uid")}} for one in pods]
    paired = zip(slice_["endpoints"], refs, strict=True)
    return slice_ | {"endpoints": [endpoint | {"targetRef": ref} for endpoint, ref in paired]}


def namespace_(name: str, **labels: str) -> Plain:
    """Return a Namespace with labels."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name, labels=dict(labels))}


def grant(
    namespace: str, source: tuple[str, str], target: tuple[str, str] = ("Service", ""), name: str = "grant"
) -> Plain:
    """Return a ReferenceGrant: `source` is (kind, namespace), `target` (kind, name or "" for all)."""
    to: Plain = {"group": "", "kind": target[0]} | ({"name": target[1]} if target[1] else {})
    return {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": meta(name, namespace),
        "spec": {"from": [{"group": GROUP, "kind": source[0], "namespace": source[1]}], "to": [to]},
    }


def config(spec: Mapping[str, Any], name: str = "config", namespace: str = "infra") -> Plain:
    """Return a LoadBalancerConfig."""
    return {
        "apiVersion": "routewright.dev/v1alpha1",
        "kind": "LoadBalancerConfig",
        "metadata": meta(name, namespace),
        "spec": dict(spec),
    }


def config_ref(name: str = "config") -> Plain:
    """Return what names a LoadBalancerConfig of namespace infra, e.g. as the parametersRef of a GatewayClass."""
    return {"group": "routewright.dev", "kind": "LoadBalancerConfig", "name": name, "namespace": "infra"}


def with_service(name: str = "web", namespace: str = "a", addresses: Sequence[str] = ("10.244.0.1",)) -> list[Plain]:
    """Return a Service with its EndpointSlice."""
    return [service(name, namespace), endpoints(name, namespace, addresses)]
