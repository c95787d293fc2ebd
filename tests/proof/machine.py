"""A stage without traffic: real API server, emulated AWS in a process of its own, and the functions between them.

Nobody runs Pods or carries requests; EndpointSlices are objects like any other.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from demo.stage import ROUTE, Stage

GATEWAY = ("gateway.networking.k8s.io/v1", "Gateway")
type Plain = dict[str, Any]


class Machine(Stage):
    """A stage without kubelet and data plane."""

    def _start(self, stack: ExitStack) -> None:
        self._start_cluster_and_cloud(stack)
        self.plane.apply(namespace(name) for name in ("infra", "a"))
        self._start_functions(stack)

    def _start_functions(self, stack: ExitStack) -> None:
        self._start_runner(stack)

    def programmed(self, name: str) -> bool:
        """Return whether a Gateway of namespace infra is Programmed."""
        item = self.admin.get(*GATEWAY, "infra", name) or {}
        conditions = {one["type"]: one["status"] for one in item.get("status", {}).get("conditions", ())}
        return conditions.get("Programmed") == "True"


def namespace(name: str) -> Plain:
    """Return a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def gateway(name: str, *ports: int) -> Plain:
    """Return a Gateway in namespace infra with an HTTP listener a port, 80 if none is given."""
    routes = {"namespaces": {"from": "All"}}
    listeners = [
        {"name": f"p{port}", "port": port, "protocol": "HTTP", "allowedRoutes": routes} for port in ports or (80,)
    ]
    spec = {"gatewayClassName": "routewright-aws", "listeners": listeners}
    return {
        "apiVersion": GATEWAY[0],
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "infra"},
        "spec": spec,
    }


def route(name: str, gateways: list[str], paths: list[str], service: str = "web") -> Plain:
    """Return a Route of namespace a with a rule a path."""
    rules = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "backendRefs": [{"name": service, "port": 80}],
        }
        for path in paths
    ]
    parents = [{"name": one, "namespace": "infra"} for one in gateways]
    spec = {"parentRefs": parents, "rules": rules}
    return {"apiVersion": ROUTE[0], "kind": "HTTPRoute", "metadata": {"name": name, "namespace": "a"}, "spec": spec}


def backend(name: str, *addresses: str) -> list[Plain]:
    """Return a Service of namespace a without a selector, and its EndpointSlice."""
    meta = {"name": name, "namespace": "a"}
    service = {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in addresses],
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        },
    ]
