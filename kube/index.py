"""The watcher's memory: which Gateways (and GatewayClasses) an event touches. No object is kept, only who names whom.

The rules are those of the walk: a Route wakes the Gateways in its `spec.parentRefs` and in the `status.parents` that we
wrote, before and after the event, and those of the ListenerSets there; a ListenerSet wakes its Gateway; a policy those
whose Routes use its Services, or that stand in its `status.ancestors`; a Node those of the BackendConfigs that ask for
Nodes; anything else wakes whoever refers to it. What nobody refers to wakes nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kube import interest, kinds
from kube.api import Plain
from kube.links import Links, Name
from kube.watch import Changed, Listed
from reconciler.events import Seen, number_of
from reconciler.gatewayapi.values import mapping, text

_TOLD = frozenset(kind.name for kind in kinds.SEARCHED) - interest.ROUTES
"""Kinds whose objects matter to Gateways that they did not wake when they came."""
_UNREAD = frozenset({"EndpointSlice", "Service", "Namespace", "LoadBalancerConfig", "Node"})
"""Kinds that neither name a Secret or ConfigMap nor decide for whom one is read."""
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
    _gateways: dict[Name, str] = field(default_factory=dict)
    _sets: dict[Name, Name] = field(default_factory=dict)
    _services: dict[Name, tuple[Name, ...]] = field(default_factory=dict)
    _readers: dict[Name, bytes] = field(default_factory=dict)
    _grants: dict[Name, Plain] = field(default_factory=dict)
    _versions: dict[str, str] = field(default_factory=dict)
    _polled: dict[Name, frozenset[Name]] | None = None

    @property
    def known(self) -> tuple[tuple[str, str], ...]:
        """Return (kind, version) of the newest ListenerSet and the newest policy that was seen, our own writes too.

        They may have woken nobody when they came, and matter to a Gateway from a later event on.
        """
        return tuple(sorted(self._versions.items()))

    def replace(self, listed: Listed) -> None:
        """Take a list of a kind for all there is of it."""
        kind = listed.kind.name
        there = {interest.name_of(kind, item) for item in listed.items}
        for gone in [name for name in self._known.get(kind, ()) if name not in there]:
            self._forget(gone)
        for item in listed.items:
            self._note(kind, item)
            self._learn(interest.name_of(kind, item), item)

    def apply(self, changed: Changed) -> Touched:
        """Take an event; return whom it touches, nobody if nothing that matters changed."""
        kind, item = changed.kind.name, changed.item
        name = interest.name_of(kind, item)
        self._note(kind, item)
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

    @property
    def asks_for_nodes(self) -> bool:
        """Whether some BackendConfig makes Nodes matter, so that they are to be followed."""
        return bool(self._refers.referrers(interest.NODES))

    def of_nodes(self) -> frozenset[Name]:
        """Return the Gateways that Nodes matter to."""
        return _NONE.union(*(self._subjects_of(one) for one in self._refers.referrers(interest.NODES)))

    def polled(self) -> dict[Name, frozenset[Name]]:
        """Return the Secrets and ConfigMaps that are named for Gateways of ours and granted, with these Gateways.

        A ListenerSet that its Gateway cannot let in names nothing. Asked every second, so it is found anew only after
        something happened that it depends on.
        """
        if self._polled is None:
            self._polled = self._find_polled()
        return self._polled

    def _find_polled(self) -> dict[Name, frozenset[Name]]:
        found: dict[Name, frozenset[Name]] = {}
        grants = tuple(self._grants.values())
        for name, reader in self._readers.items():
            if subjects := self._subjects_of(name) if self._is_let_in(name) else _NONE:
                for one in interest.read_by(json.loads(reader), grants):
                    found[one] = found.get(one, _NONE) | subjects
        return found

    def _is_let_in(self, name: Name) -> bool:
        """Return whether an object is no ListenerSet, or one that its Gateway may let in."""
        gateway = self._sets.get(name)
        source = self._gateways.get(gateway, "None") if gateway else "All"
        return source in ("All", "Selector") or (source == "Same" and gateway is not None and gateway[1] == name[1])

    def _note(self, kind: str, item: Plain) -> None:
        if kind in _TOLD:
            version = text(mapping(item.get("metadata")).get("resourceVersion"))
            self._versions[kind] = max(self._versions.get(kind, ""), version, key=number_of)

    def _touched_by(self, name: Name, known: _Known | None) -> frozenset[Name]:
        """Return the subjects that depend on an object as things stand."""
        if known is None:
            return _NONE
        referrers = self._refers.referrers(known.means)
        return frozenset().union(self._subjects_of(name), *(self._subjects_of(one) for one in referrers))

    def _subjects_of(self, name: Name) -> frozenset[Name]:
        """Return a Gateway of ours itself, a class of ours and its Gateways, or the Gateways of anything else."""
        kind = name[0]
        if kind == "GatewayClass":
            return self._of_class(name)
        if kind in interest.HOLDERS:
            return frozenset(one for one in self._gateways_of((name,)) if self._is_ours(one))
        if kind in interest.ROUTES:
            ours = frozenset(one for one in self._gateways_of(self._parents.get(name, ())) if self._is_ours(one))
            return ours.union(self._gateways_of(self._claimed.get(name, ())))
        if kind in interest.POLICIES:
            users = (user for one in self._services.get(name, ()) for user in self._refers.referrers(one))
            return frozenset(self._claimed.get(name, ())).union(*(self._subjects_of(user) for user in users))
        return _NONE

    def _gateways_of(self, holders: Iterable[Name]) -> Iterator[Name]:
        """Yield Gateways, of ListenerSets the Gateways that they name; of one that is not there nothing."""
        for name in holders:
            if name[0] == "Gateway":
                yield name
            elif name in self._sets:
                yield self._sets[name]

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
        reader = interest.reader_of(kind, item)
        _keep_one(self._readers, name, json.dumps(reader, separators=(",", ":")).encode() if reader else None)
        self._expect_others(kind)
        if kind in interest.ROUTES:
            self._learn_route(name, item)
        elif kind in interest.POLICIES:
            _keep(self._services, name, interest.services_of(item))
            _keep(self._claimed, name, interest.ancestors_of(item, self.controller))
        elif kind == "ListenerSet":
            _keep_one(self._sets, name, interest.gateway_of(item))
        elif kind == "Gateway":
            self._gateways[name] = interest.lets_in(item)
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

    def _expect_others(self, kind: str) -> None:
        """What is polled may be something else from now on; endpoints, which change the most, have no part in it."""
        if kind not in _UNREAD:
            self._polled = None

    def _forget(self, name: Name) -> None:
        self._expect_others(name[0])
        self._known.get(name[0], {}).pop(name, None)
        self._refers.set(name, ())
        tables = (self._parents, self._claimed, self._gateways, self._sets, self._services, self._readers, self._grants)
        for table in tables:
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


def _keep_one[T](table: dict[Name, T], name: Name, one: T | None) -> None:
    """Keep something, or nothing."""
    if one is None:
        table.pop(name, None)
    else:
        table[name] = one
