"""Nodes become the typed views of `resources`: as much of one as says whether a load balancer may send to it. Total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.gatewayapi.resources import Node
from reconciler.gatewayapi.values import items, mapping, read_meta, text

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
"""A label that counts by being there, whatever its value (Kubernetes, Well-Known Labels)."""
ZONE = "topology.kubernetes.io/zone"


def read_node(item: Mapping[str, Any]) -> Node:
    """Return the view of a Node; one whose kubelet is silent (Ready is Unknown) is not ready."""
    meta = read_meta(item)
    conditions = items(mapping(item.get("status")).get("conditions"))
    return Node(
        meta=meta,
        provider_id=text(mapping(item.get("spec")).get("providerID")),
        zone=meta.labels.get(ZONE, ""),
        ready=any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions),
        excluded=EXCLUDED in meta.labels,
    )
