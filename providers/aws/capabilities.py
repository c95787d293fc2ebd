"""What an Application Load Balancer can honour, as plain data."""

from __future__ import annotations

from reconciler.ir import Capabilities, Config, frozen_map

CERTIFICATE_OPTION = "routewright.dev/certificate-arn"
FEATURES = (
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteMethodMatching",
    "HTTPRoutePathRedirect",
    "HTTPRoutePortRedirect",
    "HTTPRouteSchemeRedirect",
)
"""Beyond what follows from the other capabilities. Query parameters are not claimed: an ALB ignores their case."""


def capabilities(config: Config) -> Capabilities:
    """Return what an ALB can honour; the same for every scheme."""
    del config
    return Capabilities(
        features=FEATURES,
        kinds=frozen_map(
            {
                "HTTP": ("HTTPRoute",),
                "HTTPS": ("HTTPRoute", "GRPCRoute"),
                "TLS": ("TLSRoute",),
                "TCP": ("TCPRoute",),
                "UDP": ("UDPRoute",),
            }
        ),
        tls_modes=("Passthrough", "Terminate"),
        cloud_certificate_option=CERTIFICATE_OPTION,
    )
