"""Names of a load balancer on the network: its DNS name as AWS forms it, and the loopback address it has here."""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet


def dns_name(name: str, kind: str, scheme: str, identity: str, region: str) -> str:
    """Return the public form of a DNS name; it derives from the name and is never given twice."""
    prefix = "internal-" if scheme == "internal" and kind == "application" else ""
    if kind == "application":
        return f"{prefix}{name}-{int(identity[:8], 16)}.{region}.elb.amazonaws.com"
    return f"{name}-{identity}.elb.{region}.amazonaws.com"


def loopback_address(name: str, taken: AbstractSet[str]) -> str:
    """Return an address in 127.0.0.0/8 that depends on `name` alone, unless that one is `taken`."""
    attempt = 0
    while True:
        digest = hashlib.sha256(f"{name}/{attempt}".encode()).digest()
        address = f"127.{10 + digest[0] % 240}.{digest[1]}.{2 + digest[2] % 252}"
        if address not in taken:
            return address
        attempt += 1
