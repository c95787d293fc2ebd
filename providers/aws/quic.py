"""QUIC on a Network Load Balancer: which one may carry it, and the server ids of its targets.

AWS takes a QUIC listener only on a load balancer without security groups, dual stack and UDP listeners, and only one
(ELBv2 guide, "Create a listener for your Network Load Balancer"). Whether a load balancer has security groups is
settled when it is made, so a GatewayClass says beforehand that its streams may be QUIC: `spec.aws.quic`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from reconciler.config import Config

QUIC = "QUIC"
OPEN_NLB = "nlb-open"
"""Stands for the NLB in names where it has no security groups: that one can never become the other."""


def clashes(config: Config) -> Iterator[str]:
    """Yield what cannot be kept where QUIC may be carried, a sentence each."""
    if config.cloud.get("quic") is not True:
        return
    if config.source_ranges:
        yield "spec.aws.quic: without security groups nobody keeps sourceRanges; take one of them away"
    if config.cloud.get("securityGroups"):
        yield "spec.aws.quic: AWS takes QUIC only without securityGroups; take one of them away"
    if config.address_type == "dualstack":
        yield "spec.aws.quic: AWS takes no QUIC on a dualstack load balancer; use addressType ipv4"
    if config.cloud.get("addressMode") == "unified":
        yield "spec.aws.quic: the load balancer for QUIC stands in front of nothing; use addressMode split"


def server_id(address: str, port: int) -> str:
    """Return the server id of a target, which a server can work out for itself and puts into its connection ids.

    The first 16 hexadecimal digits of the SHA-256 of `<address>:<port>`: alike in every run, and different for the
    targets of a listener (ELBv2 API, TargetDescription).
    """
    return "0x" + hashlib.sha256(f"{address}:{port}".encode()).hexdigest()[:16]
