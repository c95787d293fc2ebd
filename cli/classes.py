"""The GatewayClasses that we ship, for input that names them without bringing them.

`infra/gatewayclasses.yaml` is the same for clusters; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.gatewayapi.values import mapping, text

_API = "gateway.networking.k8s.io/v1"
_CONFIG = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "namespace": "routewright-system"}

SHIPPED: Mapping[str, tuple[dict[str, Any], ...]] = {
    "routewright-aws": (
        {
            "apiVersion": _API,
            "kind": "GatewayClass",
            "metadata": {"name": "routewright-aws"},
            "spec": {
                "controllerName": "routewright.dev/aws",
                "description": "AWS load balancers that face the internet",
                "parametersRef": {**_CONFIG, "name": "routewright-aws"},
            },
        },
        {
            "apiVersion": "routewright.dev/v1alpha1",
            "kind": "LoadBalancerConfig",
            "metadata": {"name": "routewright-aws", "namespace": "routewright-system"},
            "spec": {"scheme": "internet-facing"},
        },
    ),
    "routewright-aws-internal": (
        {
            "apiVersion": _API,
            "kind": "GatewayClass",
            "metadata": {"name": "routewright-aws-internal"},
            "spec": {
                "controllerName": "routewright.dev/aws",
                "description": "AWS load balancers inside the VPC",
            },
        },
    ),
}


def shipped_for(objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the shipped objects of the classes that Gateways name and that are absent."""
    present = list(objects)
    names = {_class_name(item) for item in present if item.get("kind") == "Gateway"}
    have = {text(mapping(item.get("metadata")).get("name")) for item in present if item.get("kind") == "GatewayClass"}
    return [item for name, items in SHIPPED.items() if name in names - have for item in items]


def _class_name(gateway: Mapping[str, Any]) -> str:
    return text(mapping(gateway.get("spec")).get("gatewayClassName"))
