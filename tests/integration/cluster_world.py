"""Manifests, looks and waits for the tests of the emulated cluster: what they start from."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.cluster.objects import Objects

Json = dict[str, Any]
DEPLOYMENT = ("apps/v1", "Deployment")
POD = ("v1", "Pod")
SLICE = ("discovery.k8s.io/v1", "EndpointSlice")


def eventually[T](look: Callable[[], T], *, seconds: float = 30.0) -> T:
    """Return the first true answer of `look`, or its last answer when the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def pod_spec(*, grace: int = 1, **container: Any) -> Json:
    """Return the specification of an echo Pod, changed by fields of its container."""
    echo = {"name": "main", "image": "routewright.dev/echo", "ports": [{"name": "http", "containerPort": 8080}]}
    return {"terminationGracePeriodSeconds": grace, "containers": [echo | container]}


def pod(namespace: str, name: str, spec: Json) -> Json:
    """Return a Pod that belongs to nobody."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def deployment(namespace: str, name: str, spec: Json, *, replicas: int = 2, revision: str = "1") -> Json:
    """Return a Deployment; another revision makes it roll out."""
    template = {"metadata": {"labels": {"app": name}, "annotations": {"revision": revision}}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def service(namespace: str, name: str) -> Json:
    """Return a Service of the Pods of a Deployment of the same name."""
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": ports},
    }


def echo(namespace: str, name: str, team: str) -> list[Json]:
    """Return a Deployment of one echo Pod that tells its team, and the Service of it."""
    spec = pod_spec(grace=2, name=name, env=[{"name": "TEAM", "value": team}])
    return [deployment(namespace, name, spec, replicas=1), service(namespace, name)]


def ask(place: str, path: str = "/", *, timeout: float = 5.0) -> tuple[int, Json]:
    """Return status and body of one request on a connection of its own; (0, {"error": ...}) without an answer."""
    connection = http.client.HTTPConnection(place, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, dict(json.loads(response.read()))
    except (OSError, http.client.HTTPException) as error:
        return 0, {"error": repr(error)}
    finally:
        connection.close()


@dataclass(slots=True)
class Space:
    """A namespace of the emulated cluster, seen by the admin, with the table that leads to its processes."""

    name: str
    client: Objects
    addresses: Path

    def apply(self, *items: Json) -> None:
        """Apply manifests as the admin."""
        for item in items:
            self.client.apply(item)

    def table(self) -> dict[str, str]:
        """Return the table as it is now."""
        return dict(json.loads(self.addresses.read_text()))

    def pods(self) -> list[Json]:
        """Return the Pods of the namespace."""
        return self.client.list(*POD, self.name)

    def pod(self, name: str) -> Json:
        """Return a Pod, empty if there is none."""
        return self.client.get(*POD, self.name, name) or {}

    def state(self, name: str) -> Json:
        """Return the state of the only container of a Pod, empty before it is told."""
        statuses = self.pod(name).get("status", {}).get("containerStatuses") or [{}]
        return dict(statuses[0].get("state", {}))

    def ready(self, name: str) -> bool:
        """Tell whether a Pod is Ready."""
        return "True" == condition(self.pod(name), "Ready")

    def place(self, name: str, port: int = 8080) -> str:
        """Return where the process of a Pod listens, empty if nowhere."""
        address = self.pod(name).get("status", {}).get("podIP")
        return self.table().get(f"{address}:{port}", "")

    def endpoints(self) -> list[Json]:
        """Return the endpoints of all slices of the namespace."""
        return [one for item in self.client.list(*SLICE, self.name) for one in item["endpoints"] or ()]

    def ready_addresses(self) -> list[str]:
        """Return the addresses of the endpoints that are ready."""
        return [one["addresses"][0] for one in self.endpoints() if one["conditions"]["ready"]]

    def rolled_out(self, name: str) -> bool:
        """Tell whether a Deployment has only Pods of its newest template, all available."""
        item = self.client.get(*DEPLOYMENT, self.name, name) or {}
        status, wanted = item.get("status", {}), item.get("spec", {}).get("replicas")
        current = status.get("observedGeneration") == item["metadata"]["generation"]
        counts = {status.get(count) for count in ("replicas", "updatedReplicas", "availableReplicas")}
        return bool(current and counts == {wanted})


def condition(item: Json, kind: str) -> str:
    """Return the status of a condition, empty if there is none."""
    told = item.get("status", {}).get("conditions") or ()
    return next((str(one["status"]) for one in told if one["type"] == kind), "")
