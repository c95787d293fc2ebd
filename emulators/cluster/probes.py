"""Readiness probes: what a container asks for, one try of it, and the counting of tries. Knows no API server."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from http import HTTPStatus

from emulators.cluster.pods import CannotRun, Image, Json, Place, port_number

_EAGER = 0.2
"""Seconds between the tries before the first success: nobody here wants to wait a whole period for a start."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A readinessProbe (Kubernetes API, core/v1 Probe) with its defaults filled in; times in seconds.

    Attributes:
        port: the container's, not that of its process.
        path: of the request; None for a probe that only connects.
    """

    port: int
    path: str | None
    headers: Mapping[str, str]
    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int


def probe_of(container: Json, image: Image) -> Probe | None:
    """Return a container's readiness probe, else its image's, else None. Raises CannotRun for one of another kind."""
    spec = container.get("readinessProbe") or image.readiness
    if not spec:
        return None
    kinds = [kind for kind in ("httpGet", "tcpSocket") if kind in spec]
    if not kinds or str(spec[kinds[0]].get("scheme", "HTTP")).upper() != "HTTP":
        message = f"container {container['name']}: a readinessProbe has to be httpGet (HTTP) or tcpSocket here"
        raise CannotRun("CreateContainerConfigError", message)
    action = spec[kinds[0]]
    return Probe(
        port=_port(container, image, action["port"], own=bool(container.get("readinessProbe"))),
        path=action.get("path", "/") if "httpGet" in spec else None,
        headers={header["name"]: header["value"] for header in action.get("httpHeaders") or ()},
        initial_delay=float(spec.get("initialDelaySeconds", 0)),
        period=float(spec.get("periodSeconds", 10)),
        timeout=float(spec.get("timeoutSeconds", 1)),
        successes=int(spec.get("successThreshold", 1)),
        failures=int(spec.get("failureThreshold", 3)),
    )


def answers(probe: Probe, place: Place) -> bool:
    """Try once: whether the process connects and, for a request, answers with a status from 200 to 399."""
    if probe.port not in place.ports:
        return False
    address = ("127.0.0.1", place.ports[probe.port])
    try:
        if probe.path is None:
            with socket.create_connection(address, probe.timeout):
                return True
        return _asked(probe, *address)
    except (OSError, http.client.HTTPException):
        return False


class Readiness:
    """The readiness of one start of a container. The tries happen elsewhere; only `advance` changes anything.

    Attributes:
        ready: as last counted; from the start on if there is no probe.
    """

    def __init__(self, probe: Probe | None, place: Place, pool: Executor, now: float) -> None:
        self.ready = probe is None
        self._probe = probe
        self._place = place
        self._pool = pool
        self._due = now + (probe.initial_delay if probe else 0.0)
        self._asked: Future[bool] | None = None
        self._row = 0
        self._began = probe is None

    def advance(self, now: float) -> None:
        """Count a try that ended and begin the next one when it is due."""
        if self._probe is None:
            return
        if self._asked is not None and self._asked.done():
            self._count(self._probe, success=self._asked.result())
            self._asked = None
        if self._asked is None and now >= self._due:
            self._asked = self._pool.submit(answers, self._probe, self._place)
            self._due = now + (self._probe.period if self._began else min(self._probe.period, _EAGER))

    def _count(self, probe: Probe, *, success: bool) -> None:
        """Count successes while not ready and failures while ready; one of the other kind starts the row anew."""
        self._row = 0 if success == self.ready else self._row + 1
        if self._row >= (probe.failures if self.ready else probe.successes):
            self.ready, self._row, self._began = not self.ready, 0, True


def _port(container: Json, image: Image, port: int | str, *, own: bool) -> int:
    """Return the port that a probe means; an image's own probe asks the container's first port."""
    if own:
        return port_number(container, port)
    declared = container.get("ports") or ()
    return int(declared[0]["containerPort"]) if declared else image.ports[0]


def _asked(probe: Probe, host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=probe.timeout)
    try:
        connection.request("GET", probe.path or "/", headers={"User-Agent": "kube-probe", **probe.headers})
        return HTTPStatus.OK <= connection.getresponse().status < HTTPStatus.BAD_REQUEST
    finally:
        connection.close()
