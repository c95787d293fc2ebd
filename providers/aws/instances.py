"""Nodes as EC2 instances: what a target group of TargetType instance is filled with. Pure."""

from __future__ import annotations

import re

INSTANCE, IP = "instance", "ip"
"""Target types of the target groups that pools become (ELBv2 API, CreateTargetGroup)."""
FAMILIES = ("IPv4",)
"""An instance takes IPv6 only at a primary IPv6 address, which a Node does not tell of (ELBv2 guide, "Target groups").
"""
_PROVIDER_ID = re.compile(r"aws:///[a-z0-9-]*/(i-[0-9a-f]{8,17})")


def instance_id(provider_id: str) -> str:
    """Return the instance id in a Node's `spec.providerID`, "" for what is no EC2 instance.

    Those are Fargate Pods (`aws:///<zone>/<task>/fargate-ip-...`), hybrid Nodes and Nodes of other clouds: no load
    balancer can send to them by id.
    """
    found = _PROVIDER_ID.fullmatch(provider_id)
    return found[1] if found else ""
