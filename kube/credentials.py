"""Reads the Secrets and ConfigMaps that TLS settings name, one by one, where a ReferenceGrant permits it; as facts.

One that our identity may not read is not one that is bad: a right that was lost says nothing about it, and what is
served with it must not go. So it ends the run where it is the Gateway's own, or where something stands that needs it;
else it costs only what names it: a ListenerSet of one team must not hold up the Gateway of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kube import kinds
from kube.api import Plain
from kube.certificates import bundle_of, facts_of
from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.errors import PermissionDenied, Unavailable
from reconciler.gatewayapi.references import configmaps_named, secrets_named, secrets_wanted
from reconciler.gatewayapi.values import items, mapping, text
from reconciler.keys import ConfigMapRef, SecretRef

type Get = Callable[[kinds.Kind, str, str], Plain | None]
"""Returns an object by kind, namespace and name."""
type Ref = SecretRef | ConfigMapRef
type Facts = CertificateFacts | CaBundle

_FORBIDDEN = "may not be read; grant routewright `get` on it in RBAC"
_KINDS = {SecretRef: kinds.SECRET, ConfigMapRef: kinds.CONFIG_MAP}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What may be known of Secrets and ConfigMaps at a time (`now`)."""

    get: Get
    controller: str
    now: datetime
    _readers: dict[Ref, list[Plain]] = field(default_factory=dict)

    def named_by(self, readers: Iterable[Plain], grants: Sequence[Plain]) -> Credentials:
        """Add what Gateways, ListenerSets and policies name and may refer to."""
        for item in readers:
            for ref in secrets_named(item, grants) | configmaps_named(item, grants):
                self._readers.setdefault(ref, []).append(item)
        return self

    def read(self) -> tuple[Facts, ...]:
        """Return the facts of all that exists. Raises ReconcilerError."""
        ordered = sorted(self._readers, key=lambda ref: (type(ref).__name__, ref.namespace, ref.name))
        return tuple(facts for ref in ordered if (facts := self._facts(ref)) is not None)

    def _facts(self, ref: Ref) -> Facts | None:
        kind = _KINDS[type(ref)]
        try:
            found = self.get(kind, ref.namespace, ref.name)
        except PermissionDenied as error:
            if any(self._stands(item, ref) for item in self._readers[ref]):
                raise Unavailable(f"{kind.name} {ref.namespace}/{ref.name} {_FORBIDDEN}") from error
            if isinstance(ref, SecretRef):
                return CertificateFacts(ref, problem=_FORBIDDEN)
            return CaBundle(ref, problem=_FORBIDDEN)
        if found is None:
            return None
        return facts_of(found, self.now) if isinstance(ref, SecretRef) else bundle_of(found)

    def _stands(self, reader: Plain, ref: Ref) -> bool:
        """Return whether something is served with what a reader names; of a Gateway's own this is taken for granted."""
        if reader["kind"] == kinds.GATEWAY.name:
            return True
        meta = reader["metadata"]
        current = self.get(kinds.BY_NAME[reader["kind"]], meta["namespace"], meta["name"]) or {}
        status = mapping(current.get("status"))
        if reader["kind"] == kinds.LISTENER_SET.name:
            naming = _listeners_naming(current, ref)
            return any(
                one.get("name") in naming and _is_true(one, "Programmed") for one in items(status.get("listeners"))
            )
        ours = (one for one in items(status.get("ancestors")) if one.get("controllerName") == self.controller)
        return any(_is_true(one, "Accepted") for one in ours)


def _listeners_naming(listener_set: Plain, ref: Ref) -> frozenset[str]:
    """Return the names of the listeners of a ListenerSet that name a Secret."""
    meta, listeners = listener_set.get("metadata"), items(mapping(listener_set.get("spec")).get("listeners"))
    alone = ((one, {"metadata": meta, "spec": {"listeners": [one]}}) for one in listeners)
    return frozenset(text(one.get("name")) for one, item in alone if ref in secrets_wanted(item))


def _is_true(entry: Mapping[str, Any], condition: str) -> bool:
    told = items(entry.get("conditions"))
    return any(one.get("type") == condition and one.get("status") == "True" for one in told)
