"""What of an object matters to a run, read from plain dicts: a digest of it, and what it refers to. Pure.

Our own writes (status, the provider's annotations and finalizers) are left out of the digest: they wake nobody.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from kube import kinds
from kube.links import Name
from reconciler.gatewayapi.backend_config import KIND as BACKEND_CONFIG
from reconciler.gatewayapi.backend_config import by_nodes
from reconciler.gatewayapi.read import SERVICE_LABEL
from reconciler.gatewayapi.read_nodes import read_node
from reconciler.gatewayapi.references import (
    ancestors_claimed,
    configmaps_named,
    configmaps_wanted,
    configs_named,
    gateway_of_set,
    parents_claimed,
    parents_named,
    secrets_named,
    secrets_wanted,
    services_named,
    services_targeted,
)
from reconciler.gatewayapi.values import items, mapping, text

GRANTS = "grants of"
"""Kind of a `Name` that stands for all ReferenceGrants of a namespace."""
NODES = ("Node", "", "")
"""A `Name` that stands for all Nodes."""
ROUTES = frozenset(kind.name for kind in kinds.ROUTES)
POLICIES = frozenset(kind.name for kind in kinds.POLICIES)
HOLDERS = ("Gateway", "ListenerSet")
"""What listeners stand in."""
_USERS = "routewright.dev/"
"""Prefix of the annotations that users set for us; ours carry the provider in front."""
_APART = frozenset({"apiVersion", "kind", "metadata", "status"})


def name_of(kind: str, item: Mapping[str, Any]) -> Name:
    """Return an object's name; all names of a namespace share its text."""
    meta = mapping(item.get("metadata"))
    return kind, sys.intern(text(meta.get("namespace"))), text(meta.get("name"))


def digest_of(kind: str, item: Mapping[str, Any]) -> bytes:
    """Return a digest of what matters: all but status, and of the metadata identity, labels and users' annotations.

    Of a Node only what makes it a target or not: kubelets write into Nodes all the time.
    """
    if kind == "Node":
        return _digest(_of_node(item))
    meta = mapping(item.get("metadata"))
    annotations = mapping(meta.get("annotations"))
    body: dict[str, Any] = {} if kind == "Namespace" else {k: v for k, v in item.items() if k not in _APART}
    body["metadata"] = {
        "uid": meta.get("uid"),
        "labels": meta.get("labels"),
        "deleted": bool(meta.get("deletionTimestamp")),
        "annotations": {key: value for key, value in annotations.items() if key.startswith(_USERS)},
    }
    return _digest(body)


def _digest(body: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=12).digest()


def _of_node(item: Mapping[str, Any]) -> dict[str, Any]:
    node = read_node(item)
    deleted = bool(node.meta.deleted)
    return {"id": node.provider_id, "ready": node.ready, "excluded": node.excluded, "deleted": deleted}


def targets_of(kind: str, item: Mapping[str, Any]) -> frozenset[Name]:
    """Return what an object refers to, whether it is there or not; for policies see `services_of`."""
    if kind in ROUTES:
        return frozenset(_of_route(item))
    if kind in ("Gateway", "GatewayClass", "ListenerSet"):
        return frozenset(_of_parent(kind, item))
    if kind == BACKEND_CONFIG and by_nodes(mapping(item.get("spec"))):
        return frozenset({NODES})
    return frozenset()


def _of_route(item: Mapping[str, Any]) -> Iterator[Name]:
    here = text(mapping(item.get("metadata")).get("namespace"))
    yield "Namespace", "", here
    for namespace, name in services_named(item):
        yield "Service", namespace, name
        if namespace != here:
            yield GRANTS, "", namespace


def _of_parent(kind: str, item: Mapping[str, Any]) -> Iterator[Name]:
    here = text(mapping(item.get("metadata")).get("namespace"))
    for _, config, namespace, name in configs_named(item):
        yield config, namespace, name
    if kind == "ListenerSet":
        yield "Namespace", "", here
    if kind == "Gateway":
        yield "GatewayClass", "", text(mapping(item.get("spec")).get("gatewayClassName"))
    if kind in HOLDERS:
        for ref in secrets_wanted(item) | configmaps_wanted(item):
            if ref.namespace != here:
                yield GRANTS, "", ref.namespace


def parents_of(item: Mapping[str, Any], controller: str) -> tuple[frozenset[Name], frozenset[Name]]:
    """Return the Gateways and ListenerSets that a Route names, and those of them in status entries of ours."""
    claimed = parents_claimed(item, controller)
    return _names(parents_named(item) | claimed), _names(claimed)


def _names(found: Iterable[Name]) -> frozenset[Name]:
    return frozenset((sys.intern(kind), sys.intern(namespace), name) for kind, namespace, name in found)


def gateway_of(item: Mapping[str, Any]) -> Name | None:
    """Return the Gateway that a ListenerSet names, None if it names another kind."""
    named = gateway_of_set(item)
    return None if named is None else ("Gateway", *named)


def services_of(item: Mapping[str, Any]) -> frozenset[Name]:
    """Return the Services that a policy names."""
    return frozenset(("Service", *one) for one in services_targeted(item))


def ancestors_of(item: Mapping[str, Any], controller: str) -> frozenset[Name]:
    """Return the Gateways in a policy's status entries of ours."""
    return frozenset(("Gateway", *one) for one in ancestors_claimed(item, controller))


def found_by(kind: str, item: Mapping[str, Any], controller: str) -> frozenset[Name]:
    """Return the names that a search for an object begins with.

    A Route is found by its parents and a ListenerSet by its Gateway, a policy by its Services; all but the ListenerSet
    by what stands in their status entries of ours as well.
    """
    if kind in ROUTES:
        return parents_of(item, controller)[0]
    if kind in POLICIES:
        return services_of(item) | ancestors_of(item, controller)
    gateway = gateway_of(item)
    return frozenset() if gateway is None else frozenset({gateway})


def means(kind: str, item: Mapping[str, Any]) -> Name:
    """Return the name under which others refer to an object: a slice's Service, a grant's namespace, else itself.

    Nobody refers to one Node: whoever needs them needs all.
    """
    meta = mapping(item.get("metadata"))
    namespace = text(meta.get("namespace"))
    if kind == "EndpointSlice":
        return "Service", namespace, text(mapping(meta.get("labels")).get(SERVICE_LABEL))
    if kind == "ReferenceGrant":
        return GRANTS, "", namespace
    return NODES if kind == "Node" else name_of(kind, item)


def lets_in(item: Mapping[str, Any]) -> str:
    """Return from where a Gateway lets ListenerSets in: None, Same, All or Selector."""
    allowed = mapping(mapping(item.get("spec")).get("allowedListeners"))
    return sys.intern(text(mapping(allowed.get("namespaces")).get("from")) or "None")


def reader_of(kind: str, item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return as much of an object as tells which Secrets and ConfigMaps it names, None if it names none."""
    if kind not in HOLDERS and kind not in POLICIES:
        return None
    spec = mapping(item.get("spec"))
    trimmed = {
        "kind": kind,
        "metadata": {"namespace": text(mapping(item.get("metadata")).get("namespace"))},
        "spec": {
            "listeners": [{"tls": one["tls"]} for one in items(spec.get("listeners")) if one.get("tls")],
            **{name: spec[name] for name in ("tls", "validation") if name in spec},
        },
    }
    return trimmed if secrets_wanted(trimmed) or configmaps_wanted(trimmed) else None


def read_by(reader: Mapping[str, Any], grants: Sequence[Mapping[str, Any]]) -> Iterator[Name]:
    """Yield the Secrets and ConfigMaps that an object names and may refer to."""
    for secret in secrets_named(reader, grants):
        yield "Secret", secret.namespace, secret.name
    for bundle in configmaps_named(reader, grants):
        yield "ConfigMap", bundle.namespace, bundle.name
