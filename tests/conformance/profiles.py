"""What is run of the suite: a profile with the features told to it, and the tests left out by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from providers.aws.capabilities import capabilities
from reconciler.config import Config
from reconciler.gatewayapi.features import supported_features
from tests.conformance.features import SPELLINGS, told_features

BUNDLE = "1.6.3"
"""The newest suite that the module proxy serves complete; it wants the CRDs of its own version installed."""
_CAN = capabilities(Config(scheme="internet-facing"), verifies=True)
"""What the class `routewright-aws` of `infra/gatewayclasses.yaml` can do, with a bucket for trust stores."""
_SKIPS = Path(__file__).parent / "skips.yaml"


@dataclass(frozen=True, slots=True)
class Skip:
    """A test that the cloud cannot pass.

    Attributes:
        test: name in the suite.
        fact: what the cloud lacks.
        document: where the cloud says so.
        adr: our decision on it, a file of `docs/adr`.
    """

    test: str
    fact: str
    document: str
    adr: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile of the suite: its name, its kind of Route, the features told to it, and the tests left out."""

    name: str
    kind: str
    features: tuple[str, ...]
    skips: tuple[Skip, ...]


def _skips() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(_SKIPS.read_text())
    return found


def _profile(name: str, kind: str) -> Profile:
    features = told_features(_CAN, kind, BUNDLE)
    return Profile(name, kind, features, tuple(Skip(**one) for one in _skips().get(name, ())))


PROFILES: Mapping[str, Profile] = {
    name: _profile(name, kind)
    for name, kind in (
        ("GATEWAY-HTTP", "HTTPRoute"),
        ("GATEWAY-GRPC", "GRPCRoute"),
        ("GATEWAY-TLS", "TLSRoute"),
        ("GATEWAY-TCP", "TCPRoute"),
        ("GATEWAY-UDP", "UDPRoute"),
    )
}
"""Every profile that the suite has for Gateways."""
CLAIMED = supported_features(_CAN)
UNCLAIMED_KINDS = tuple(one.kind for one in PROFILES.values() if one.kind not in CLAIMED)
UNTESTED = tuple(name for name in CLAIMED if SPELLINGS[BUNDLE].get(name, name) is None)
"""What is claimed and the suite of this bundle has no word for."""
