"""What is run of the suite: a profile with the features claimed for it, and the tests left out by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

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
    """A profile of the suite: its name, the features claimed, and the tests left out."""

    name: str
    features: tuple[str, ...]
    skips: tuple[Skip, ...]


def _skips() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(_SKIPS.read_text())
    return found


def _profile(name: str, *features: str) -> Profile:
    return Profile(name, features, tuple(Skip(**one) for one in _skips().get(name, ())))


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        _profile("GATEWAY-HTTP", "Gateway", "HTTPRoute", "ReferenceGrant"),
        _profile("GATEWAY-TCP", "Gateway", "TCPRoute", "ReferenceGrant"),
        _profile("GATEWAY-UDP", "Gateway", "UDPRoute", "ReferenceGrant"),
    )
}
