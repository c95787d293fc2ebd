"""Which features a run of the suite is told of: what a GatewayClass of ours claims, in the words of the suite's bundle.

Nothing is listed here a second time: the claims are those that status reports, so claims and tests cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.capabilities import Capabilities
from reconciler.gatewayapi.features import supported_features
from reconciler.gatewayapi.kinds import BUILT_IN

CORE = ("Gateway", "ReferenceGrant")
"""Core in every profile, beside the profile's own kind of Route; the suite adds them by itself."""
UNCOUNTED = frozenset({"GRPCRouteNamedRouteRule", "GRPCRouteRequestHeaderModifier"})
"""In no profile of the suite: their tests run where they are claimed, and no report counts them."""
SPELLINGS: Mapping[str, Mapping[str, str | None]] = {
    "1.6.3": {
        "GRPCRouteRequestHeaderModifier": None,
        "GatewayRouteHostnameIntersectionPrecedence": None,
        "HTTPRouteBackendURLRewrite": None,
        "HTTPRouteRetryCodes": "HTTPRouteRetry",
    },
    "1.7.0": {},
}
"""By bundle: what it calls a feature that v1.7 names otherwise; None if it has none. Source: its pkg/features."""
_KINDS = tuple(kind.name for kind in BUILT_IN)


def told_features(can: Capabilities, kind: str, bundle: str) -> tuple[str, ...]:
    """Return the features to tell the suite for the profile of a kind of Route, sorted.

    A kind that is not claimed runs with what the provider holds back for it, so that its profile tries all there is.
    Raises KeyError for a bundle whose spellings nobody wrote down.
    """
    held_back = frozenset(name for name in can.unclaimed if name.startswith(kind))
    if kind in held_back:
        can = replace(can, unclaimed=can.unclaimed - held_back)
    names = {*CORE, kind, *supported_features(can)}
    return tuple(sorted(_spelled((name for name in names if _belongs(name, kind)), SPELLINGS[bundle])))


def counted_extended(features: Iterable[str], kind: str) -> tuple[str, ...]:
    """Return those of the features that the report of the kind's profile has to list as extended."""
    return tuple(name for name in features if name not in {*CORE, kind, *UNCOUNTED})


def _belongs(feature: str, kind: str) -> bool:
    """Return whether a profile's run is about a feature: its own kind's, or no kind's at all."""
    return feature.startswith(kind) or not feature.startswith(_KINDS)


def _spelled(features: Iterable[str], spellings: Mapping[str, str | None]) -> Iterable[str]:
    for feature in features:
        if (name := spellings.get(feature, feature)) is not None:
            yield name
