"""Identity: Gateways, Routes, Service ports and Secrets by name. They print as messages name them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class GatewayKey:
    """A Gateway in a cluster; `cluster` is the cluster's id, not its display name."""

    cluster: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"gateway/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class RouteKey:
    """A Route of any kind, e.g. `RouteKey("HTTPRoute", "team-a", "shop")`."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class ServicePort:
    """A port, by number, of a Service."""

    namespace: str
    name: str
    port: int

    def __str__(self) -> str:
        return f"service/{self.namespace}/{self.name}:{self.port}"


@dataclass(frozen=True, slots=True, order=True)
class ConfigMapRef:
    """A ConfigMap by name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"configmap/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class SecretRef:
    """A Secret by name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"secret/{self.namespace}/{self.name}"
