"""A kubelet and scheduler stand-in: one Node, every Pod bound to it, and a local process for each of their containers.

It speaks to the API server as a kubelet does; what happens on the machine is `sandbox` and below.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, assert_never

import urllib3
from kubernetes.client.exceptions import ApiException

from emulators.cluster.addresses import AddressTable
from emulators.cluster.containers import Machine
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.node_ports import NodePorts
from emulators.cluster.objects import Objects
from emulators.cluster.pods import IMAGES, Image, Json
from emulators.cluster.sandbox import Sandbox
from emulators.cluster.watch import Changed, Listed, News, Removed, Watch

_LOG = logging.getLogger(__name__)
NODE = "laptop"
_BEAT = 0.05
_RETRY = 0.3
_PROBES = 8
_GONE = (404, 409)
_NEWS_A_BEAT = 200
_STRATEGIC = "application/strategic-merge-patch+json"
_FAILURES = (ApiException, urllib3.exceptions.HTTPError, OSError)
_NEVER: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class _Lodging:
    """A sandbox and what the API server knows of it.

    Attributes:
        reported: status that the API server has taken.
        retry_at: earliest time of the next report after one that failed.
    """

    sandbox: Sandbox
    reported: Mapping[str, Any] = _NEVER
    retry_at: float = 0.0


class Kubelet:
    """Runs the Pods of a control plane until it is stopped; use it as a context manager.

    One thread starts, reports and ends everything; it outlives its processes, which end with it.

    Attributes:
        addresses: path of the table file `{"10.244.0.7:8080": "127.0.0.1:43567"}`.
        logs: folder of the Pods' output, `<namespace>/<name>.log`.
    """

    def __init__(
        self, plane: ControlPlane, folder: Path, images: Mapping[str, Image] = IMAGES, *, provider_id: str = ""
    ) -> None:
        """Be a Node; with a `provider_id` one of a cloud, whose last part names the machine: it has node ports then."""
        self._provider_id, machine = provider_id, provider_id.rpartition("/")[2]
        self.logs = folder / "logs"
        self._table = AddressTable(folder / "addresses.json")
        self.addresses = self._table.path
        self._client: Objects = plane.client()
        self._pool = ThreadPoolExecutor(_PROBES, thread_name_prefix="probe")
        self._machine = Machine(images, self._table, self._pool, self.logs, self._read)
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._watch = Watch(plane.client(), "/api/v1/pods", self._news.put)
        self._node_ports = NodePorts(plane.client, self._table, machine) if machine else contextlib.nullcontext()
        self._unbound: dict[str, Json] = {}
        self._lodgings: dict[str, _Lodging] = {}
        self._bind_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)

    def __enter__(self) -> Self:
        self._register()
        self._watch.__enter__()
        self._node_ports.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._node_ports.__exit__(None, None, None)
        self._watch.__exit__()
        self._stopping.set()
        self._thread.join(30)
        self._pool.shutdown()

    def _read(self, kind: str, namespace: str, name: str) -> Json | None:
        """Return a Secret or ConfigMap that a Pod mounts; None while it cannot be read."""
        try:
            return self._client.get("v1", kind, namespace, name)
        except _FAILURES as error:
            _LOG.warning("cannot read %s %s/%s, trying again: %s", kind, namespace, name, error)
            return None

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._take_news()
                self._beat(time.monotonic())
        finally:
            for lodging in self._lodgings.values():
                lodging.sandbox.close(time.monotonic())

    # --- news from the API server ---

    def _take_news(self) -> None:
        """Wait a beat for news, then take what has come, with an end so that processes are looked after as well."""
        with contextlib.suppress(queue.Empty):
            self._take(self._news.get(timeout=_BEAT))
            for _ in range(_NEWS_A_BEAT):
                self._take(self._news.get_nowait())

    def _take(self, news: News) -> None:
        match news:
            case Listed(items):
                alive = {item["metadata"]["uid"] for item in items}
                for uid in (self._lodgings.keys() | self._unbound.keys()) - alive:
                    self._evict(uid)
                for item in items:
                    self._observe(item)
            case Changed(item):
                self._observe(item)
            case Removed(item):
                self._evict(item["metadata"]["uid"])
            case _:
                assert_never(news)

    def _observe(self, pod: Json) -> None:
        """Note a Pod that waits for a Node; give one that is bound here a sandbox, or its sandbox the news."""
        uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName")
        self._unbound.pop(uid, None)
        if uid in self._lodgings:
            self._lodgings[uid].sandbox.observe(pod, time.monotonic())
        elif node == NODE and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
            self._lodgings[uid] = _Lodging(Sandbox(self._machine, pod, time.monotonic()))
        elif node == NODE and "deletionTimestamp" in pod["metadata"]:
            self._delete(pod)
        elif not node and "deletionTimestamp" not in pod["metadata"] and not pod["spec"].get("schedulingGates"):
            self._unbound[uid] = pod

    def _evict(self, uid: str) -> None:
        """End at once what runs for a Pod that does not exist any more."""
        self._unbound.pop(uid, None)
        if lodging := self._lodgings.pop(uid, None):
            lodging.sandbox.close(time.monotonic())

    # --- what the API server is told ---

    def _beat(self, now: float) -> None:
        if now >= self._bind_at:
            self._bind_all(now)
        for uid, lodging in list(self._lodgings.items()):
            lodging.sandbox.advance(now)
            if now < lodging.retry_at:
                continue
            try:
                self._report(uid, lodging)
            except _FAILURES as error:
                _LOG.warning("cannot report Pod %s, trying again: %s", _path(lodging.sandbox.pod), error)
                lodging.retry_at = now + _RETRY

    def _report(self, uid: str, lodging: _Lodging) -> None:
        """Tell a status that changed, or that the end has come."""
        status = lodging.sandbox.status()
        pod = lodging.sandbox.pod
        if status != lodging.reported:
            patch = {"metadata": {"uid": uid}, "status": status}
            with _fine_if_gone():
                self._client.call("PATCH", f"{_path(pod)}/status", patch, kind=_STRATEGIC)
            lodging.reported = status
        if lodging.sandbox.ended:
            self._delete(pod)
            self._evict(uid)

    def _delete(self, pod: Json) -> None:
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        with _fine_if_gone():
            self._client.call("DELETE", _path(pod), body)

    def _bind_all(self, now: float) -> None:
        for uid, pod in list(self._unbound.items()):
            try:
                self._bind(pod)
            except _FAILURES as error:
                _LOG.warning("cannot bind Pod %s, trying again: %s", _path(pod), error)
                self._bind_at = now + _RETRY
                return
            self._unbound.pop(uid)

    def _bind(self, pod: Json) -> None:
        meta = {name: pod["metadata"][name] for name in ("name", "namespace", "uid")}
        target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": target}
        with _fine_if_gone():
            self._client.call("POST", f"{_path(pod)}/binding", body)

    def _register(self) -> None:
        """Create the Node and say that it is ready."""
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
        room = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the stand-in runs", **times}
        addresses = [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NODE}]
        status = {"conditions": [ready], "addresses": addresses, "capacity": room, "allocatable": room}
        labels = {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}
        found = self._client.apply(node | {"metadata": {"name": NODE, "labels": labels}})
        named = {"providerID": self._provider_id} if self._provider_id else {}
        self._client.merge(found, {"spec": {"taints": None, **named}})
        self._client.merge(found, {"status": status}, status=True)


def _path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


@contextlib.contextmanager
def _fine_if_gone() -> Iterator[None]:
    """Let a call on a Pod pass that is gone, or whose name another Pod has by now."""
    try:
        yield
    except ApiException as error:
        if error.status not in _GONE:
            raise
