"""What an Application Load Balancer can honour, as plain data."""

from __future__ import annotations

from providers.aws.client_certificates import MOST_VERIFIED
from providers.aws.config import read_aws
from providers.aws.instances import FAMILIES
from providers.aws.quic import QUIC
from reconciler.capabilities import Capabilities
from reconciler.config import Config
from reconciler.values import frozen_map

CERTIFICATE_OPTION = "routewright.dev/certificate-arn"
FEATURES = (
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteMethodMatching",
    "HTTPRoutePathRedirect",
    "HTTPRoutePortRedirect",
    "HTTPRouteSchemeRedirect",
)
"""Beyond what follows from the other capabilities. Query parameters are not claimed: an ALB ignores their case."""

UNCLAIMED = frozenset(
    {
        "GatewayPort8080",  # with it come redirects from HTTPS to HTTP, which an ALB refuses
        "GRPCRoute",  # an ALB speaks HTTP/2 to clients on HTTPS listeners only, never in clear
        "GRPCRouteNamedRouteRule",  # as GRPCRoute
        "TLSRoute",  # an NLB cannot choose by SNI: one TLSRoute a port, its hostnames not enforced
        "TLSRouteModeTerminate",  # as TLSRoute
    }
)
"""Work as far as the comments say; see `Capabilities.unclaimed`."""

VERIFIED = "GatewayFrontendClientCertificateValidation"


def capabilities(config: Config, *, verifies: bool) -> Capabilities:
    """Return what an ALB and an NLB can honour; the same for every scheme.

    Where the NLB may carry QUIC it cannot carry UDP (`quic`), and its addresses cannot be chosen (`unified`).
    A deployment that cannot make trust stores (`verifies`) claims none, and says so of each listener that needs one.
    """
    quic = read_aws(config).quic
    return Capabilities(
        features=FEATURES,
        kinds=frozen_map(
            {
                "HTTP": ("HTTPRoute",),
                "HTTPS": ("HTTPRoute", "GRPCRoute"),
                "TLS": ("TLSRoute",),
                "TCP": ("TCPRoute",),
                **({} if quic else {"UDP": ("UDPRoute",)}),
            }
        ),
        carries=(QUIC,) if quic else (),
        once=(QUIC,),
        unclaimed=UNCLAIMED if verifies else UNCLAIMED | {VERIFIED},
        address_types=() if quic else ("IPAddress",),
        tls_modes=("Passthrough", "Terminate"),
        client_validation=("AllowValidOnly", "AllowInsecureFallback"),
        max_verified_ports=MOST_VERIFIED,
        cloud_certificate_option=CERTIFICATE_OPTION,
        node_families=FAMILIES,
    )
