"""What a warm container keeps of the Routes of a cluster: listed once, then brought up to date by a short watch.

Only what refers *to* a Gateway has to be searched for; what a Gateway refers to is read by name and never kept. Kept is
what runs read, as JSON text. How fresh an answer has to be is said by `freshness`.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from kube import interest, kinds
from kube.api import Api, Plain, WatchSpan
from kube.errors import NotFound
from kube.freshness import Need
from kube.links import Links, Name
from reconciler.errors import ReconcilerError
from reconciler.events import number_of
from reconciler.gatewayapi.values import items, mapping

_SPAN, _SILENCE = 2.0, 0.5
"""Seconds that catching up may take, and that nothing may come: an event that is there is sent at once. Then a list."""
_RUNS = 32
"""Resync, relist and backfill runs that are remembered."""
_META = ("name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The Routes that name a Gateway, and for each kind of Route the version up to which nothing is missing."""

    routes: tuple[Plain, ...]
    versions: Mapping[str, str]


class Store:
    """The Routes of one cluster, for the Gateways of one controller. Threads may share it."""

    def __init__(self, api: Api, controller: str, routes: Iterable[kinds.Kind] = kinds.ROUTES) -> None:
        self._shelves = [_Shelf(api, kind, controller) for kind in routes]

    def routes(self, namespace: str, name: str, need: Callable[[str], Need]) -> Found:
        """Return the Routes that name a Gateway; `need` says how fresh a kind must be. Raises ReconcilerError."""
        gateway = ("Gateway", namespace, name)
        found = {shelf.kind.name: shelf.naming(gateway, need(shelf.kind.name)) for shelf in self._shelves}
        routes = (json.loads(text) for texts, _ in found.values() for text in texts)
        return Found(tuple(routes), {kind: version for kind, (_, version) in found.items() if version})


@dataclass(slots=True)
class _Contents:
    """Objects of a kind, as text, and who names which Gateway.

    Attributes:
        version: from which a watch goes on; 0 if the API server's versions are no numbers.
        changed: the version of the last event or list; bookmarks do not move it.
    """

    version: int = 0
    changed: int = 0
    texts: dict[Name, bytes] = field(default_factory=dict)
    named: Links = field(default_factory=Links)

    def put(self, item: Plain, name: Name, controller: str) -> None:
        self.texts[name] = json.dumps(trimmed(item, controller), separators=(",", ":")).encode()
        gateways, _ = interest.parents_of(item, controller)
        self.named.set(name, gateways)

    def drop(self, name: Name) -> None:
        self.texts.pop(name, None)
        self.named.set(name, ())


class _Shelf:
    """What is kept of one kind. Who asks while another catches up waits for it and profits."""

    def __init__(self, api: Api, kind: kinds.Kind, controller: str) -> None:
        self.kind = kind
        self._api, self._controller = api, controller
        self._contents = _Contents()
        self._runs: deque[str] = deque(maxlen=_RUNS)
        self._lock = threading.Lock()

    def naming(self, gateway: Name, need: Need) -> tuple[list[bytes], str]:
        """Return the objects that name a Gateway, and the version up to which nothing is missing ("" if unknown)."""
        with self._lock:
            self._meet(need)
            kept = self._contents
            names = sorted(kept.named.referrers(gateway))
            return [kept.texts[name] for name in names], str(kept.changed or "")

    def _meet(self, need: Need) -> None:
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
    """Return as much of a Route as runs read: identity, spec, and the status entries of our controller."""
    meta, entries = mapping(item.get("metadata")), items(mapping(item.get("status")).get("parents"))
    ours = [entry for entry in entries if entry.get("controllerName") == controller]
    kept: Plain = {name: item[name] for name in ("apiVersion", "kind", "spec") if name in item}
    kept["metadata"] = {name: meta[name] for name in _META if name in meta}
    return kept | ({"status": {"parents": ours}} if ours else {})
