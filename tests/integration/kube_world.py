"""What the tests of the cluster edge start from: plain objects, statuses, and a cluster as our own identity sees it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from emulators.cluster.build import crds
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from emulators.cluster.pki import Authority
from kube.api import Api
from kube.auth import connect
from kube.cluster import KubeCluster
from reconciler.config import Placement
from reconciler.events import Trigger
from reconciler.gatewayapi.resources import GROUP, Holder, ParentRef
from reconciler.gatewayapi.status import Condition, ParentStatus, RouteStatus, StatusUpdate
from reconciler.mark import Mark, State

INFRA = Path(__file__).parents[2] / "infra"
CONTROLLER = "routewright.dev/aws"
V1 = f"{GROUP}/v1"
CONFIG = "routewright.dev/v1alpha1"
ROUTES = f"/apis/{V1}/namespaces/shop/httproutes"
type Plain = dict[str, Any]


@contextmanager
def edge_plane() -> Iterator[ControlPlane]:
    """Start a control plane with our kinds, our rights, a class of ours and a foreign one."""
    with ControlPlane() as plane:
        plane.install_crds(crds(), INFRA / "crds")
        plane.apply(yaml.safe_load_all((INFRA / "rbac.yaml").read_text()))
        for name in ("infra", "shop", "certs"):
            plane.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
        spec = {"controllerName": CONTROLLER}
        plane.apply([{"apiVersion": V1, "kind": "GatewayClass", "metadata": {"name": "ours"}, "spec": spec}])
        other = {"controllerName": "example.com/other"}
        plane.apply([{"apiVersion": V1, "kind": "GatewayClass", "metadata": {"name": "other"}, "spec": other}])
        yield plane


def cluster_of(plane: ControlPlane, user: str, groups: tuple[str, ...]) -> KubeCluster:
    return KubeCluster(Api(connect(str(plane.kubeconfig(user, groups)))), CONTROLLER, "aws")


def gateway(name: str = "gw", class_name: str = "ours", **listener: Any) -> Plain:
    one = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    return {
        "apiVersion": V1,
        "kind": "Gateway",
        "metadata": {"namespace": "infra", "name": name},
        "spec": {"gatewayClassName": class_name, "listeners": [one | listener]},
    }


def https(secret: str, namespace: str = "infra") -> Plain:
    refs = [{"name": secret, "namespace": namespace}]
    return {"protocol": "HTTPS", "port": 443, "tls": {"mode": "Terminate", "certificateRefs": refs}}


def route(name: str = "web", *parents: str, service: str = "web") -> Plain:
    rules = [{"backendRefs": [{"name": service, "port": 80}]}]
    refs = [{"name": parent, "namespace": "infra"} for parent in parents]
    return {
        "apiVersion": V1,
        "kind": "HTTPRoute",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"parentRefs": refs, "rules": rules},
    }


def open_to_sets(item: Plain) -> Plain:
    """Return a Gateway that takes ListenerSets of all namespaces."""
    return item | {"spec": item["spec"] | {"allowedListeners": {"namespaces": {"from": "All"}}}}


def listener_set(name: str = "extra", to: str = "gw", **listener: Any) -> Plain:
    """Return a ListenerSet of namespace shop for a Gateway of namespace infra, with one HTTP listener on port 8080."""
    one = {"name": "more", "port": 8080, "protocol": "HTTP"}
    return {
        "apiVersion": V1,
        "kind": "ListenerSet",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"parentRef": {"name": to, "namespace": "infra"}, "listeners": [one | listener]},
    }


def on_set(name: str = "web", listener_set_: str = "extra", service: str = "web") -> Plain:
    """Return a Route on a ListenerSet of its own namespace."""
    item = route(name, service=service)
    item["spec"]["parentRefs"] = [{"kind": "ListenerSet", "name": listener_set_}]
    return item


def _targets(service: str) -> list[Plain]:
    return [{"group": "", "kind": "Service", "name": service}]


def tls_policy(service: str = "web", name: str = "tls") -> Plain:
    """Return a BackendTLSPolicy that trusts ConfigMap `ca`."""
    refs = [{"group": "", "kind": "ConfigMap", "name": "ca"}]
    spec = {"targetRefs": _targets(service), "validation": {"hostname": "web.shop", "caCertificateRefs": refs}}
    return {"apiVersion": V1, "kind": "BackendTLSPolicy", "metadata": {"namespace": "shop", "name": name}, "spec": spec}


def ca_bundle(content: str = "garbage") -> Plain:
    meta = {"namespace": "shop", "name": "ca"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"ca.crt": content}}


def backend_config(service: str = "web", **spec: Any) -> Plain:
    return {
        "apiVersion": CONFIG,
        "kind": "BackendConfig",
        "metadata": {"namespace": "shop", "name": "settings"},
        "spec": {"targetRefs": _targets(service), "drainingSeconds": 5} | spec,
    }


def service(name: str = "web") -> Plain:
    spec = {"ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop", "name": name}, "spec": spec}


def endpoints(name: str = "web", address: str = "10.244.0.1") -> Plain:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"namespace": "shop", "name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }


def tls_secret(folder: Path, name: str = "cert", namespace: str = "infra") -> Plain:
    pair = Authority(folder).server("server")
    files = {"tls.crt": pair.certificate, "tls.key": pair.key}
    data = {key: base64.b64encode(path.read_bytes()).decode() for key, path in files.items()}
    meta = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": meta, "data": data}


def grant() -> Plain:
    spec = {
        "from": [{"group": GROUP, "kind": "Gateway", "namespace": "infra"}],
        "to": [{"group": "", "kind": "Secret"}],
    }
    meta = {"namespace": "certs", "name": "gateways"}
    return {"apiVersion": f"{GROUP}/v1beta1", "kind": "ReferenceGrant", "metadata": meta, "spec": spec}


def trigger(cluster: KubeCluster, name: str = "gw") -> Trigger:
    return Trigger(cluster.cluster_id, "infra", name)


def mark(nonce: str = "n1") -> Mark:
    return Mark(State.DIRTY, Placement("123456789012", "eu-west-1", "vpc-1", ""), nonce)


def accepted(generation: int, message: str = "ok") -> Condition:
    return Condition("Accepted", "True", "Accepted", message, generation)


def route_update(item: Plain, message: str = "ok") -> StatusUpdate:
    meta = item["metadata"]
    parents = (ParentStatus(ParentRef(GROUP, "Gateway", "infra", "gw"), (accepted(meta["generation"], message),)),)
    body = RouteStatus(CONTROLLER, frozenset({Holder("Gateway", "infra", "gw")}), parents)
    return StatusUpdate("HTTPRoute", "shop", meta["name"], meta["uid"], meta["generation"], body)


def foreign_entry() -> Plain:
    condition = {"type": "Accepted", "status": "True", "reason": "Odd", "message": "theirs", "observedGeneration": 1}
    return {
        "parentRef": {"group": GROUP, "kind": "Gateway", "namespace": "infra", "name": "theirs", "port": 8080},
        "controllerName": "example.com/other",
        "conditions": [condition | {"lastTransitionTime": "2026-01-01T00:00:00Z"}],
    }


def read(admin: Objects, name: str = "gw") -> Plain:
    """Return a Gateway."""
    found = admin.get(V1, "Gateway", "infra", name)
    assert found is not None
    return found
