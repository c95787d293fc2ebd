"""One Pod on this machine: its address, its containers, its end, and the status that says so. Knows no API server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from emulators.cluster.containers import Container, Machine
from emulators.cluster.pods import Json, grace, unsupported

_HOST = "127.0.0.1"


class Sandbox:
    """A Pod from its binding to the end of its processes; `advance` has to be called often.

    Attributes:
        pod: as last seen.
        address: of the Pod, until `close`.
    """

    def __init__(self, machine: Machine, pod: Json, now: float) -> None:
        self.pod = pod
        self.address = machine.table.take()
        self._machine = machine
        self._deadline: float | None = None
        self._started = _time()
        self._since: dict[str, tuple[str, str]] = {}
        self._refusal = unsupported(pod)
        names = [] if self._refusal else [one["name"] for one in pod["spec"]["containers"]]
        self._containers = tuple(Container(machine, pod, name, self.address) for name in names)
        self.observe(pod, now)
        if self._deadline is None:
            for container in self._containers:
                container.start(now)

    @property
    def ended(self) -> bool:
        """Whether the Pod is being deleted and none of its processes is left."""
        return self._deadline is not None and not any(container.running for container in self._containers)

    def observe(self, pod: Json, now: float) -> None:
        """Take the newest state of the Pod; a deletion begins or hastens the end."""
        self.pod = pod
        if "deletionTimestamp" not in pod["metadata"]:
            return
        if self._deadline is None:
            for container in self._containers:
                container.end()
        self._deadline = min(self._deadline or now + grace(pod), now + grace(pod))

    def advance(self, now: float) -> None:
        """Notice what happened since, and end by force what outlived its grace."""
        for container in self._containers:
            if self._deadline is not None and now >= self._deadline:
                container.kill()
            container.advance(now)

    def close(self, now: float) -> None:
        """End everything at once and give the address back."""
        for container in self._containers:
            container.kill()
            container.advance(now)
        self._machine.table.give_back(self.address)

    def status(self) -> dict[str, Any]:
        """Return the Pod's status as the kubelet reports it (Kubernetes API, core/v1 PodStatus)."""
        return {
            "phase": self._phase(),
            "message": self._refusal or None,
            "hostIP": _HOST,
            "hostIPs": [{"ip": _HOST}],
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "startTime": self._started,
            "conditions": [self._condition(*one) for one in self._conditions()],
            "containerStatuses": [container.status() for container in self._containers],
        }

    def _phase(self) -> str:
        codes = [container.exit_code for container in self._containers]
        if codes and all(code is not None for code in codes):
            return "Failed" if any(codes) else "Succeeded"
        started = any("waiting" not in container.status()["state"] for container in self._containers)
        return "Running" if started else "Pending"

    def _conditions(self) -> Iterator[tuple[str, bool, str]]:
        """Yield type, whether it holds, and the reason if it does not."""
        unready = [container.name for container in self._containers if not container.ready]
        ready = bool(self._containers) and not unready
        reason = "PodTerminating" if self._deadline is not None else "ContainersNotReady"
        yield "PodScheduled", True, ""
        yield "PodReadyToStartContainers", not self._refusal, "Unsupported"
        yield "Initialized", not self._refusal, "Unsupported"
        yield "ContainersReady", ready, reason
        yield "Ready", ready and self._gates_open(), reason if not ready else "ReadinessGatesNotReady"

    def _gates_open(self) -> bool:
        """Tell whether every readiness gate's condition, which somebody else writes, is True."""
        told = {one["type"]: one["status"] for one in self.pod.get("status", {}).get("conditions") or ()}
        gates = self.pod["spec"].get("readinessGates") or ()
        return all(told.get(gate["conditionType"]) == "True" for gate in gates)

    def _condition(self, kind: str, holds: bool, reason: str) -> Mapping[str, str | None]:  # noqa: FBT001 - from _conditions
        status = "True" if holds else "False"
        if self._since.get(kind, ("", ""))[0] != status:
            self._since[kind] = status, _time()
        since = self._since[kind][1]
        return {"type": kind, "status": status, "reason": None if holds else reason, "lastTransitionTime": since}


def _time() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
