"""Who names whom, read from plain objects: what an event touches and what a snapshot has to fetch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.gatewayapi.resources import GROUP
from reconciler.gatewayapi.values import items, mapping, text
from reconciler.keys import ConfigMapRef, SecretRef

type Named = tuple[str, str, str]
"""What a parentRef names: (Gateway or ListenerSet, namespace, name)."""
type Sets = Mapping[tuple[str, str], tuple[str, str] | None]
"""The ListenerSets of a cluster: (namespace, name) -> that of the Gateway which each names (see `gateway_of_set`)."""

HOLDERS = ("Gateway", "ListenerSet")
_NO_SETS: Sets = {}


def parents_named(route: Mapping[str, Any]) -> frozenset[Named]:
    """Return the Gateways and ListenerSets in a Route's `spec.parentRefs`."""
    return _named(route, items(mapping(route.get("spec")).get("parentRefs")))


def parents_claimed(route: Mapping[str, Any], controller: str) -> frozenset[Named]:
    """Return the Gateways and ListenerSets in the entries of our controller in a Route's `status.parents`."""
    entries = items(mapping(route.get("status")).get("parents"))
    ours = (mapping(one.get("parentRef")) for one in entries if one.get("controllerName") == controller)
    return _named(route, ours)


def _named(route: Mapping[str, Any], refs: Iterable[Mapping[str, Any]]) -> frozenset[Named]:
    here = text(mapping(route.get("metadata")).get("namespace"))
    return frozenset(parent for ref in refs if (parent := parent_named(ref, here)) is not None)


def parent_named(ref: Mapping[str, Any], here: str) -> Named | None:
    """Return what a parentRef of an object in namespace `here` names, None if no Gateway and no ListenerSet."""
    kind = text(ref.get("kind")) or "Gateway"
    if ref.get("group", GROUP) != GROUP or kind not in HOLDERS:
        return None
    return kind, text(ref.get("namespace")) or here, text(ref.get("name"))


def gateway_of_set(listener_set: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return (namespace, name) of the Gateway in a ListenerSet's `spec.parentRef`, None if it names another kind."""
    here = text(mapping(listener_set.get("metadata")).get("namespace"))
    named = parent_named(mapping(mapping(listener_set.get("spec")).get("parentRef")), here)
    return named[1:] if named is not None and named[0] == "Gateway" else None


def gateways_named(route: Mapping[str, Any], controller: str, sets: Sets = _NO_SETS) -> frozenset[tuple[str, str]]:
    """Return (namespace, name) of the Gateways that a Route is a matter of.

    Those in `spec.parentRefs` and in the `status.parents` of our controller, and those of the ListenerSets there.
    """
    parents = parents_named(route) | parents_claimed(route, controller)
    found = (name if kind == "Gateway" else sets.get(name) for kind, *rest in parents for name in [(rest[0], rest[1])])
    return frozenset(one for one in found if one is not None)


def names_gateway(ref: Mapping[str, Any]) -> bool:
    """Return whether a parentRef is a Gateway's."""
    named = parent_named(ref, "")
    return named is not None and named[0] == "Gateway"


def services_named(route: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return (namespace, name) of the Services in a Route's backendRefs, those of its mirrors included."""
    here = text(mapping(route.get("metadata")).get("namespace"))
    return frozenset(
        (text(ref.get("namespace")) or here, text(ref.get("name")))
        for rule in items(mapping(route.get("spec")).get("rules"))
        for ref in _backends_named(rule)
        if not ref.get("group") and ref.get("kind", "Service") == "Service"
    )


def _backends_named(rule: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    backends = items(rule.get("backendRefs"))
    yield from backends
    for holder in (rule, *backends):
        for one in items(holder.get("filters")):
            if ref := mapping(mapping(one.get("requestMirror")).get("backendRef")):
                yield ref


def services_targeted(policy: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return (namespace, name) of the Services in a policy's `spec.targetRefs`: they live in its own namespace."""
    here = text(mapping(policy.get("metadata")).get("namespace"))
    refs = items(mapping(policy.get("spec")).get("targetRefs"))
    return frozenset((here, text(ref.get("name"))) for ref in refs if _is_core(ref, "Service", ""))


def ancestors_claimed(policy: Mapping[str, Any], controller: str) -> frozenset[tuple[str, str]]:
    """Return (namespace, name) of the Gateways in the entries of our controller in a policy's `status.ancestors`."""
    here = text(mapping(policy.get("metadata")).get("namespace"))
    entries = items(mapping(policy.get("status")).get("ancestors"))
    ours = (mapping(one.get("ancestorRef")) for one in entries if one.get("controllerName") == controller)
    named = (parent_named(ref, here) for ref in ours)
    return frozenset(one[1:] for one in named if one is not None and one[0] == "Gateway")


def secrets_wanted(holder: Mapping[str, Any]) -> frozenset[SecretRef]:
    """Return the Secrets that a Gateway or ListenerSet names, granted or not.

    Those of its listeners' certificateRefs, and a Gateway's own clientCertificateRef.
    """
    here = text(mapping(holder.get("metadata")).get("namespace"))
    spec = mapping(holder.get("spec"))
    blocks = [
        *(ref for one in items(spec.get("listeners")) for ref in items(mapping(one.get("tls")).get("certificateRefs"))),
        mapping(mapping(mapping(spec.get("tls")).get("backend")).get("clientCertificateRef")),
    ]
    return frozenset(SecretRef(*_target(ref, here)) for ref in blocks if _is_core(ref, "Secret", "Secret"))


def secrets_named(holder: Mapping[str, Any], grants: Iterable[Mapping[str, Any]]) -> frozenset[SecretRef]:
    """Return the Secrets that a Gateway or ListenerSet names and may refer to.

    A grant counts for the kind that it names: one for Gateways does not help a ListenerSet.
    """
    known = tuple(grants)
    return frozenset(ref for ref in secrets_wanted(holder) if _may_name(holder, ("Secret", *_parts(ref)), known))


def configmaps_wanted(item: Mapping[str, Any]) -> frozenset[ConfigMapRef]:
    """Return the ConfigMaps with certificate authorities that a Gateway or a BackendTLSPolicy names, granted or not.

    A Gateway's come from `spec.tls.frontend`, across namespaces by a grant; a policy's live in its own namespace.
    """
    here = text(mapping(item.get("metadata")).get("namespace"))
    spec = mapping(item.get("spec"))
    frontend = mapping(mapping(spec.get("tls")).get("frontend"))
    ports = (mapping(one.get("tls")) for one in items(frontend.get("perPort")))
    holders = [mapping(frontend.get("default")), *ports, spec]
    blocks = [ref for one in holders for ref in items(mapping(one.get("validation")).get("caCertificateRefs"))]
    return frozenset(ConfigMapRef(*_target(ref, here)) for ref in blocks if _is_core(ref, "ConfigMap", ""))


def configmaps_named(item: Mapping[str, Any], grants: Iterable[Mapping[str, Any]]) -> frozenset[ConfigMapRef]:
    """Return the ConfigMaps with certificate authorities that a Gateway or a BackendTLSPolicy may refer to."""
    known = tuple(grants)
    return frozenset(ref for ref in configmaps_wanted(item) if _may_name(item, ("ConfigMap", *_parts(ref)), known))


def _parts(ref: SecretRef | ConfigMapRef) -> tuple[str, str]:
    return ref.namespace, ref.name


def _target(ref: Mapping[str, Any], here: str) -> tuple[str, str]:
    return text(ref.get("namespace")) or here, text(ref.get("name"))


def _is_core(ref: Mapping[str, Any], kind: str, default: str) -> bool:
    return bool(ref.get("name")) and not ref.get("group") and (text(ref.get("kind")) or default) == kind


def _may_name(item: Mapping[str, Any], target: Named, grants: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether an object may refer to a (kind of the core group, namespace, name)."""
    here, (kind, namespace, name) = text(mapping(item.get("metadata")).get("namespace")), target
    source = (GROUP, text(item.get("kind")) or "Gateway", here)
    return namespace == here or any(
        text(mapping(grant.get("metadata")).get("namespace")) == namespace
        and any(_source(one) == source for one in items(mapping(grant.get("spec")).get("from")))
        and any(_takes(one, kind, name) for one in items(mapping(grant.get("spec")).get("to")))
        for grant in grants
    )


def _source(block: Mapping[str, Any]) -> tuple[str, str, str]:
    return text(block.get("group")), text(block.get("kind")), text(block.get("namespace"))


def _takes(target: Mapping[str, Any], kind: str, name: str) -> bool:
    return not target.get("group") and target.get("kind") == kind and target.get("name") in (None, "", name)


def configs_named(item: Mapping[str, Any]) -> frozenset[tuple[str, str, str, str]]:
    """Return (group, kind, namespace, name) of the parametersRef of a GatewayClass or Gateway."""
    spec = mapping(item.get("spec"))
    here = text(mapping(item.get("metadata")).get("namespace"))
    ref = mapping(spec.get("parametersRef")) or mapping(mapping(spec.get("infrastructure")).get("parametersRef"))
    if not ref:
        return frozenset()
    namespace = text(ref.get("namespace")) or here
    return frozenset({(text(ref.get("group")), text(ref.get("kind")), namespace, text(ref.get("name")))})
