"""Reads the Pods that speak for Services, one a Service and by name, and keeps of each what never changes.

Pods are neither listed nor watched: a cluster has many times more of them than all else that runs read. The ports and
probes of a Pod are fixed for its life (Kubernetes, "Pod update and replacement"), so one that was read once is not read
again. What may not be read costs its Service the probe and nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kube import kinds
from kube.api import Plain
from reconciler.errors import TerminalError
from reconciler.gatewayapi.pods import speakers
from reconciler.gatewayapi.resources import EndpointSlice
from reconciler.gatewayapi.values import items, mapping

type Get = Callable[[kinds.Kind, str, str], Plain | None]
"""Returns an object by kind, namespace and name."""

MOST = 5000
"""Pods that are kept, some hundred bytes each."""
_TRIES = 3
"""Pods that are asked after for one Service: one that a slice still names may be gone by now."""
_CONTAINER = ("ports", "readinessProbe", "restartPolicy")
"""What is kept of a container. Its environment, which may hold secrets, is not."""
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Pods:
    """What is known of the Pods of one cluster, by namespace and UID. Threads may share it."""

    most: int = MOST
    _known: dict[tuple[str, str], Plain] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def speaking(self, get: Get, slices: Sequence[EndpointSlice]) -> tuple[Plain, ...]:
        """Return the Pod that speaks for the Service of these slices, nothing if none is there or may be read.

        Raises TransientError: a read that failed says nothing, and a health check must not change for it.
        """
        namespace = slices[0].meta.namespace
        uids = {one.pod: one.pod_uid for slice_ in slices for one in slice_.endpoints}
        for name in speakers(slices)[:_TRIES]:
            known = self._known.get((namespace, uids[name]))
            try:
                found = known or self._read(get, namespace, name)
            except TerminalError as error:
                self._tell(namespace, error)
                return ()
            if found is not None:
                return (found,)
        return ()

    def _read(self, get: Get, namespace: str, name: str) -> Plain | None:
        found = get(kinds.POD, namespace, name)
        if found is None:
            return None
        pod = _trimmed(found)
        with self._lock:
            while len(self._known) >= self.most:
                del self._known[next(iter(self._known))]
            self._known[namespace, str(found["metadata"].get("uid"))] = pod
        return pod

    def _tell(self, namespace: str, error: TerminalError) -> None:
        """Log, once a namespace, that probes there are not looked at."""
        with self._lock:
            told = namespace in self._refused
            self._refused.add(namespace)
        if not told:
            _LOG.warning("readiness probes of namespace %s are not looked at: %s", namespace, error.message)


def _trimmed(pod: Plain) -> Plain:
    meta, spec = pod["metadata"], mapping(pod.get("spec"))
    return {
        "apiVersion": pod["apiVersion"],
        "kind": pod["kind"],
        "metadata": {key: meta[key] for key in ("namespace", "name", "uid") if key in meta},
        "spec": {
            field: [_container(one) for one in items(spec.get(field))] for field in ("containers", "initContainers")
        },
    }


def _container(block: Any) -> Plain:
    return {key: block[key] for key in _CONTAINER if key in block}
