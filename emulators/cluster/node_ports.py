"""kube-proxy on the one Node: each node port of a Service leads to one of its Pods.

What is sent to the Node's machine at a node port goes where the table of addresses says, as what is sent to a Pod does.
kube-proxy would choose among all ready endpoints each time; here it is the first one, which is as good an answer.
Sources: Kubernetes, "Service" (type NodePort), "Virtual IPs and Service Proxies" (traffic to terminating endpoints).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Self

from emulators.cluster.addresses import AddressTable
from emulators.cluster.objects import Objects
from emulators.cluster.watch import Changed, Listed, News, Removed, Watch

type Json = Mapping[str, Any]
type Place = tuple[str, int]
"""Address and port of a Pod."""

_SERVICE = "kubernetes.io/service-name"


def led_to(services: Iterable[Json], slices: Iterable[Json]) -> dict[int, tuple[Place, ...]]:
    """Return where each node port may lead, the ready endpoints of its Service port, sorted."""
    by_service: dict[tuple[str, str], list[Json]] = {}
    for one in slices:
        meta = one["metadata"]
        by_service.setdefault((meta["namespace"], (meta.get("labels") or {}).get(_SERVICE, "")), []).append(one)
    found: dict[int, tuple[Place, ...]] = {}
    for service in services:
        mine = by_service.get((service["metadata"]["namespace"], service["metadata"]["name"]), [])
        for port in service["spec"].get("ports") or ():
            if number := port.get("nodePort"):
                found[number] = tuple(sorted({place for one in mine for place in _places(one, port.get("name", ""))}))
    return found


def _places(endpoint_slice: Json, name: str) -> Iterator[Place]:
    """Yield the endpoints of a slice that take new connections: the ready ones, else those that end but still serve."""
    ports = [one["port"] for one in endpoint_slice.get("ports") or () if one.get("name", "") == name]
    endpoints = [(one, one.get("conditions") or {}) for one in endpoint_slice.get("endpoints") or ()]
    ready = [one for one, conditions in endpoints if conditions.get("ready") is not False]
    ending = [one for one, is_ in endpoints if is_.get("serving") is True and is_.get("terminating") is True]
    for endpoint in ready or ending:
        for port in ports:
            yield endpoint["addresses"][0], port


class NodePorts:
    """Keeps the node ports of a machine in the table while it is entered; use it as a context manager."""

    def __init__(self, client: Callable[[], Objects], table: AddressTable, machine: str) -> None:
        """Lead the node ports of `machine`, as the cloud names it; each call of `client` gives a client of its own."""
        self._table, self._machine = table, machine
        self._lock = threading.Lock()
        self._services: dict[str, Json] = {}
        self._slices: dict[str, Json] = {}
        paths = {"/api/v1/services": self._services, "/apis/discovery.k8s.io/v1/endpointslices": self._slices}
        self._watches = [Watch(client(), path, partial(self._take, held)) for path, held in paths.items()]

    def __enter__(self) -> Self:
        for watch in self._watches:
            watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self._watches:
            watch.__exit__()

    def _take(self, held: dict[str, Json], news: News) -> None:
        with self._lock:
            match news:
                case Listed(items):
                    held.clear()
                    held.update({item["metadata"]["uid"]: item for item in items})
                case Changed(item):
                    held[item["metadata"]["uid"]] = item
                case Removed(item):
                    held.pop(item["metadata"]["uid"], None)
            self._table.lead(self._machine, led_to(self._services.values(), self._slices.values()))
