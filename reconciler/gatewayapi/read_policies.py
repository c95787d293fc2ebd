"""Policies as plain objects become typed views: BackendTLSPolicy, and what a BackendConfig is attached to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.gatewayapi.resources import BackendTLSPolicy, ObjectRef, PolicyTarget
from reconciler.gatewayapi.values import items, mapping, read_meta, text


def read_targets(spec: Mapping[str, Any]) -> tuple[PolicyTarget, ...]:
    """Return the `targetRefs` of a policy's spec, without repeats."""
    targets = (
        PolicyTarget(text(ref.get("group")), text(ref.get("kind")), text(ref.get("name")), text(ref.get("sectionName")))
        for ref in items(spec.get("targetRefs"))
    )
    return tuple(dict.fromkeys(targets))


def read_tls_policy(item: Mapping[str, Any]) -> BackendTLSPolicy:
    """Return the view of a BackendTLSPolicy."""
    spec = mapping(item.get("spec"))
    validation = mapping(spec.get("validation"))
    names = items(validation.get("subjectAltNames"))
    return BackendTLSPolicy(
        meta=read_meta(item),
        targets=read_targets(spec),
        hostname=text(validation.get("hostname")).lower(),
        ca_refs=tuple(_local(ref) for ref in items(validation.get("caCertificateRefs"))),
        well_known=text(validation.get("wellKnownCACertificates")),
        alternative_names=tuple((text(one.get("type")), _name(one)) for one in names),
        status=mapping(item.get("status")),
    )


def _local(ref: Mapping[str, Any]) -> ObjectRef:
    return ObjectRef(text(ref.get("group")), text(ref.get("kind")), "", text(ref.get("name")))


def _name(entry: Mapping[str, Any]) -> str:
    return text(entry.get("hostname")).lower() or text(entry.get("uri"))
