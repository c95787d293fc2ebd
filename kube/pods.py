"""Reads Pods by name: the one that speaks for a Service, and those that wait for a readiness gate of ours.

Pods are neither listed nor watched: a cluster has many times more of them than all else that runs read. The ports,
probes and gates of a Pod are fixed for its life (Kubernetes, "Pod update and replacement"): what was read of them once
is kept, and only Pods with a gate are read again, until it is open. What may not be read costs its Service the probe.
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
from reconciler.gatewayapi.pods import GATE, gates_of, speakers
from reconciler.gatewayapi.resources import EndpointSlice
from reconciler.gatewayapi.values import items, mapping

type Get = Callable[[kinds.Kind, str, str], Plain | None]
"""Returns an object by kind, namespace and name."""

MOST = 5000
"""Pods that are kept, some hundred bytes each."""
_WAITING = 100
"""Pods of one Service that are looked at while they wait for their gate; the others are when these are ready."""
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

    def waiting(self, get: Get, slices: Sequence[EndpointSlice]) -> tuple[Plain, ...]:
        """Return, as they are now, the Pods behind a Service that are not ready and have a readiness gate of ours.

        Of a Pod without the gate this is known from the first read on. Raises TransientError.
        """
        namespace = slices[0].meta.namespace
        every = (one for slice_ in slices for one in slice_.endpoints if one.pod and not one.ready)
        unready = {one.pod: one.pod_uid for one in every if not one.terminating}
        found: list[Plain] = []
        for name in sorted(unready)[:_WAITING]:
            known = self._known.get((namespace, unready[name]))
            if known is not None and GATE not in gates_of(known):
                continue
            try:
                pod = get(kinds.POD, namespace, name)
            except TerminalError as error:
                self._tell(namespace, error)
                break
            if pod is not None:
                kept = self._keep(namespace, pod)
                if GATE in gates_of(kept):
                    found.append(kept | {"status": _conditions(pod)})
        return tuple(found)

    def _read(self, get: Get, namespace: str, name: str) -> Plain | None:
        found = get(kinds.POD, namespace, name)
        return None if found is None else self._keep(namespace, found)

    def _keep(self, namespace: str, found: Plain) -> Plain:
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
            _LOG.warning("readiness probes and gates of namespace %s are not looked at: %s", namespace, error.message)


def _trimmed(pod: Plain) -> Plain:
    meta, spec = pod["metadata"], mapping(pod.get("spec"))
    gates = [{"conditionType": kind} for kind in sorted(gates_of(pod))]
    return {
        "apiVersion": pod["apiVersion"],
        "kind": pod["kind"],
        "metadata": {key: meta[key] for key in ("namespace", "name", "uid") if key in meta},
        "spec": {
            **{
                field: [_container(one) for one in items(spec.get(field))] for field in ("containers", "initContainers")
            },
            **({"readinessGates": gates} if gates else {}),
        },
    }


def _conditions(pod: Plain) -> Plain:
    """Return of a Pod's status what says whether it is ready; never empty, for it was read."""
    fields = ("type", "status", "message")
    told = items(mapping(pod.get("status")).get("conditions"))
    return {"conditions": [{key: one[key] for key in fields if key in one} for one in told]}


def _container(block: Any) -> Plain:
    return {key: block[key] for key in _CONTAINER if key in block}
