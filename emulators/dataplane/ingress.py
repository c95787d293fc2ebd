"""Whether security groups let a client reach a listener port. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

Permission = Mapping[str, Any]
_ANY = "-1"


def opens(permissions: Iterable[Permission], protocol: str, port: int, client: str) -> bool:
    """Tell whether an ingress permission admits `client` (an IP address) to `port` by `protocol` (tcp or udp)."""
    return any(
        _covers(permission, protocol, port) and _admits(permission, ipaddress.ip_address(client))
        for permission in permissions
    )


def _covers(permission: Permission, protocol: str, port: int) -> bool:
    if permission["IpProtocol"] == _ANY:
        return True
    first, last = int(permission.get("FromPort", 0)), int(permission.get("ToPort", 65535))
    return permission["IpProtocol"] in {protocol, {"tcp": "6", "udp": "17"}[protocol]} and first <= port <= last


def _admits(permission: Permission, client: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    blocks = [block["CidrIp"] for block in permission.get("IpRanges", ())]
    blocks += [block["CidrIpv6"] for block in permission.get("Ipv6Ranges", ())]
    return any(client in ipaddress.ip_network(block, strict=False) for block in blocks)
