"""A team brings its own listener to a shared Gateway: API server, watcher, queues, functions, emulated AWS, Envoy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from demo.stage import ROUTE, Setting, Stage
from demo.stream import Answer, request
from tests.integration.cluster_world import echo

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("stage"), pytest.mark.timeout(240)]

V1 = ROUTE[0]
SET = (V1, "ListenerSet")
type Plain = dict[str, Any]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(Setting(provisioning=0.2)) as running:
        running.plane.apply(echo("a", "web", "a"))
        yield running


def _gateway(allowed: str) -> Plain:
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    spec: Plain = {"gatewayClassName": "routewright-aws", "listeners": [listener]}
    spec["allowedListeners"] = {"namespaces": {"from": allowed}}
    return {"apiVersion": V1, "kind": "Gateway", "metadata": {"name": "shared", "namespace": "infra"}, "spec": spec}


def _set(*ports: int) -> Plain:
    listeners = [{"name": f"p{port}", "port": port, "protocol": "HTTP"} for port in ports]
    spec = {"parentRef": {"name": "shared", "namespace": "infra"}, "listeners": listeners}
    return {"apiVersion": V1, "kind": "ListenerSet", "metadata": {"name": "team-a", "namespace": "a"}, "spec": spec}


def _route(called: str, host: str, **parent: str) -> Plain:
    spec = {"parentRefs": [parent], "hostnames": [host], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}
    return {"apiVersion": V1, "kind": "HTTPRoute", "metadata": {"name": called, "namespace": "a"}, "spec": spec}


def _asked(stage: Stage, port: int, host: str) -> Answer:
    """Return the answer of a listener, status 0 where nothing listens."""
    try:
        return request(*stage.address("infra", "shared", port), host)
    except LookupError:
        return Answer(0)


def _told(stage: Stage) -> dict[str, tuple[str, str]]:
    """Return {type: (status, reason)} of the conditions that a ListenerSet has at its generation."""
    item = stage.admin.get(*SET, "a", "team-a") or {"metadata": {}}
    conditions = item.get("status", {}).get("conditions", ())
    fresh = (one for one in conditions if one.get("observedGeneration") == item["metadata"].get("generation"))
    return {one["type"]: (one["status"], one["reason"]) for one in fresh}


def _attached(stage: Stage) -> int:
    return int((stage.admin.get(V1, "Gateway", "infra", "shared") or {})["status"].get("attachedListenerSets", 0))


def test_a_listener_set_carries_its_routes_as_long_as_its_gateway_lets_it_in(stage: Stage) -> None:
    """In order: it joins, serves beside the Gateway's own listener, changes, is locked out, comes back, goes."""
    own, brought = "own.example.com", "brought.example.com"
    stage.plane.apply([_gateway("All"), _route("own", own, name="shared", namespace="infra")])
    stage.wait_programmed("infra", "shared")
    stage.plane.apply([_set(8080), _route("brought", brought, kind="ListenerSet", name="team-a")])

    stage.wait(lambda: _told(stage).get("Programmed") == ("True", "Programmed"), "the ListenerSet to be Programmed")
    stage.wait_route("a", "brought", "Accepted", "True")
    stage.wait(lambda: _asked(stage, 8080, brought).body.get("team") == "a", "the answer of the brought listener")
    assert [404, 404] == [_asked(stage, 8080, own).status, _asked(stage, 80, brought).status]
    assert 1 == _attached(stage)

    stage.plane.apply([_set(8081)])
    stage.wait(lambda: _asked(stage, 8081, brought).body.get("team") == "a", "the answer of the changed listener")
    stage.wait(lambda: _asked(stage, 8080, brought).status == 0, "the former port to close")

    stage.plane.apply([_gateway("None")])
    stage.wait(lambda: _told(stage).get("Accepted") == ("False", "NotAllowed"), "the ListenerSet to be refused")
    stage.wait(lambda: _asked(stage, 8081, brought).status == 0, "its port to close")
    assert (0, "a") == (_attached(stage), _asked(stage, 80, own).body.get("team"))

    stage.plane.apply([_gateway("All")])
    stage.wait(lambda: _asked(stage, 8081, brought).body.get("team") == "a", "the listener to come back")

    stage.admin.delete(*SET, "a", "team-a")
    stage.wait(lambda: _asked(stage, 8081, brought).status == 0, "the port to close for good")
    stage.wait(lambda: not list(_parents(stage)), "the entry for the ListenerSet to go")
    assert (0, "a") == (_attached(stage), _asked(stage, 80, own).body.get("team"))


def _parents(stage: Stage) -> Iterator[Plain]:
    yield from (stage.admin.get(*ROUTE, "a", "brought") or {})["status"].get("parents", ())


def test_routes_that_were_there_first_are_served_once_their_listener_set_comes(stage: Stage) -> None:
    """Nobody was woken when they came."""
    host = "early.example.com"
    stage.plane.apply([_gateway("All"), _route("early", host, kind="ListenerSet", name="team-a")])
    stage.wait_programmed("infra", "shared")

    stage.plane.apply([_set(8090)])

    stage.wait(lambda: _asked(stage, 8090, host).body.get("team") == "a", "the answer of the Route that came first")
    stage.wait_route("a", "early", "Accepted", "True")
