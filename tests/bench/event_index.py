"""What an event costs the watcher, and what it keeps in memory, with everything that the API server holds."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

from kube import kinds
from kube.api import Api
from kube.index import Index
from kube.watch import Changed, Listed
from reconciler.mark import finalizer
from tests.bench.rows import Row, Say, milliseconds
from tests.builders import CONTROLLER

EVENTS = 1000
_KIB = 1024
type Plain = dict[str, Any]


def measure_index(api: Api, say: Say) -> Iterator[Row]:
    """Feed an index with lists of all kinds, then with events that change each object."""
    say("events through the index")
    texts = {kind: json.dumps(api.list(kind.path()).items) for kind in kinds.WATCHED}
    routes = json.loads(texts[kinds.BY_NAME["HTTPRoute"]])
    index, kilobytes = _fed(texts, len(routes))
    what = f"{len(routes):,} Routes"
    yield Row(f"index, {what}: memory a Route beyond the object", kilobytes, 1, " KB")
    for kind in (
        kinds.BY_NAME["HTTPRoute"],
        kinds.SERVICE,
        kinds.ENDPOINT_SLICE,
        kinds.GATEWAY,
        kinds.LISTENER_SET,
    ):
        ours = [item for item in json.loads(texts[kind]) if item["metadata"]["namespace"] != "default"]
        took, touched = _events(index, kind, ours[:EVENTS])
        yield milliseconds(f"index, {what}: an event of {kind.name} to its Gateways, mean", took * 1000, 1)
        yield Row(f"index, {what}: Gateways missed or woken for nothing by {kind.name} events", touched, 0)


def _fed(texts: dict[kinds.Kind, str], routes: int) -> tuple[Index, float]:
    """Return an index that took these lists, and its KB a Route; the objects are let go before it is weighed."""
    index = Index(CONTROLLER, finalizer("aws"))
    gc.collect()
    tracemalloc.start()
    for kind, text in texts.items():
        if kind in (kinds.BY_NAME["HTTPRoute"], kinds.GATEWAY, kinds.GATEWAY_CLASS, kinds.LISTENER_SET):
            index.replace(Listed(kind, tuple(json.loads(text))))
    gc.collect()
    weight, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for kind, text in texts.items():
        index.replace(Listed(kind, tuple(json.loads(text))))
    return index, weight / routes / _KIB


def _events(index: Index, kind: kinds.Kind, items: list[Plain]) -> tuple[float, int]:
    """Change each object; return the mean seconds of an event, and how many did not wake exactly one Gateway."""
    for item in items:
        item["metadata"]["labels"] = {**item["metadata"].get("labels", {}), "changed": "yes"}
    started = time.perf_counter()
    woken = [len(index.apply(Changed(kind, item)).subjects) for item in items]
    return (time.perf_counter() - started) / len(items), sum(count != 1 for count in woken)
