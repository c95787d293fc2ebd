"""supportedFeatures of a GatewayClass: what follows from a provider's capabilities, by the specification's names."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.capabilities import Capabilities
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.resources import GROUP

ALWAYS = ("Gateway", "ListenerSet", "ReferenceGrant")
"""Ours alone to do: no provider is asked."""
_REQUESTS = (
    "GatewayHTTPListenerIsolation",
    "GatewayPort8080",
    "GatewayRouteHostnameIntersectionPrecedence",
)
"""Follow from the order of a frontend's entries, which every provider keeps, and from frontends being ports."""
_OF_KIND = {
    "HTTPRoute": ("HTTPRouteDestinationPortMatching", "HTTPRouteNamedRouteRule", "HTTPRouteParentRefPort"),
    "GRPCRoute": ("GRPCRouteNamedRouteRule",),
}
_OF_MODE = {
    "AllowValidOnly": "GatewayFrontendClientCertificateValidation",
    "AllowInsecureFallback": "GatewayFrontendClientCertificateValidationInsecureFallback",
}


def supported_features(can: Capabilities) -> tuple[str, ...]:
    """Return the features that can be claimed, sorted; `can.features` are those that nothing else tells."""
    return tuple(sorted({*ALWAYS, *can.features, *_features(can)} - can.unclaimed))


def _features(can: Capabilities) -> Iterator[str]:
    kinds = {kind for takers in can.kinds.values() for kind in takers if route_kinds()[kind].group == GROUP}
    for kind in kinds:
        yield kind
        yield from _OF_KIND.get(kind, ())
    if "HTTP" in can.kinds:
        yield from _REQUESTS
    if "TLSRoute" in kinds and "Terminate" in can.tls_modes:
        yield "TLSRouteModeTerminate"
    yield from (_OF_MODE[mode] for mode in can.client_validation)
    if can.address_types:
        yield from ("GatewayAddressEmpty", "GatewayStaticAddresses")
    if can.backend_tls:
        yield "BackendTLSPolicy"
