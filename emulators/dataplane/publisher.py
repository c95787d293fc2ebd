"""Hands resources to Envoy by files, in an order in which no request is lost, and knows when Envoy has taken them.

New clusters and endpoints come first, then routes, then listeners; clusters and last endpoints that nobody needs any
more go last. A file is only written when its content changes, by rename, and each time with a version of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emulators.dataplane.envoy import Envoy, EnvoyError, response
from emulators.dataplane.resources import NOTHING, Layout, Resources

Json = dict[str, Any]

_TYPE = "type.googleapis.com/envoy.config."
_LISTENER = _TYPE + "listener.v3.Listener"
_CLUSTER = _TYPE + "cluster.v3.Cluster"
_ROUTES = _TYPE + "route.v3.RouteConfiguration"
_ENDPOINTS = _TYPE + "endpoint.v3.ClusterLoadAssignment"
_POLL = 0.005


@dataclass(frozen=True, slots=True)
class _Written:
    content: Mapping[str, Json]
    version: str


class Publisher:
    """The files of one Envoy."""

    def __init__(self, envoy: Envoy, layout: Layout, *, timeout: float = 20.0) -> None:
        """Give Envoy `timeout` seconds for each step."""
        self._envoy = envoy
        self._layout = layout
        self._timeout = timeout
        self._current = NOTHING
        self._written: dict[Path, _Written] = {}
        self._count = 0

    def open(self) -> None:
        """Write files that say that there is nothing; Envoy wants them when it starts."""
        for folder in (self._layout.routes("any").parent, self._layout.endpoints("any").parent):
            folder.mkdir(parents=True, exist_ok=True)
        self._write(self._cds, _CLUSTER, {})
        self._write(self._lds, _LISTENER, {})

    def publish(self, wanted: Resources) -> None:
        """Make Envoy serve exactly this, and return once it does.

        Raises:
            EnvoyError: Envoy refuses a resource, takes too long, or has ended. What it accepted is served; call again
                to try once more.
        """
        self._add_clusters(wanted)
        # What one listener gets wrong shall not keep the others from changing.
        problems = [*_problems(self._change_routes, wanted), *_problems(self._change_listeners, wanted)]
        if problems:
            raise problems[0]
        self._drop_clusters(wanted)
        self._envoy.worker_pulse()

    @property
    def _cds(self) -> Path:
        return self._layout.folder / "cds.json"

    @property
    def _lds(self) -> Path:
        return self._layout.folder / "lds.json"

    def _add_clusters(self, wanted: Resources) -> None:
        clusters = {**self._current.clusters, **wanted.clusters}
        endpoints = {**self._current.endpoints, **_still_served(self._current, wanted)}
        refused = self._refusals()
        for name, assignment in endpoints.items():
            self._write(self._layout.endpoints(name), _ENDPOINTS, {name: assignment})
        self._write(self._cds, _CLUSTER, clusters)
        self._current = replace(self._current, clusters=clusters, endpoints=endpoints)
        self._settle(refused, [self._cds, *map(self._layout.endpoints, endpoints)])

    def _change_routes(self, wanted: Resources) -> None:
        refused = self._refusals()
        for name, routes in wanted.routes.items():
            self._write(self._layout.routes(name), _ROUTES, {name: routes})
        # Routes of a new listener are read with it.
        subscribed = [name for name in wanted.routes if name in self._current.routes]
        self._settle(refused, [self._layout.routes(name) for name in subscribed])

    def _change_listeners(self, wanted: Resources) -> None:
        refused = self._refusals()
        self._write(self._lds, _LISTENER, wanted.listeners)
        new = wanted.routes.keys() - self._current.routes.keys()
        self._settle(refused, [self._lds, *map(self._layout.routes, new)])
        for name in self._current.routes.keys() - wanted.routes.keys():
            self._remove(self._layout.routes(name))
        self._current = replace(self._current, listeners=wanted.listeners, routes=wanted.routes)

    def _drop_clusters(self, wanted: Resources) -> None:
        refused = self._refusals()
        for name, assignment in wanted.endpoints.items():
            self._write(self._layout.endpoints(name), _ENDPOINTS, {name: assignment})
        self._write(self._cds, _CLUSTER, wanted.clusters)
        self._settle(refused, [self._cds, *map(self._layout.endpoints, wanted.endpoints)])
        for name in self._current.endpoints.keys() - wanted.endpoints.keys():
            self._remove(self._layout.endpoints(name))
        self._current = replace(self._current, clusters=wanted.clusters, endpoints=wanted.endpoints)

    def _write(self, path: Path, kind: str, content: Mapping[str, Json]) -> None:
        if path in self._written and self._written[path].content == content:
            return
        self._count += 1
        fresh = path.with_suffix(".new")
        fresh.write_text(response(str(self._count), kind, content))
        self._written[path] = _Written(dict(content), str(self._count))
        os.replace(fresh, path)  # noqa: PTH105 - the rename is the point: Envoy watches for it

    def _remove(self, path: Path) -> None:
        del self._written[path]
        path.unlink()

    def _refusals(self) -> int:
        return sum(self._envoy.numbers("update_rejected$").values())

    def _settle(self, refused_before: int, files: list[Path]) -> None:
        """Wait until Envoy reports the versions of these files and nothing is warming."""
        deadline = time.monotonic() + self._timeout
        while missing := self._missing(files):
            if self._refusals() > refused_before:
                self._forget(missing)
                raise self._envoy.complaint(f"Envoy refuses {_names(missing)}")
            if not self._envoy.running or time.monotonic() > deadline:
                self._forget(missing)
                raise self._envoy.complaint(f"Envoy has not taken {_names(missing)} in {self._timeout:g} s")
            time.sleep(_POLL)

    def _missing(self, files: list[Path]) -> list[Path]:
        reported = self._envoy.texts()
        missing = [path for path in files if reported.get(self._statistic(path)) != self._written[path].version]
        if not missing and any(self._envoy.numbers("warming").values()):
            return files
        return missing

    def _forget(self, files: list[Path]) -> None:
        """Have the next call write them again, so that Envoy reads them again."""
        for path in files:
            if path in self._written:
                self._written[path] = replace(self._written[path], content={"to be written again": {}})

    def _statistic(self, path: Path) -> str:
        match path.parent.name:
            case "rds":
                return f"http.{path.stem}.rds.{path.stem}.version_text"
            case "eds":
                return f"cluster.{path.stem}.version_text"
            case _:
                return {"lds": "listener_manager.lds", "cds": "cluster_manager.cds"}[path.stem] + ".version_text"


def _problems(step: Callable[[Resources], None], wanted: Resources) -> Iterator[EnvoyError]:
    try:
        step(wanted)
    except EnvoyError as error:
        yield error


def _still_served(current: Resources, wanted: Resources) -> dict[str, Json]:
    """Return the endpoints to give at once; a cluster that loses its last one keeps it until no route leads there."""
    return {
        name: assignment
        for name, assignment in wanted.endpoints.items()
        if assignment["endpoints"] or name not in current.endpoints
    }


def _names(files: list[Path]) -> str:
    return ", ".join(f"{path.parent.name}/{path.name}" for path in files[:3])
