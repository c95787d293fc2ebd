"""The watcher's memory: which Gateways (and GatewayClasses) an event touches. No object is kept, only who names whom.

The rules are those of the walk: a Route wakes the Gateways in its `spec.parentRefs` and in the `status.parents` that we
wrote, before and after the event; anything else wakes whoever refers to it. What nobody refers to wakes nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kube import interest
from kube.api import Plain
from kube.links import Links, Name
from kube.watch import Changed, Listed
from reconciler.events import Seen
from reconciler.gatewayapi.references import secrets_named
from reconciler.gatewayapi.values import mapping, text
from reconciler.keys import SecretRef

_NONE: frozenset[Name] = frozenset()


@dataclass(frozen=True, slots=True)
class Touched:
    """Subjects (`Gateway` and `GatewayClass` names) that an event touches, what was seen, whose endpoints changed."""

    subjects: frozenset[Name] = _NONE
    seen: Seen | None = None
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    digest: bytes
    means: Name


@dataclass(slots=True)
class Index:
    """What is known of one cluster.

    Attributes:
        controller: our controllerName.
        finalizer: ours; a Gateway that carries it is ours whatever its class says.
    """

    controller: str
    finalizer: str
    _known: dict[str, dict[Name, _Known]] = field(default_factory=dict)
    _refers: Links = field(default_factory=Links)
    _parents: dict[Name, tuple[Name, ...]] = field(default_factory=dict)
    _claimed: dict[Name, tuple[Name, ...]] = field(default_factory=dict)
    _our_classes: set[Name] = field(default_factory=set)
    _held: set[Name] = field(default_factory=set)
    _gateways: dict[Name, Plain] = field(default_factory=dict)
    _grants: dict[Name, Plain] = field(default_factory=dict)

    def replace(self, listed: Listed) -> None:
        """Take a list of a kind for all there is of it."""
        kind = listed.kind.name
        there = {interest.name_of(kind, item) for item in listed.items}
        for gone in [name for name in self._known.get(kind, ()) if name not in there]:
            self._forget(gone)
        for item in listed.items:
            self._learn(interest.name_of(kind, item), item)

    def apply(self, changed: Changed) -> Touched:
        """Take an event; return whom it touches, nobody if nothing that matters changed."""
        kind, item = changed.kind.name, changed.item
        name = interest.name_of(kind, item)
        old = self._known.get(kind, {}).get(name)
        before = self._touched_by(name, old)
        if changed.deleted:
            self._forget(name)
        else:
            self._learn(name, item)
        new = self._known.get(kind, {}).get(name)
        if old == new:
            return Touched()
        meta = mapping(item.get("metadata"))
        seen = Seen(kind, text(meta.get("uid")), text(meta.get("resourceVersion")), deleted=changed.deleted)
        services = {f"{k.means[1]}/{k.means[2]}" for k in (old, new) if k is not None and k.means[0] == "Service"}
        return Touched(before | self._touched_by(name, new), seen, tuple(sorted(services)))

    def subjects(self) -> frozenset[Name]:
        """Return every Gateway and GatewayClass of ours."""
        return frozenset(self._our_classes) | {name for name in self._gateways if self._is_ours(name)}

    def secrets(self) -> dict[SecretRef, frozenset[Name]]:
        """Return the Secrets that Gateways of ours name and may refer to, with these Gateways."""
        found: dict[SecretRef, frozenset[Name]] = {}
        for name, gateway in self._gateways.items():
            if gateway["spec"]["listeners"] and self._is_ours(name):
                for ref in secrets_named(gateway, self._grants.values()):
                    found[ref] = found.get(ref, _NONE) | {name}
        return found

    def _touched_by(self, name: Name, known: _Known | None) -> frozenset[Name]:
        """Return the subjects that depend on an object as things stand."""
        if known is None:
            return _NONE
        referrers = self._refers.referrers(known.means)
        return frozenset().union(self._subjects_of(name), *(self._subjects_of(one) for one in referrers))

    def _subjects_of(self, name: Name) -> frozenset[Name]:
        """Return a Gateway of ours itself, a class of ours and its Gateways, or the Gateways that a Route names."""
        kind = name[0]
        if kind == "Gateway":
            return frozenset({name}) if self._is_ours(name) else _NONE
        if kind == "GatewayClass":
            return self._of_class(name)
        if kind in interest.ROUTES:
            ours = frozenset(one for one in self._parents.get(name, ()) if self._is_ours(one))
            return ours.union(self._claimed.get(name, ()))
        return _NONE

    def _of_class(self, name: Name) -> frozenset[Name]:
        if name not in self._our_classes:
            return _NONE
        return frozenset({name}) | {one for one in self._refers.referrers(name) if one[0] == "Gateway"}

    def _is_ours(self, gateway: Name) -> bool:
        return gateway in self._held or not self._our_classes.isdisjoint(self._refers.targets(gateway))

    def _learn(self, name: Name, item: Plain) -> None:
        kind = name[0]
        means = interest.means(kind, item)
        known = _Known(interest.digest_of(kind, item), name if means == name else means)
        self._known.setdefault(kind, {})[name] = known
        self._refers.set(name, interest.targets_of(kind, item))
        if kind in interest.ROUTES:
            self._learn_route(name, item)
        elif kind == "Gateway":
            self._gateways[name] = interest.trimmed(item)
            _put(self._held, name, present=self.finalizer in mapping(item.get("metadata")).get("finalizers", ()))
        elif kind == "GatewayClass":
            ours = mapping(item.get("spec")).get("controllerName") == self.controller
            _put(self._our_classes, name, present=ours)
        elif kind == "ReferenceGrant":
            self._grants[name] = {"metadata": {"namespace": name[1]}, "spec": item.get("spec")}

    def _learn_route(self, name: Name, item: Mapping[str, Any]) -> None:
        named, claimed = interest.parents_of(item, self.controller)
        _keep(self._parents, name, named)
        _keep(self._claimed, name, claimed)

    def _forget(self, name: Name) -> None:
        self._known.get(name[0], {}).pop(name, None)
        self._refers.set(name, ())
        for table in (self._parents, self._claimed, self._gateways, self._grants):
            table.pop(name, None)
        self._held.discard(name)
        self._our_classes.discard(name)


def _put(names: set[Name], name: Name, *, present: bool) -> None:
    (names.add if present else names.discard)(name)


def _keep(table: dict[Name, tuple[Name, ...]], name: Name, several: Iterable[Name]) -> None:
    """Keep what is not empty, as a tuple: a set of one or two is four times its size."""
    if kept := tuple(several):
        table[name] = kept
    else:
        table.pop(name, None)
