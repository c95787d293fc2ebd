"""Law 10: many writers of one status lose nothing; told on a real API server, with eight Gateways and a stranger.

One Route names eight Gateways of one class. A thread for each Gateway writes its entry over and over, with a client of
its own, as eight Lambda functions would; a foreign controller writes its two entries in between. Every writer looks,
before it writes, whether what it wrote last is still there to the byte.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubernetes.client.exceptions import ApiException

from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from kube.cluster import KubeCluster
from reconciler.errors import Conflict
from reconciler.gatewayapi.resources import GROUP, Holder, ParentRef
from reconciler.gatewayapi.status import ParentStatus, RouteStatus, StatusUpdate
from tests.integration.kube_world import (
    CONTROLLER,
    ROUTES,
    accepted,
    cluster_of,
    edge_plane,
    foreign_entry,
    gateway,
    route,
)

GATEWAYS = 8
_TRIES = 1000
"""A write that met a conflict goes back to the queue; so often at most."""
_CONFLICT = 409

type Plain = dict[str, Any]


@dataclass
class Race:
    """What the writers share: the Route as created, what they counted, and what went wrong."""

    plane: ControlPlane
    item: Plain
    rounds: int
    counts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        """Count one."""
        with self.lock:
            self.counts[what] += 1

    def ours(self, number: int) -> None:
        """Write the entry of one Gateway `rounds` times."""
        cluster = cluster_of(self.plane, "routewright", ())
        for turn in range(self.rounds):
            self.expect(cluster, number, turn - 1)
            self._until_written(cluster, self.update(number, turn))
            self.count("writes of ours")

    def _until_written(self, cluster: KubeCluster, update: StatusUpdate) -> None:
        for _ in range(_TRIES):
            try:
                cluster.write_status([update])
            except Conflict:
                self.count("sent back to the queue")
            else:
                return
        raise AssertionError("a status was never written")

    def update(self, number: int, turn: int) -> StatusUpdate:
        """Return what the run of one Gateway says."""
        meta = self.item["metadata"]
        parent = ParentRef(GROUP, "Gateway", "infra", f"gw-{number}")
        body = RouteStatus(
            CONTROLLER,
            frozenset({Holder("Gateway", "infra", f"gw-{number}")}),
            (ParentStatus(parent, (accepted(meta["generation"], f"turn {turn}"),)),),
        )
        return StatusUpdate("HTTPRoute", "shop", meta["name"], meta["uid"], meta["generation"], body)

    def expect(self, cluster: KubeCluster, number: int, turn: int) -> None:
        """Note it if the entry of a Gateway is not what its writer wrote last."""
        if turn < 0:
            return
        parents = (cluster.api.get(f"{ROUTES}/web") or {})["status"]["parents"]
        found = [one for one in parents if one["parentRef"]["name"] == f"gw-{number}"]
        told = [condition["message"] for one in found for condition in one["conditions"]]
        if told != [f"turn {turn}"]:
            self.lost.append(f"gw-{number} after turn {turn}: {told}")

    def theirs(self) -> None:
        """Change the two foreign entries `rounds` times, as a controller that keeps the rules would."""
        client, before = self.plane.client(), list[str]()
        for turn in range(self.rounds):
            for _ in range(_TRIES):
                current = client.call("GET", f"{ROUTES}/web")
                parents = current.get("status", {}).get("parents", [])
                if before != (found := foreign(parents)):
                    self.lost.append(f"foreign entries before turn {turn}: {found} instead of {before}")
                mine = [_foreign(turn, port) for port in (8080, 8081)]
                others = [one for one in parents if one["controllerName"] == CONTROLLER]
                if _put(client, current, [*others[:3], *mine, *others[3:]]):
                    break
                self.count("conflicts of theirs")
            before = [json.dumps(one, sort_keys=True) for one in mine]
            self.count("writes of theirs")


def _foreign(turn: int, port: int) -> Plain:
    entry = foreign_entry()
    entry["parentRef"]["port"] = port
    entry["conditions"][0] |= {"message": f'turn {turn} \u00e9 \\ " <&>', "observedGeneration": turn}
    return entry


def foreign(parents: list[Plain]) -> list[str]:
    """Return the foreign entries, to the byte, in their order."""
    return [json.dumps(one, sort_keys=True) for one in parents if one["controllerName"] != CONTROLLER]


def _put(client: Objects, current: Plain, parents: list[Plain]) -> bool:
    """Write a status with the resourceVersion that was read; return whether nobody was faster."""
    try:
        client.call("PUT", f"{ROUTES}/web/status", {**current, "status": {"parents": parents}})
    except ApiException as error:
        if error.status == _CONFLICT:
            return False
        raise
    return True


def prove(size: int = 1000) -> dict[str, int]:
    """Let all write on a control plane of their own, `size` writes in all; return counts. Raises AssertionError."""
    with edge_plane() as plane:
        return write_all(size, plane)


def write_all(size: int, plane: ControlPlane) -> dict[str, int]:
    """Let all write, `size` writes in all; return counts. Raises AssertionError."""
    plane.kubeconfig("routewright", ())  # written once, before eight threads read it
    admin, names = plane.client(), [f"gw-{number}" for number in range(GATEWAYS)]
    for name in names:
        admin.apply(gateway(name))
    race = Race(plane, admin.apply(route("web", *names)), rounds=-(-size // (GATEWAYS + 1)))
    writers: list[Callable[[], None]] = [race.theirs]
    writers += [lambda number=number: race.ours(number) for number in range(GATEWAYS)]  # type: ignore[misc]
    _run(writers)
    parents = admin.call("GET", f"{ROUTES}/web")["status"]["parents"]
    last = race.rounds - 1
    assert [] == race.lost, race.lost[:3]
    assert [json.dumps(_foreign(last, port), sort_keys=True) for port in (8080, 8081)] == foreign(parents)
    told = {
        one["parentRef"]["name"]: one["conditions"][0]["message"] for one in parents if "port" not in one["parentRef"]
    }
    assert dict.fromkeys(names, f"turn {last}") == told
    assert GATEWAYS + 2 == len(parents)
    return {"gateways": GATEWAYS, **race.counts}


def _run(writers: list[Callable[[], None]]) -> None:
    """Run all at once to their ends; raise what broke the first."""
    broken: list[BaseException] = []

    def run(writer: Callable[[], None]) -> None:
        try:
            writer()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that asked
            broken.append(error)

    threads = [threading.Thread(target=run, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
