"""What a snapshot, a reconcile and an event cost in a cluster of 10,000 Routes, on the real API server."""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulators.aws.inprocess import strict_aws
from kube.api import Api
from kube.auth import connect
from kube.cluster import KubeCluster
from providers import provider_for
from reconciler.events import Cause, Seen, Trigger
from reconciler.reconcile import Result, Room, reconcile
from tests.bench.big_cluster import ROUTES_A_GATEWAY, BigCluster, big_cluster, objects_of
from tests.bench.event_index import measure_index
from tests.bench.reconciles import ROOT
from tests.bench.rows import Row, Say, milliseconds
from tests.builders import CONTROLLER
from tests.kube_requests import Requests

FEW, MANY = 5, 500
"""Gateways, each with 20 Routes: 100 and 10,000 Routes."""
COLD = 30
_ROUNDS = 9
_ENDPOINTS = Seen("EndpointSlice", "u", "1")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one warm reconcile took."""

    requests: int
    bytes: int
    calls: int
    wide: list[str]


@dataclass(frozen=True, slots=True)
class Warm:
    """A container that has reconciled Gateway gw0 and stays warm."""

    cluster: KubeCluster
    asked: Requests

    def run(self, **more: Any) -> Result:
        """Reconcile gw0."""
        trigger = Trigger(self.cluster.cluster_id, "infra", "gw0", **more)
        return reconcile(trigger, Room(self.cluster, provider_for(CONTROLLER, rate=1000), lambda: "nonce"))

    def cost(self) -> Cost:
        """Reconcile with nothing to do, and count."""
        self.asked.forget()
        profile = cProfile.Profile()
        profile.runcall(self.run, seen=(_ENDPOINTS,))
        made = self.asked.made
        calls = int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]
        return Cost(len(made), sum(one.bytes for one in made), calls, self.asked.wide())

    def snapshot(self, *seen: Seen) -> float:
        """Return the seconds that a snapshot takes for a trigger."""
        trigger = Trigger(self.cluster.cluster_id, "infra", "gw0", seen=seen)
        started = time.perf_counter()
        self.cluster.snapshot(trigger)
        return time.perf_counter() - started


def measure_snapshots(say: Say) -> Iterator[Row]:
    """Measure at 100 Routes, fill the cluster up, measure again."""
    with big_cluster() as big, strict_aws() as account:
        account.prepare_network()
        say("creating 100 HTTPRoutes")
        big.create(objects_of(range(FEW)))
        warm = _warm(big)
        warm.run(cause=Cause.RELIST, run="r0")
        warm.run(cause=Cause.RELIST, run="r1")
        few = warm.cost()
        started = time.monotonic()
        for first in range(FEW, MANY, 45):
            say(f"creating 10,000 HTTPRoutes, Services and slices: {first * 100 // MANY} %")
            big.create(objects_of(range(first, min(first + 45, MANY))))
        yield Row("creating 9,900 HTTPRoutes, Services and slices", time.monotonic() - started, None, " s")
        warm.run(cause=Cause.RELIST, run="r2")
        yield from _growth(few, warm.cost())
        yield from _warm_snapshots(big, warm, say)
        yield from _cold_snapshots(big, say)
        yield from measure_index(warm.cluster.api, say)


def _warm(big: BigCluster) -> Warm:
    cluster = KubeCluster(Api(connect(str(big.plane.kubeconfig("routewright", ())))), CONTROLLER, "aws")
    return Warm(cluster, Requests(cluster.api))


def _growth(few: Cost, many: Cost) -> Iterator[Row]:
    """A reconcile of one Gateway at 100 and at 10,000 Routes in the cluster."""
    what = "a reconcile at 10,000 Routes over one at 100"
    yield Row(f"{what}: requests to the API server", many.requests / few.requests, 1, " x")
    yield Row(f"{what}: bytes from it", many.bytes / few.bytes, 1.05, " x")
    yield Row(f"{what}: function calls", many.calls / few.calls, 1.05, " x")
    yield Row("a warm reconcile of a Gateway with 20 Routes: requests to the API server", many.requests)


def _warm_snapshots(big: BigCluster, warm: Warm, say: Say) -> Iterator[Row]:
    """Snapshots for endpoint events and for Route events."""
    say("warm snapshots")
    client = big.plane.client()
    warm.asked.forget()
    quiet = [warm.snapshot(_ENDPOINTS) for _ in range(_ROUNDS)]
    changed = []
    for number in range(_ROUNDS):
        patch = {"metadata": {"annotations": {"round": str(number)}}}
        where = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
        meta = client.merge(where | {"metadata": {"namespace": "team0", "name": "r0-0"}}, patch)["metadata"]
        changed.append(warm.snapshot(Seen("HTTPRoute", meta["uid"], meta["resourceVersion"])))
    lists = sum(one.startswith("list") for one in warm.asked.wide())
    what = "warm snapshot at 10,000 Routes, 20 on the Gateway"
    yield Row(f"{what}: lists over the cluster", lists, 0)
    yield milliseconds(f"{what}, endpoints changed: median", statistics.median(quiet) * 1000, 100)
    yield milliseconds(f"{what}, a Route changed: median", statistics.median(changed) * 1000, 100)


def _cold_snapshots(big: BigCluster, say: Say) -> Iterator[Row]:
    """As many containers as a concurrency of 30 starts at once, each a process and a Gateway of its own."""
    say(f"{COLD} cold containers at once")
    kubeconfig = str(big.plane.kubeconfig("routewright", ()))
    command = [sys.executable, "-m", "tests.bench.cold_run", kubeconfig]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen([*command, f"gw{number}"], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)  # noqa: S603 - our own module
        for number in range(COLD)
    ]
    found = [json.loads(process.communicate()[0]) for process in started]
    what = f"{COLD} cold containers at once, 10,000 Routes"
    routes = sum(abs(one["routes"] - ROUTES_A_GATEWAY) for one in found)
    yield Row(f"{what}: Routes missing or too many", routes, 0)
    lists = max(count for one in found for count in Counter(one["wide"]).values())
    yield Row(f"{what}: lists of a kind, each", lists, 1)
    yield Row(f"{what}: peak memory, each at most", round(max(one["megabytes"] for one in found)), 400, " MB")
    yield Row(f"{what}: bytes from the API server", sum(one["bytes"] for one in found) / 1e6, 400, " MB")
    yield Row(f"{what}: requests", sum(one["requests"] for one in found))
    yield Row(f"{what}: slowest snapshot", max(one["seconds"] for one in found), None, " s")
