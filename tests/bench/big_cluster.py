"""A cluster of 10,000 HTTPRoutes, 10,000 Services and 500 Gateways on the real API server, made by parallel clients."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emulators.cluster.build import crds
from emulators.cluster.control_plane import ControlPlane
from kube.kinds import BY_NAME, POD
from tests.builders import (
    backend,
    endpoints,
    exact,
    gateway,
    gateway_class,
    http_probe,
    listener,
    listener_set,
    namespace_,
    of_pods,
    parent,
    pod,
    prefix,
    route,
    rule,
    service,
)

INFRA = Path(__file__).parents[2] / "infra"
ROUTES_A_GATEWAY, TEAMS, TEAMS_A_GATEWAY = 20, 20, 4
WITH_PODS = 30
"""Gateways whose Services have a Pod each, with a readiness probe; nobody looks at the Pods of the others."""
GATEWAYS_A_SET, ROUTES_A_SET = 5, 2
_CLIENTS = 8
_REFUSED = 300
type Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BigCluster:
    """A control plane and the way to fill it."""

    plane: ControlPlane

    def create(self, objects: Iterable[Plain]) -> None:
        """Create objects by parallel clients. Raises RuntimeError at the first that the API server refuses."""
        waiting, lock, failures = iter(objects), threading.Lock(), list[str]()

        def work() -> None:
            connection = self._connect()
            while not failures:
                with lock:
                    item = next(waiting, None)
                if item is None:
                    return
                if failure := _post(connection, item):
                    failures.append(failure)

        threads = [threading.Thread(target=work) for _ in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise RuntimeError(failures[0])

    def _connect(self) -> http.client.HTTPSConnection:
        config = yaml.safe_load(self.plane.kubeconfig().read_text())
        user = config["users"][0]["user"]
        context = ssl.create_default_context(cafile=config["clusters"][0]["cluster"]["certificate-authority"])
        context.load_cert_chain(user["client-certificate"], user["client-key"])
        return http.client.HTTPSConnection(self.plane.url.removeprefix("https://"), context=context, timeout=30)


@contextmanager
def big_cluster() -> Iterator[BigCluster]:
    """Give a cluster with CRDs, our rights, our class and the teams' namespaces, and no Route yet."""
    with ControlPlane() as plane:
        plane.install_crds(crds(), INFRA / "crds")
        plane.apply(yaml.safe_load_all((INFRA / "rbac.yaml").read_text()))
        cluster = BigCluster(plane)
        cluster.create([namespace_("infra"), *(namespace_(f"team{team}") for team in range(TEAMS)), gateway_class()])
        yield cluster


def objects_of(gateways: Iterable[int]) -> Iterator[Plain]:
    """Yield Gateways, each with 20 Routes of four teams, a Service and a slice for each Route.

    Each fifth Gateway has a ListenerSet, which the last two of its Routes are on.
    """
    for number in gateways:
        shared = gateway(f"gw{number}")
        shared["spec"]["allowedListeners"] = {"namespaces": {"from": "All"}}
        yield shared
        has_set = number % GATEWAYS_A_SET == 0
        if has_set:
            yield listener_set(f"set{number}", "team0", [listener("more", 8080)], f"gw{number}")
        for place in range(ROUTES_A_GATEWAY):
            name = f"r{number}-{place}"
            team = f"team{(number * TEAMS_A_GATEWAY + place % TEAMS_A_GATEWAY) % TEAMS}"
            rules = [
                rule(backend(name), matches=[exact(f"/{name}/login")]),
                rule(backend(name), matches=[prefix(f"/{name}")]),
            ]
            on_set = has_set and place >= ROUTES_A_GATEWAY - ROUTES_A_SET
            where = parent(f"set{number}", "team0", kind="ListenerSet") if on_set else parent(f"gw{number}")
            yield route(name, team, rules, [f"{name}.example.com"], [where])
            yield service(name, team, clusterIP="None")
            slice_ = endpoints(name, team, [f"10.244.{number % 250}.{place + 1}"])
            behind = pod(f"{name}-0", team, http_probe())
            if number < WITH_PODS:
                yield behind
            yield of_pods(slice_, behind)


def _post(connection: http.client.HTTPSConnection, item: Plain) -> str:
    """Create an object; return what went wrong, "" for nothing."""
    kind, meta = item["kind"], item["metadata"]
    bare = {**item, "metadata": {key: meta[key] for key in ("name", "namespace", "labels") if key in meta}}
    path = {**BY_NAME, POD.name: POD}[kind].path(meta.get("namespace", ""))
    connection.request("POST", path, json.dumps(bare), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    return f"{kind} {meta['name']}: {said[:300]!r}" if answer.status >= _REFUSED else ""
