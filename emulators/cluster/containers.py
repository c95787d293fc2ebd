"""One container of a Pod as a local process: started, probed, started again, ended. Knows no API server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.cluster.addresses import AddressTable
from emulators.cluster.pods import CannotRun, Image, Json, Place, container_ports, image_of, pre_stop, program
from emulators.cluster.probes import Readiness, probe_of
from emulators.cluster.processes import Child, free_port
from emulators.cluster.volumes import Source, mounts

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 30.0
_AWAIT_VOLUME = 0.3


@dataclass(frozen=True, slots=True)
class Machine:
    """What all Pods share.

    Attributes:
        images: what runs in place of an image.
        table: where the loopback port of a container port is told.
        pool: runs the tries of readiness probes.
        logs: folder of the files that processes write to.
        source: reads the Secrets and ConfigMaps of volumes.
    """

    images: Mapping[str, Image]
    table: AddressTable
    pool: Executor
    logs: Path
    source: Source


class Container:
    """A container from its first start to its last end; `advance` has to be called often.

    All processes are started by the thread that calls, which has to outlive them.
    """

    def __init__(self, machine: Machine, pod: Json, name: str, address: str) -> None:
        self.name = name
        self._machine = machine
        self._pod = pod
        self._spec: Json = next(one for one in pod["spec"]["containers"] if one["name"] == name)
        self._address = address
        self._child: Child | None = None
        self._hook: Child | None = None
        self._place = Place(address, {})
        self._readiness: Readiness | None = None
        self._ending = False
        self._restarts = 0
        self._next_start: float | None = None
        self._state: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
        self._last: dict[str, Any] = {}

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self._child is not None

    @property
    def ready(self) -> bool:
        """Whether it runs, takes traffic, and is not about to end."""
        return self.running and not self._ending and self._readiness is not None and self._readiness.ready

    @property
    def exit_code(self) -> int | None:
        """Exit code of a process that ended for good, None while it runs or will run again."""
        ended = self._state.get("terminated")
        return None if ended is None or self._next_start is not None else int(ended["exitCode"])

    def status(self) -> dict[str, Any]:
        """Return the Pod's `containerStatuses` entry of this container."""
        return {
            "name": self.name,
            "image": self._spec["image"],
            "imageID": "",
            "ready": self.ready,
            "started": self.running,
            "restartCount": self._restarts,
            "state": self._state,
            "lastState": self._last,
        }

    def start(self, now: float) -> None:
        """Start its process on fresh loopback ports and tell the table; what cannot run waits and says why."""
        self._next_start = None
        try:
            image = image_of(self._spec, self._machine.images)
            self._launch(image, now)
        except CannotRun as refusal:
            self._state = {"waiting": {"reason": refusal.reason, "message": str(refusal)}}
            if refusal.reason == "ContainerCreating":
                self._next_start = now + _AWAIT_VOLUME
        except OSError as error:
            self._state = _terminated(127, _now(), message=f"cannot start: {error}")
            self._plan_restart(127, now)

    def advance(self, now: float) -> None:
        """Notice what happened since: an end, a probe's result, a restart or a preStop hook that is over."""
        if self._child is not None and not self._child.running:
            self._note_end(self._child, now)
        if self._readiness is not None:
            self._readiness.advance(now)
        if self._next_start is not None and now >= self._next_start:
            if "terminated" in self._state:
                self._restarts += 1
                self._last = self._state
            self.start(now)
        if self._hook is not None and not self._hook.running:
            self._hook = None
            self._terminate()

    def end(self) -> None:
        """Let the preStop hook run, then ask the process to end. It is started no more."""
        self._ending = True
        self._next_start = None
        hook = pre_stop(self._spec)
        if self._child is None or not hook:
            self._terminate()
            return
        try:
            environment = program(self._pod, self._spec, self._image(), self._place).environment
            self._hook = Child(f"{self.name} preStop", hook, self._child.log, environment)
        except OSError:
            self._terminate()

    def kill(self) -> None:
        """End hook and process at once."""
        self._ending = True
        self._next_start = None
        for child in (self._hook, self._child):
            if child is not None:
                child.kill()
        self._hook = None

    def _image(self) -> Image:
        return image_of(self._spec, self._machine.images)

    def _launch(self, image: Image, now: float) -> None:
        probe = probe_of(self._spec, image)
        folders = mounts(self._pod, self._spec, self._machine.source, self._machine.logs.parent / "volumes")
        place = Place(self._address, {port: free_port() for port in container_ports(self._spec, image)}, folders)
        wanted = program(self._pod, self._spec, image, place)
        self._child = Child(self.name, wanted.command, self._log(), wanted.environment)
        self._place = place
        self._readiness = Readiness(probe, place, self._machine.pool, now)
        self._state = {"running": {"startedAt": _now()}}
        self._machine.table.route(self._address, place.ports)

    def _log(self) -> Path:
        meta = self._pod["metadata"]
        folder = self._machine.logs / str(meta["namespace"])
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{meta['name']}.log"

    def _terminate(self) -> None:
        if self._child is not None:
            self._child.terminate()

    def _note_end(self, child: Child, now: float) -> None:
        code = child.exit_code or 0
        started = self._state.get("running", {}).get("startedAt", _now())
        self._state = _terminated(code if code >= 0 else 128 - code, started)
        self._child, self._readiness = None, None
        self._machine.table.unroute(self._address, self._place.ports)
        self._plan_restart(code, now)

    def _plan_restart(self, code: int, now: float) -> None:
        policy = self._pod["spec"].get("restartPolicy", "Always")
        if not self._ending and (policy == "Always" or (policy == "OnFailure" and code != 0)):
            self._next_start = now + min(_FIRST_PAUSE * 4.0 ** min(self._restarts, 8), _LONGEST_PAUSE)


def _terminated(code: int, started: str, *, message: str = "") -> dict[str, Any]:
    told = {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "startedAt": started,
        "finishedAt": _now(),
    }
    return {"terminated": told | ({"message": message} if message else {})}


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
