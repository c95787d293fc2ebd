"""A graph and its load balancer from plain objects, for a provider that can do everything unless a test says less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.capabilities import Capabilities
from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.config import Config
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.graph import Graph
from reconciler.gatewayapi.read import take_snapshot
from reconciler.ir import BackendSettings, LoadBalancer
from reconciler.keys import ConfigMapRef, GatewayKey
from reconciler.values import Json, frozen_map
from tests.builders import CLUSTER, CONTROLLER

KEY = GatewayKey(CLUSTER, "infra", "gw")
EVERYTHING = Capabilities(
    features=("Gateway",),
    kinds=frozen_map(
        {
            "HTTP": ("HTTPRoute", "GRPCRoute"),
            "HTTPS": ("HTTPRoute", "GRPCRoute"),
            "TLS": ("TLSRoute",),
            "TCP": ("TCPRoute",),
            "UDP": ("UDPRoute",),
        }
    ),
    client_validation=("AllowValidOnly", "AllowInsecureFallback"),
    address_types=("IPAddress", "Hostname"),
    tls_modes=("Passthrough", "Terminate"),
    backend_tls=True,
    well_known_ca=("System",),
    node_families=("IPv4",),
)
CA = CaBundle(ConfigMapRef("a", "ca"), "PEM", "digest")


@dataclass(frozen=True)
class AnyCloud:
    """Stands for a provider where only its capabilities matter."""

    can: Capabilities = EVERYTHING
    name: str = "memory"

    def capabilities(self, config: Config) -> Capabilities:
        """Return what was given."""
        del config
        return self.can

    def check(self, config: Config) -> tuple[str, ...]:
        """Nothing is ever wrong."""
        del config
        return ()

    def refused(self, base: Config, own: Mapping[str, Json]) -> tuple[str, ...]:
        """Nothing is refused."""
        del base, own
        return ()

    def check_backend(self, settings: BackendSettings, protocol: str) -> tuple[str, ...]:
        """All can be done."""
        del settings, protocol
        return ()


@dataclass(frozen=True)
class World:
    """Plain objects and the bundles that were read of them."""

    objects: tuple[dict[str, Any], ...]
    bundles: tuple[CaBundle, ...] = (CA,)
    certificates: tuple[CertificateFacts, ...] = ()
    cloud: AnyCloud = field(default_factory=AnyCloud)

    def graph(self) -> Graph:
        """Return the graph of Gateway infra/gw."""
        snapshot = take_snapshot(KEY, CONTROLLER, self.objects, (*self.certificates, *self.bundles), "v1.7.0")
        return attach(snapshot, self.cloud)

    def lb(self) -> LoadBalancer:
        """Return the load balancer that it means."""
        return compile_ir(self.graph()).lb
