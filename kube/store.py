"""What a warm container keeps of a cluster: what no other object leads to (Routes, ListenerSets, policies).

It is listed once, then brought up to date by a short watch. What a Gateway refers to is read by name and never kept.
Kept is what runs read, as JSON text. How fresh an answer has to be is said by `freshness`.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from kube import interest, kinds
from kube.api import Api, Plain, WatchSpan
from kube.errors import NotFound
from kube.freshness import Need
from kube.links import Links, Name
from reconciler.errors import ReconcilerError
from reconciler.events import number_of
from reconciler.gatewayapi.references import services_named
from reconciler.gatewayapi.values import items, mapping

_SPAN, _SILENCE = 2.0, 0.5
"""Seconds that catching up may take, and that nothing may come: an event that is there is sent at once. Then a list."""
_RUNS = 32
"""Resync, relist and backfill runs that are remembered."""
_META = ("name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a Gateway.

    Attributes:
        routes: those that name it or one of its ListenerSets, and those with an entry of ours for a lost one.
        sets: the ListenerSets that name it, and all others that these Routes name.
        lost: ListenerSets that stand in entries of ours and are not among those that are kept: gone, or too new.
        policies: those on Services of these Routes, and those with an entry of ours for the Gateway.
        versions: for each kind the version up to which nothing is missing.
    """

    routes: tuple[Plain, ...] = ()
    sets: tuple[Plain, ...] = ()
    lost: tuple[Name, ...] = ()
    policies: tuple[Plain, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


class Store:
    """What has to be searched for in one cluster, for the Gateways of one controller. Threads may share it."""

    def __init__(self, api: Api, controller: str, searched: Iterable[kinds.Kind] = kinds.SEARCHED) -> None:
        self._controller = controller
        self._shelves = [_Shelf(api, kind, controller) for kind in searched]

    def find(self, namespace: str, name: str, need: Callable[[str], Need]) -> Found:
        """Return what is there for a Gateway; `need` says how fresh a kind must be. Raises ReconcilerError."""
        for shelf in self._shelves:  # ListenerSets after Routes: whoever names one must find it
            shelf.meet(need(shelf.kind.name))
        gateway, versions = ("Gateway", namespace, name), dict[str, str]()

        def found(kinds_: Iterable[str], wanted: Iterable[Name], *, themselves: bool = False) -> list[Plain]:
            wanted = frozenset(wanted)
            shelves = [shelf for shelf in self._shelves if shelf.kind.name in kinds_]
            told = {shelf.kind.name: shelf.take(wanted, themselves=themselves) for shelf in shelves}
            versions.update({kind: version for kind, (_, version) in told.items() if version})
            return [json.loads(text) for texts, _ in told.values() for text in texts]

        sets = found(("ListenerSet",), [gateway])
        lost = self._lost()
        own = [interest.name_of("ListenerSet", item) for item in sets]
        routes = found(interest.ROUTES, [gateway, *own, *lost])
        named = {one for route in routes for one in interest.parents_of(route, self._controller)[0]}
        others = found(("ListenerSet",), named.difference(own), themselves=True)
        services = {("Service", *service) for route in routes for service in services_named(route)}
        policies = found(interest.POLICIES, [gateway, *services])
        return Found(tuple(routes), (*sets, *others), tuple(sorted(lost & named)), tuple(policies), versions)

    def sending_to(self, services: frozenset[tuple[str, str]]) -> tuple[Plain, ...]:
        """Return all Routes that send to any of these Services, and the ListenerSets; as they were found last."""
        routes = [text for shelf in self._shelves if shelf.kind.name in interest.ROUTES for text in shelf.every()]
        some = [text for text in routes if any(f'"{name}"'.encode() in text for _, name in services)]
        found = [route for text in some if not services.isdisjoint(services_named(route := json.loads(text)))]
        named = {one for route in found for one in interest.parents_of(route, self._controller)[0]}
        sets = [text for shelf in self._shelves if shelf.kind is kinds.LISTENER_SET for text in shelf.of(named)]
        return (*found, *(json.loads(text) for text in sets))

    def _lost(self) -> frozenset[Name]:
        """Return the ListenerSets in status entries of ours that are not kept."""
        claimed = frozenset[Name]().union(*(shelf.claimed() for shelf in self._shelves))
        return claimed.difference(*(shelf.names() for shelf in self._shelves if shelf.kind is kinds.LISTENER_SET))


@dataclass(slots=True)
class _Contents:
    """Objects of a kind, as text, by what each is found by.

    Attributes:
        version: from which a watch goes on; 0 if the API server's versions are no numbers.
        changed: the version of the last event or list; bookmarks do not move it.
        claimed: ListenerSets in status entries of ours.
    """

    version: int = 0
    changed: int = 0
    texts: dict[Name, bytes] = field(default_factory=dict)
    named: Links = field(default_factory=Links)
    claimed: Links = field(default_factory=Links)

    def put(self, item: Plain, name: Name, controller: str) -> None:
        kind = name[0]
        self.texts[name] = json.dumps(trimmed(item, controller), separators=(",", ":")).encode()
        self.named.set(name, interest.found_by(kind, item, controller))
        if kind in interest.ROUTES:
            _, claimed = interest.parents_of(item, controller)
            self.claimed.set(name, [one for one in claimed if one[0] == "ListenerSet"])

    def drop(self, name: Name) -> None:
        self.texts.pop(name, None)
        self.named.set(name, ())
        self.claimed.set(name, ())


class _Shelf:
    """What is kept of one kind. Who asks while another catches up waits for it and profits."""

    def __init__(self, api: Api, kind: kinds.Kind, controller: str) -> None:
        self.kind = kind
        self._api, self._controller = api, controller
        self._contents = _Contents()
        self._runs: deque[str] = deque(maxlen=_RUNS)
        self._lock = threading.Lock()

    def take(self, wanted: frozenset[Name], *, themselves: bool) -> tuple[list[bytes], str]:
        """Return the objects found by any of these names, and the version up to which nothing is missing.

        `themselves`: the names are those of the objects. The version is "" if unknown.
        """
        with self._lock:
            kept = self._contents
            found = wanted if themselves else frozenset[Name]().union(*(kept.named.referrers(one) for one in wanted))
            return [kept.texts[name] for name in sorted(found) if name in kept.texts], str(kept.changed or "")

    def every(self) -> list[bytes]:
        """Return all objects."""
        with self._lock:
            return list(self._contents.texts.values())

    def of(self, names: Iterable[Name]) -> list[bytes]:
        """Return the objects of these names."""
        with self._lock:
            return [self._contents.texts[name] for name in sorted(names) if name in self._contents.texts]

    def names(self) -> frozenset[Name]:
        """Return the names of all objects."""
        with self._lock:
            return frozenset(self._contents.texts)

    def claimed(self) -> frozenset[Name]:
        """Return the ListenerSets that stand in status entries of ours."""
        with self._lock:
            return self._contents.claimed.known()

    def meet(self, need: Need) -> None:
        """Become as fresh as needed. Raises ReconcilerError."""
        with self._lock:
            kept = self._contents
            anew = need.run is not None and need.run not in self._runs
            if anew or not kept.version or need.revision > kept.version:
                self._list()
            elif need.event > kept.version:
                self._catch_up(need.event)
            if need.run:
                self._runs.append(need.run)

    def _catch_up(self, version: int) -> None:
        """Follow until an event of this version is in; list if that takes long, or cannot be."""
        span = WatchSpan(str(self._contents.version), _SPAN, _SILENCE)
        try:
            with closing(self._api.watch(self.kind.path(), span)) as events:
                for what, item in events:
                    self._take(what, item)
                    if self._contents.version >= version:
                        return
        except ReconcilerError as error:
            _LOG.info("listing %s anew: %s", self.kind.plural, error.message)
        self._list()

    def _take(self, what: str, item: Plain) -> None:
        kept, version = self._contents, number_of(mapping(item.get("metadata")).get("resourceVersion"))
        if what != "BOOKMARK":
            named = {"apiVersion": self.kind.api_version, "kind": self.kind.name, **item}
            name = interest.name_of(self.kind.name, named)
            if what == "DELETED":
                kept.drop(name)
            else:
                kept.put(named, name, self._controller)
            kept.changed = version
        kept.version = version

    def _list(self) -> None:
        """Replace what is kept by a consistent list: nobody has seen anything newer. If it fails, nothing changes."""
        fresh = _Contents()
        try:
            for page in self._api.pages(self.kind.path()):
                for item in page.items:
                    fresh.put(item, interest.name_of(self.kind.name, item), self._controller)
                fresh.version = fresh.changed = number_of(page.version)
        except NotFound:
            self._contents = _Contents()  # the kind itself is gone: what we knew of it is worth nothing
            if not self.kind.optional:
                raise
            return
        self._contents = fresh


def trimmed(item: Plain, controller: str) -> Plain:
    """Return as much of an object as runs read: identity, spec, and of the status what is ours and read again."""
    meta, status = mapping(item.get("metadata")), mapping(item.get("status"))
    kept: Plain = {name: item[name] for name in ("apiVersion", "kind", "spec") if name in item}
    kept["metadata"] = {name: meta[name] for name in _META if name in meta}
    told = {name: ours for name, entries in _entries(status, controller) if (ours := list(entries))}
    return kept | ({"status": told} if told else {})


def _entries(status: Mapping[str, Any], controller: str) -> Iterable[tuple[str, Iterable[Any]]]:
    """Yield the entries of ours in a Route's or policy's status, and how many Routes the listeners of a set have."""
    for name in ("parents", "ancestors"):
        yield name, (entry for entry in items(status.get(name)) if entry.get("controllerName") == controller)
    counted = items(status.get("listeners"))
    yield "listeners", ({"attachedRoutes": one["attachedRoutes"]} for one in counted if one.get("attachedRoutes"))
