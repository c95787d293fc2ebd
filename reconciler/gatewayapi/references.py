"""Who names whom, read from plain objects: what an event touches and what a snapshot has to fetch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.gatewayapi.resources import GROUP
from reconciler.gatewayapi.values import items, mapping, text
from reconciler.keys import SecretRef


def gateways_named(route: Mapping[str, Any], controller: str) -> frozenset[tuple[str, str]]:
    """Return (namespace, name) of the Gateways in `spec.parentRefs` and in the `status.parents` of our controller."""
    here = text(mapping(route.get("metadata")).get("namespace"))
    refs = list(items(mapping(route.get("spec")).get("parentRefs")))
    entries = items(mapping(route.get("status")).get("parents"))
    refs.extend(mapping(entry.get("parentRef")) for entry in entries if entry.get("controllerName") == controller)
    return frozenset((text(ref.get("namespace")) or here, text(ref.get("name"))) for ref in refs if names_gateway(ref))


def names_gateway(ref: Mapping[str, Any]) -> bool:
    """Return whether a parentRef is a Gateway's."""
    return bool(ref.get("group", GROUP) == GROUP and ref.get("kind", "Gateway") == "Gateway")


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


def secrets_wanted(gateway: Mapping[str, Any]) -> frozenset[SecretRef]:
    """Return the Secrets in a Gateway's certificateRefs, granted or not."""
    here = text(mapping(gateway.get("metadata")).get("namespace"))
    return frozenset(
        SecretRef(text(ref.get("namespace")) or here, text(ref.get("name")))
        for listener in items(mapping(gateway.get("spec")).get("listeners"))
        for ref in items(mapping(listener.get("tls")).get("certificateRefs"))
        if not ref.get("group") and ref.get("kind", "Secret") == "Secret"
    )


def secrets_named(gateway: Mapping[str, Any], grants: Iterable[Mapping[str, Any]]) -> frozenset[SecretRef]:
    """Return the Secrets in a Gateway's certificateRefs that it may refer to."""
    here, known = text(mapping(gateway.get("metadata")).get("namespace")), tuple(grants)
    return frozenset(ref for ref in secrets_wanted(gateway) if ref.namespace == here or _granted(ref, here, known))


def _granted(ref: SecretRef, namespace: str, grants: Iterable[Mapping[str, Any]]) -> bool:
    return any(
        text(mapping(grant.get("metadata")).get("namespace")) == ref.namespace
        and any(_is_gateway(one, namespace) for one in items(mapping(grant.get("spec")).get("from")))
        and any(_is_secret(one, ref.name) for one in items(mapping(grant.get("spec")).get("to")))
        for grant in grants
    )


def _is_gateway(source: Mapping[str, Any], namespace: str) -> bool:
    return (source.get("group"), source.get("kind"), source.get("namespace")) == (GROUP, "Gateway", namespace)


def _is_secret(target: Mapping[str, Any], name: str) -> bool:
    return not target.get("group") and target.get("kind") == "Secret" and target.get("name") in (None, "", name)


def configs_named(item: Mapping[str, Any]) -> frozenset[tuple[str, str, str, str]]:
    """Return (group, kind, namespace, name) of the parametersRef of a GatewayClass or Gateway."""
    spec = mapping(item.get("spec"))
    here = text(mapping(item.get("metadata")).get("namespace"))
    ref = mapping(spec.get("parametersRef")) or mapping(mapping(spec.get("infrastructure")).get("parametersRef"))
    if not ref:
        return frozenset()
    namespace = text(ref.get("namespace")) or here
    return frozenset({(text(ref.get("group")), text(ref.get("kind")), namespace, text(ref.get("name")))})
