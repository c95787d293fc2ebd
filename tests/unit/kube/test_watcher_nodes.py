"""The watcher and Nodes: followed only while a BackendConfig asks for them, and whom they wake."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from kube import kinds
from kube.api import Api, Listing, WatchSpan
from kube.watch import Lasting
from kube.watcher import Watched, Watcher
from reconciler.events import Cause, Trigger
from tests.builders import (
    CLUSTER,
    CONTROLLER,
    backend,
    backend_config,
    endpoints,
    gateway,
    gateway_class,
    node,
    parent,
    route,
    rule,
    service,
)

type Plain = dict[str, Any]
BY_NODES = backend_config({"targetType": "instance"})
NODES = kinds.NODE.path()
BACKEND_CONFIGS = kinds.BACKEND_CONFIG.path()


@dataclass
class Server:
    """Lists objects by path, and hands on events that are put there; `asked` counts lists, `open` streams by path."""

    objects: dict[str, list[Plain]] = field(default_factory=dict)
    events: dict[str, queue.SimpleQueue[tuple[str, Plain]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)
    version: int = 10

    def put(self, *items: Plain) -> None:
        """Hold objects from the start."""
        for item in items:
            self.objects.setdefault(kinds.BY_NAME[item["kind"]].path(), []).append(item)

    def list(self, path: str, _query: object = None) -> Listing:
        """Answer as `Api.list` does."""
        self.asked.append(path)
        return Listing(tuple(self.objects.get(path, ())), str(self.version))

    def get(self, _path: str, **_options: bool) -> Any:
        """No Secret and no ConfigMap is there."""
        return None

    def watch(self, path: str, _span: WatchSpan) -> Iterator[tuple[str, Plain]]:
        """Yield what is told until all is over."""
        self.open.add(path)
        waiting = self.events.setdefault(path, queue.SimpleQueue())
        while not self.over.is_set():
            with contextlib.suppress(queue.Empty):
                yield waiting.get(timeout=0.02)
        self.open.discard(path)

    def tell(self, item: Plain, what: str = "MODIFIED") -> None:
        """Let something happen to an object."""
        self.version += 1
        item = item | {"metadata": item["metadata"] | {"resourceVersion": str(self.version)}}
        self.events.setdefault(kinds.BY_NAME[item["kind"]].path(), queue.SimpleQueue()).put((what, item))


@dataclass
class Sent:
    """A queue in memory."""

    triggers: queue.Queue[Trigger] = field(default_factory=queue.Queue)

    def send(self, trigger: Trigger) -> None:
        """Take a trigger."""
        self.triggers.put(trigger)

    def send_later(self, triggers: Sequence[Trigger], delay: float) -> None:
        """A watcher never asks for later."""
        raise AssertionError((triggers, delay))

    def take(self) -> list[Trigger]:
        """Return what was sent, once nothing has come for a while."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self.triggers.get(timeout=0.3))
        return found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def server() -> Server:
    found = Server()
    more = route("more", parents=[parent("north")], rules=[rule(backend("more"))])
    found.put(gateway_class(), gateway(), gateway("north"), route(), more, service(), endpoints(), node())
    return found


@contextlib.contextmanager
def watching(server: Server) -> Iterator[Sent]:
    """Run a watcher; what its start sends is taken already."""
    sent, lasting, runs = Sent(), Lasting(), iter(range(1000))
    watched = Watched(cast("Api", server), CLUSTER, CONTROLLER, "aws", quiet=0.02)
    watcher = Watcher(watched, sent, lambda: f"run-{next(runs)}")
    thread = threading.Thread(target=watcher.run, args=(lasting,), daemon=True)
    thread.start()
    until(lambda: watcher.synced)
    sent.take()
    yield sent
    lasting.stop.set()
    server.over.set()
    thread.join(10)


def test_without_a_backend_config_that_asks_nobody_lists_or_watches_nodes(server: Server) -> None:
    server.put(backend_config({"drainingSeconds": 5}))

    with watching(server) as sent:
        server.tell(node(ready="False"))

        assert [] == sent.take()
        assert NODES not in server.asked
        assert NODES not in server.open


def test_a_node_wakes_the_gateway_whose_pools_are_nodes_and_no_other(server: Server) -> None:
    server.put(BY_NODES)

    with watching(server) as sent:
        server.tell(node(ready="False"))

        (found,) = sent.take()
        assert ("gw", Cause.EVENT, ["Node"]) == (found.name, found.cause, [one.kind for one in found.seen])


def test_a_heartbeat_wakes_nobody(server: Server) -> None:
    server.put(BY_NODES)

    with watching(server) as sent:
        busy = node()
        busy["status"]["conditions"][1]["lastHeartbeatTime"] = "2026-01-01T00:10:00Z"
        server.tell(busy)

        assert [] == sent.take()


def test_nodes_are_followed_from_the_first_backend_config_that_asks(server: Server) -> None:
    """The list that begins it wakes only whom it matters to: no other Gateway missed anything."""
    with watching(server) as sent:
        server.tell(BY_NODES, "ADDED")
        until(lambda: NODES in server.open)
        found = sent.take()

        assert {"gw"} == {one.name for one in found}
        assert Cause.RELIST in {one.cause for one in found}
        assert 1 == server.asked.count(NODES)


def test_nodes_are_left_when_the_last_backend_config_goes_and_followed_anew_later(server: Server) -> None:
    server.put(BY_NODES)

    with watching(server) as sent:
        server.tell(BY_NODES, "DELETED")
        sent.take()
        server.tell(node(ready="False"))
        assert [] == sent.take()
        server.tell(BY_NODES, "ADDED")
        sent.take()

        assert 2 == server.asked.count(NODES)
        server.tell(node("n2", "i-00000000000000002"))
        assert ["gw"] == [one.name for one in sent.take()]
