"""From a change in the cluster until it is programmed and reported, on real parts.

API server, watcher, queue, functions and emulated AWS as on the demo's stage; load balancers are active at once, so
what is measured is ours.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from demo.stage import ROUTE, Setting, Stage
from tests.bench.rows import Row, Say, seconds

GATEWAY, CHANGES = "wall", 20
_PATIENCE = 30.0
_STEP = 0.005
type Plain = dict[str, Any]


def measure_wall_clock(say: Say) -> Iterator[Row]:
    """Change a Route's path so many times."""
    say(f"{CHANGES} changes on an API server, queues, functions and an emulated AWS")
    with Stage(Setting(provisioning=0.0)) as stage:
        stage.plane.apply([_gateway(), _service(), *_slices(), _route("/0")])
        stage.wait_programmed("infra", GATEWAY)
        _programmed(stage)
        times = [_timed(stage, f"/{number}") for number in range(1, CHANGES + 1)]
    what = f"{CHANGES} changes in the cluster to programmed and reported:"
    yield seconds(f"{what} median", statistics.median(times), 1)
    yield Row(f"{what} longest", max(times), unit=" s")


def _timed(stage: Stage, path: str) -> float:
    item = stage.admin.get(*ROUTE, "a", GATEWAY)
    if item is None:
        raise LookupError("the Route is gone")
    started = time.monotonic()
    stage.admin.merge(item, {"spec": {"rules": _route(path)["spec"]["rules"]}})
    _programmed(stage)
    taken = time.monotonic() - started
    if path not in _paths(stage):
        raise LookupError(f"{path} was reported, and AWS has no rule for it")
    return taken


def _paths(stage: Stage) -> set[str]:
    """Return the path patterns of the only listener's rules."""
    elbv2 = stage.aws("elbv2")
    arn = elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"][0]["ListenerArn"]
    rules = elbv2.describe_rules(ListenerArn=listener)["Rules"]
    conditions = [one for item in rules for one in item["Conditions"] if one["Field"] == "path-pattern"]
    return {value for one in conditions for value in one["PathPatternConfig"]["Values"]}


def _programmed(stage: Stage) -> None:
    """Wait until the Route's status speaks of its generation: it is written after the last call to the cloud."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        item = stage.admin.get(*ROUTE, "a", GATEWAY) or {}
        said = [one for parent in item.get("status", {}).get("parents", ()) for one in parent["conditions"]]
        generation = item["metadata"]["generation"]
        if said and all((one["status"], one["observedGeneration"]) == ("True", generation) for one in said):
            return
        time.sleep(_STEP)
    raise TimeoutError(f"not reported within {_PATIENCE:g} s")


def _gateway() -> Plain:
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    spec = {"gatewayClassName": "routewright-aws", "listeners": [listener]}
    return _object("gateway.networking.k8s.io/v1", "Gateway", "infra", GATEWAY, spec=spec)


def _route(path: str) -> Plain:
    match = {"path": {"type": "PathPrefix", "value": path}}
    rules = [{"matches": [match], "backendRefs": [{"name": GATEWAY, "port": 80}]}]
    spec = {"parentRefs": [{"name": GATEWAY, "namespace": "infra"}], "hostnames": ["wall.example.com"], "rules": rules}
    return _object(*ROUTE, "a", GATEWAY, spec=spec)


def _service() -> Plain:
    return _object("v1", "Service", "a", GATEWAY, spec={"ports": [{"name": "http", "port": 80, "targetPort": 8080}]})


def _slices() -> list[Plain]:
    labels = {"kubernetes.io/service-name": GATEWAY}
    made = _object("discovery.k8s.io/v1", "EndpointSlice", "a", GATEWAY)
    made["metadata"]["labels"] = labels
    endpoints = [{"addresses": ["10.244.7.7"], "conditions": {"ready": True}}]
    return [made | {"addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "port": 8080}]}]


def _object(api_version: str, kind: str, namespace: str, name: str, **more: Any) -> Plain:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}
