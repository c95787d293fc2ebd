"""The kinds that the cluster edge reads: where the API server keeps each, and whether it may be absent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.resources import GROUP

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object. `optional`: a cluster that does not serve it simply has none."""

    name: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    optional: bool = False

    @property
    def api_version(self) -> str:
        """As it stands in an object's `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of an object, of the kind in a namespace, or of the kind in the whole cluster."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        middle = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{root}{middle}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


GATEWAY_CLASS = Kind("GatewayClass", "gatewayclasses", GROUP, namespaced=False)
GATEWAY = Kind("Gateway", "gateways", GROUP)
ROUTES = tuple(
    Kind(kind.name, kind.plural, kind.group, kind.version, optional=kind.optional) for kind in route_kinds().values()
)
"""Of all Route kinds, those of other packages included: they name Gateways and are named by nobody."""
REFERENCE_GRANT = Kind("ReferenceGrant", "referencegrants", GROUP, "v1beta1")
NAMESPACE = Kind("Namespace", "namespaces", namespaced=False)
SERVICE = Kind("Service", "services")
SECRET = Kind("Secret", "secrets")
CONFIG_MAP = Kind("ConfigMap", "configmaps")
NODE = Kind("Node", "nodes", namespaced=False)
ENDPOINT_SLICE = Kind("EndpointSlice", "endpointslices", "discovery.k8s.io")
POD = Kind("Pod", "pods")
LISTENER_SET = Kind("ListenerSet", "listenersets", GROUP, optional=True)
TLS_POLICY = Kind("BackendTLSPolicy", "backendtlspolicies", GROUP, optional=True)
BACKEND_CONFIG = Kind("BackendConfig", "backendconfigs", "routewright.dev", "v1alpha1", optional=True)
POLICIES = (TLS_POLICY, BACKEND_CONFIG)
"""They name Services and are named by nobody."""
SEARCHED = (*ROUTES, LISTENER_SET, *POLICIES)
"""What no other object leads to: it has to be searched for."""
LOAD_BALANCER_CONFIG = Kind("LoadBalancerConfig", "loadbalancerconfigs", "routewright.dev", "v1alpha1", optional=True)
CRD = Kind("CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io", namespaced=False)

WATCHED = (
    GATEWAY_CLASS,
    GATEWAY,
    LISTENER_SET,
    *ROUTES,
    *POLICIES,
    REFERENCE_GRANT,
    NAMESPACE,
    SERVICE,
    ENDPOINT_SLICE,
    LOAD_BALANCER_CONFIG,
)
"""What the watcher follows, in the order in which it lists them first."""
ON_DEMAND = (NODE,)
"""What the watcher follows only while something asks for it: Nodes are many, and change all the time."""
POLLED = (SECRET, CONFIG_MAP)
"""What is read one by one, where it is named: a right to watch it would be a right to read all of it."""
BY_NAME = {kind.name: kind for kind in (*WATCHED, *ON_DEMAND, *POLLED)}


def is_name(text: str) -> bool:
    """Return whether an object can have this name. Source: RFC 1123 subdomains, as the API server takes them."""
    return _NAME.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """Return whether a Service or Namespace can have this name. Source: RFC 1123 labels."""
    return _LABEL.fullmatch(text) is not None
