"""QUIC on network load balancers: what else must not be there, and the server ids of targets.

Sources: ELBv2 guide, "Create a listener for your Network Load Balancer" (prerequisites); ELBv2 API, TargetDescription
and CreateListener.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from emulators.aws.errors import AwsError, invalid
from emulators.aws.records import Listener, TargetGroup
from emulators.aws.region import Region
from emulators.aws.usage import groups_of_actions

PROTOCOLS = frozenset({"QUIC", "TCP_QUIC"})
DATAGRAMS = frozenset({"UDP", "TCP_UDP"})
_SERVER_ID = re.compile(r"0x[0-9a-f]{16}")


def check_listener(
    region: Region, wanted: Listener, actions: list[dict[str, Any]], replaced: Listener | None = None
) -> None:
    """Refuse a listener that cannot stand beside what its load balancer has, where either of them is for QUIC.

    Args:
        region: where it stands.
        wanted: as it is to be.
        actions: its default actions.
        replaced: as it was, if it is there already.

    Raises:
        AwsError: InvalidConfigurationRequest; ValidationError for a server id that two targets would have.
    """
    balancer = region.load_balancer(wanted.load_balancer_arn)
    others = [one for one in balancer.listeners.values() if one is not replaced]
    if wanted.protocol in DATAGRAMS and any(one.protocol in PROTOCOLS for one in others):
        raise _refused(f"A {wanted.protocol} listener is not allowed on a load balancer that has a QUIC listener")
    if wanted.protocol not in PROTOCOLS:
        return
    if balancer.security_groups:
        raise _refused(f"A {wanted.protocol} listener is not allowed on a load balancer with security groups")
    if balancer.ip_address_type != "ipv4":
        raise _refused(f"A {wanted.protocol} listener is not allowed on a dualstack load balancer")
    if any(one.protocol in PROTOCOLS for one in others):
        raise _refused("Only one QUIC or TCP_QUIC listener is allowed on a load balancer")
    if any(one.protocol in DATAGRAMS for one in others):
        raise _refused(f"A {wanted.protocol} listener is not allowed on a load balancer that has a UDP listener")
    _check_unique(region.target_group(arn) for arn in groups_of_actions(actions))


def checked_server_id(group: TargetGroup, given: dict[str, Any]) -> str | None:
    """Return the server id of a target to register: required with QUIC, refused without. Raises AwsError."""
    found = given.get("QuicServerId")
    if group.protocol not in PROTOCOLS:
        if found is not None:
            raise invalid(f"A QUIC server ID cannot be specified for targets of the protocol {group.protocol}")
        return None
    if found is None:
        raise invalid(f"A QUIC server ID must be specified for targets of the protocol {group.protocol}")
    if not _SERVER_ID.fullmatch(found):
        raise invalid(f"The QUIC server ID '{found}' must be 0x followed by 16 hexadecimal characters in lower case")
    return str(found)


def check_server_ids(region: Region, group: TargetGroup) -> None:
    """Refuse targets of a group whose server ids others of it, or of its listener, have. Raises AwsError."""
    if group.protocol not in PROTOCOLS:
        return
    _check_unique([group])
    for balancer in region.load_balancers.values():
        for rule in balancer.rules:
            arns = groups_of_actions(rule.actions)
            if group.arn in arns:
                _check_unique(region.target_group(arn) for arn in arns)


def _check_unique(groups: Iterable[TargetGroup]) -> None:
    ids = Counter(
        target.server_id
        for group in groups
        for target in group.targets.values()
        if target.server_id is not None and target.draining_since is None
    )
    if twice := [name for name, count in ids.items() if count > 1]:
        raise invalid(f"The QUIC server ID '{twice[0]}' is already in use on the listener")


def _refused(message: str) -> AwsError:
    return AwsError("InvalidConfigurationRequest", message)
