"""What of an object matters to a run, read from plain dicts: a digest of it, and what it refers to. Pure.

Our own writes (status, the provider's annotations and finalizers) are left out of the digest: they wake nobody.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kube import kinds
from kube.links import Name
from reconciler.gatewayapi.read import SERVICE_LABEL
from reconciler.gatewayapi.references import configs_named, gateways_named, secrets_wanted, services_named
from reconciler.gatewayapi.values import items, mapping, text

GRANTS = "grants of"
"""Kind of a `Name` that stands for all ReferenceGrants of a namespace."""
ROUTES = frozenset(kind.name for kind in kinds.ROUTES)
_USERS = "routewright.dev/"
"""Prefix of the annotations that users set for us; ours carry the provider in front."""
_APART = frozenset({"apiVersion", "kind", "metadata", "status"})


def name_of(kind: str, item: Mapping[str, Any]) -> Name:
    """Return an object's name; all names of a namespace share its text."""
    meta = mapping(item.get("metadata"))
    return kind, sys.intern(text(meta.get("namespace"))), text(meta.get("name"))


def digest_of(kind: str, item: Mapping[str, Any]) -> bytes:
    """Return a digest of what matters: all but status, and of the metadata identity, labels and users' annotations."""
    meta = mapping(item.get("metadata"))
    annotations = mapping(meta.get("annotations"))
    body: dict[str, Any] = {} if kind == "Namespace" else {k: v for k, v in item.items() if k not in _APART}
    body["metadata"] = {
        "uid": meta.get("uid"),
        "labels": meta.get("labels"),
        "deleted": bool(meta.get("deletionTimestamp")),
        "annotations": {key: value for key, value in annotations.items() if key.startswith(_USERS)},
    }
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=12).digest()


def targets_of(kind: str, item: Mapping[str, Any]) -> frozenset[Name]:
    """Return what an object refers to, whether it is there or not."""
    if kind in ROUTES:
        return frozenset(_of_route(item))
    if kind in ("Gateway", "GatewayClass"):
        return frozenset(_of_parent(kind, item))
    return frozenset()


def _of_route(item: Mapping[str, Any]) -> Iterator[Name]:
    here = text(mapping(item.get("metadata")).get("namespace"))
    yield "Namespace", "", here
    for namespace, name in services_named(item):
        yield "Service", namespace, name
        if namespace != here:
            yield GRANTS, "", namespace


def _of_parent(kind: str, item: Mapping[str, Any]) -> Iterator[Name]:
    for _, config, namespace, name in configs_named(item):
        yield config, namespace, name
    if kind == "Gateway":
        yield "GatewayClass", "", text(mapping(item.get("spec")).get("gatewayClassName"))
        here = text(mapping(item.get("metadata")).get("namespace"))
        for ref in secrets_wanted(item):
            yield "Secret", ref.namespace, ref.name
            if ref.namespace != here:
                yield GRANTS, "", ref.namespace


def parents_of(item: Mapping[str, Any], controller: str) -> tuple[frozenset[Name], frozenset[Name]]:
    """Return the Gateways that a Route names, and those of them that stand in status entries of ours."""
    claimed = gateways_named({"metadata": item.get("metadata"), "status": item.get("status")}, controller)
    named = gateways_named(item, controller)
    return _gateways(named), _gateways(claimed)


def _gateways(pairs: Iterable[tuple[str, str]]) -> frozenset[Name]:
    return frozenset(("Gateway", sys.intern(namespace), name) for namespace, name in pairs)


def means(kind: str, item: Mapping[str, Any]) -> Name:
    """Return the name under which others refer to an object: a slice's Service, a grant's namespace, else itself."""
    meta = mapping(item.get("metadata"))
    namespace = text(meta.get("namespace"))
    if kind == "EndpointSlice":
        return "Service", namespace, text(mapping(meta.get("labels")).get(SERVICE_LABEL))
    if kind == "ReferenceGrant":
        return GRANTS, "", namespace
    return name_of(kind, item)


def trimmed(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return as much of a Gateway as tells which Secrets it names."""
    listeners = [
        {"tls": {"certificateRefs": [dict(ref) for ref in items(mapping(one.get("tls")).get("certificateRefs"))]}}
        for one in items(mapping(item.get("spec")).get("listeners"))
    ]
    return {
        "metadata": {"namespace": text(mapping(item.get("metadata")).get("namespace"))},
        "spec": {"listeners": [one for one in listeners if one["tls"]["certificateRefs"]]},
    }
