"""The data plane: follows the state and the table of addresses, and lets Envoy carry the traffic of that moment."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from emulators.dataplane.envoy import Envoy, EnvoyError
from emulators.dataplane.publisher import Publisher
from emulators.dataplane.resources import Layout, resources
from emulators.dataplane.source import Document, Source, read_addresses, state_at

_LONG_POLL = 0.5
_LOOK_AT_ADDRESSES = 0.05
_RETRY = 0.5


@dataclass(frozen=True, slots=True)
class _Moment:
    document: Document
    addresses: dict[str, str]

    @property
    def version(self) -> int:
        return int(self.document["version"])

    def same_as(self, other: _Moment | None) -> bool:
        return other is not None and self.version == other.version and self.addresses == other.addresses


class DataPlane:
    """Envoy and the two threads that feed it; use it as a context manager.

    Attributes:
        port_offset: what is added to a listener's port: 0 where low ports may be bound.
        access_log: file of one JSON line for each request, with the ARN of the rule that matched.
    """

    def __init__(self, state: str | Source, addresses: Path, folder: Path, port_offset: int = 20_000) -> None:
        """Prepare.

        Args:
            state: URL of `/_emulator/state`, or a callable with its meaning.
            addresses: JSON file, `{"10.244.0.7:8080": "127.0.0.1:43567"}`: where the process of a target listens.
            folder: for the files that Envoy reads and writes.
            port_offset: used only where low ports may not be bound.
        """
        self.port_offset = 0 if _low_ports_allowed() else port_offset
        self._source = state_at(state) if isinstance(state, str) else state
        self._addresses = addresses
        self._layout = Layout(folder.resolve(), self.port_offset)
        self.access_log = self._layout.access_log
        self._envoy = Envoy(self._layout.folder)
        self._publisher = Publisher(self._envoy, self._layout)
        self._changed = threading.Condition()
        self._latest: Document | None = None
        self._applied: _Moment | None = None
        self._failure: tuple[int, Exception] | None = None
        self._over = threading.Event()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Start Envoy and follow the state.

        Raises:
            EnvoyError: Envoy does not start.
        """
        self._publisher.open()
        self._open.enter_context(self._envoy)
        for work in (self._follow, self._apply):
            thread = threading.Thread(target=work, name=f"dataplane{work.__name__}", daemon=True)
            thread.start()
            self._open.callback(thread.join)
        self._open.callback(self._over.set)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop following, then Envoy."""
        self._open.close()

    def wait_for(self, version: int, timeout: float = 30.0) -> int:
        """Return once traffic flows as this version of the state and the present table of addresses say.

        Returns:
            The version applied, `version` or higher.

        Raises:
            EnvoyError: Envoy refuses that version.
            TimeoutError: it is not applied within `timeout` seconds.
        """
        addresses = read_addresses(self._addresses)
        deadline = time.monotonic() + timeout
        with self._changed:
            while (applied := self._reached(version, addresses)) is None:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(
                        f"version {version} of the state is not applied in {timeout:g} s: {self._known()}"
                    )
        return applied

    def address(self, dns_name: str, port: int) -> tuple[str, int]:
        """Return host and port where the load balancer of that name accepts what clients send to its listener `port`.

        One of its addresses will do as well: one outside of loopback exists nowhere, and another stands for it.

        Raises:
            LookupError: the state applied last has no such load balancer.
        """
        applied = self._applied
        for balancer in applied.document["loadBalancers"] if applied else ():
            if dns_name.lower() == balancer["DNSName"].lower() or dns_name in balancer.get("Addresses", ()):
                return str(balancer["Address"]), port + self.port_offset
        raise LookupError(f"no load balancer has the DNS name '{dns_name}' in the state applied last: {self._known()}")

    def listens(self, dns_name: str, port: int) -> bool:
        """Tell whether the load balancer of that name or address listens on a port, in the state applied last."""
        applied = self._applied
        return any(
            (dns_name.lower() == balancer["DNSName"].lower() or dns_name in balancer.get("Addresses", ()))
            and any(listener["Port"] == port for listener in balancer["Listeners"])
            for balancer in (applied.document["loadBalancers"] if applied else ())
        )

    def _reached(self, version: int, addresses: dict[str, str]) -> int | None:
        applied = self._applied
        if applied is not None and applied.version >= version and applied.addresses == addresses:
            return applied.version
        if self._failure is not None and self._failure[0] >= version:
            raise self._failure[1]
        return None

    def _known(self) -> str:
        latest = self._latest["version"] if self._latest else "none"
        return f"known version {latest}, applied {self._applied.version if self._applied else 'none'}"

    def _follow(self) -> None:
        while not self._over.is_set():
            after = self._latest["version"] if self._latest else None
            try:
                document = self._source(after, _LONG_POLL)
            except (OSError, ValueError):
                # The emulator may be about to start, or to start again.
                self._over.wait(_RETRY)
                continue
            if document["version"] != after:
                with self._changed:
                    self._latest = document
                    self._changed.notify_all()

    def _apply(self) -> None:
        while not self._over.is_set():
            moment = self._next_moment()
            if moment is None or moment.same_as(self._applied):
                continue
            try:
                self._publisher.publish(resources(moment.document, moment.addresses, self._layout))
            except Exception as error:  # noqa: BLE001 - whoever waits for this version gets it raised
                self._settle(moment, error)
                self._over.wait(_RETRY)
            else:
                self._settle(moment, None)

    def _settle(self, moment: _Moment, error: Exception | None) -> None:
        with self._changed:
            if error is None:
                self._applied = moment
            self._failure = (moment.version, error) if error is not None else None
            self._changed.notify_all()

    def _next_moment(self) -> _Moment | None:
        """Wait a little for news and return what should be served now; None when there is nothing to say yet."""
        with self._changed:
            if self._latest is None or (self._applied and self._latest["version"] == self._applied.version):
                self._changed.wait(_LOOK_AT_ADDRESSES)
            latest = self._latest
        try:
            return _Moment(latest, read_addresses(self._addresses)) if latest is not None else None
        except ValueError:
            return None


def _low_ports_allowed() -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.254.254.254", 1))
        except PermissionError:
            return False
        except OSError as error:
            raise EnvoyError(f"this machine has no loopback aliases 127.x.y.z: {error}") from error
        return True
