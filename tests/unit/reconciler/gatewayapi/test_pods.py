"""Readiness probes: what is read of them, whose counts behind a Service's port, and which Pod speaks for a Service."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.gatewayapi.pods import read_pod, speakers
from reconciler.gatewayapi.read import read_slice
from reconciler.probe import Probe
from tests.builders import endpoints, gateway, gateway_class, http_probe, of_pods, pod, route, service
from tests.unit.reconciler.gatewayapi.graphs import World

type Plain = dict[str, Any]
DEFAULTS = {"period": 10, "timeout": 1, "success": 1, "failure": 3}


def probed(item: Plain, port: int = 8080, protocol: str = "TCP") -> Probe | None:
    """Return the probe behind a port of a Pod."""
    return read_pod(item).probe_at(port, protocol)


def behind(slice_: Plain, *pods: Plain) -> Probe | None:
    """Return the probe of the pool that Service a/web means."""
    (pool,) = World((gateway_class(), gateway(), route(), service(), slice_, *pods)).lb().pools
    return pool.probe


@pytest.mark.parametrize(
    ("block", "kind", "path", "port"),
    [
        ({"httpGet": {"path": "/up", "port": 9090}}, "http", "/up", 9090),
        ({"httpGet": {"path": "up", "port": "http", "scheme": "HTTPS"}}, "https", "/up", 8080),
        ({"httpGet": {"port": 8080}}, "http", "/", 8080),
        ({"tcpSocket": {"port": "http"}}, "tcp", "", 8080),
        ({"grpc": {"port": 9000}}, "grpc", "", 9000),
        ({"grpc": {"port": 9000, "service": ""}}, "grpc", "", 9000),
    ],
)
def test_a_probe_is_read_with_its_defaults_and_named_ports_become_numbers(
    block: Plain, kind: str, path: str, port: int
) -> None:
    assert Probe(kind, port, path, **DEFAULTS) == probed(pod(probe=block))


def test_the_times_of_a_probe_are_read() -> None:
    block = http_probe(periodSeconds=3, timeoutSeconds=2, successThreshold=4, failureThreshold=5)

    assert Probe("http", 8080, "/ready", 3, 2, 4, 5) == probed(pod(probe=block))


@pytest.mark.parametrize(
    "block",
    [
        {"exec": {"command": ["true"]}},
        {"httpGet": {"port": 8080, "host": "example.com"}},
        {"httpGet": {"port": 8080, "httpHeaders": [{"name": "Host", "value": "example.com"}]}},
        {"tcpSocket": {"port": 8080, "host": "example.com"}},
        {"grpc": {"port": 8080, "service": "shop"}},
        {"httpGet": {"port": "nameless"}},
        {"httpGet": {"port": 65_536}},
        {"httpGet": "odd"},
        {},
    ],
)
def test_what_only_a_kubelet_can_ask_is_no_probe(block: Plain) -> None:
    assert probed(pod(probe=block)) is None


def test_the_probe_of_the_container_that_has_the_port_counts() -> None:
    item = pod(probe=http_probe("/app"))
    other = {"name": "proxy", "ports": [{"containerPort": 15_000}], "readinessProbe": http_probe("/proxy", 15_000)}
    item["spec"]["containers"].insert(0, other)

    assert ["/app", "/proxy"] == [found.path for port in (8080, 15_000) if (found := probed(item, port))]
    assert probed(item, 53, "UDP") is None


def test_a_sidecar_counts_and_an_init_container_that_ends_does_not() -> None:
    for policy, path in ({"restartPolicy": "Always"}, "/side"), ({}, None):
        item = pod(ports=[])
        side = {"name": "side", "ports": [{"containerPort": 8080}], "readinessProbe": http_probe("/side")} | policy
        item["spec"]["initContainers"] = [side]
        found = probed(item)
        assert path == (found.path if found else None)


def test_a_port_that_nobody_declares_is_that_of_the_only_container_or_of_the_one_that_is_asked_there() -> None:
    alone = pod(probe=http_probe("/app", 9090), ports=[])
    two = pod(probe=http_probe("/app"), ports=[])
    two["spec"]["containers"].append({"name": "other", "readinessProbe": http_probe("/other", 9090)})

    assert "/app" == getattr(probed(alone), "path", None)
    assert ["/app", "/other"] == [getattr(probed(two, port), "path", None) for port in (8080, 9090)]
    assert probed(two, 7070) is None


def test_a_probe_at_the_port_of_the_traffic_asks_each_endpoint_at_its_own() -> None:
    item = pod(probe=http_probe())

    assert 0 == getattr(behind(of_pods(endpoints(), item), item), "port", None)
    assert 9090 == getattr(behind(of_pods(endpoints(), other := pod(probe=http_probe(port=9090))), other), "port", None)


def test_a_service_without_pods_that_are_known_has_no_probe() -> None:
    assert behind(endpoints()) is None
    assert behind(of_pods(endpoints(), pod(probe=http_probe()))) is None


def test_a_slice_cannot_let_a_pod_of_another_namespace_speak() -> None:
    item = pod(namespace="b", probe=http_probe())

    assert behind(of_pods(endpoints(), item), item) is None
    assert behind(of_pods(endpoints(), item), item, pod(probe=http_probe())) is None


def names(*pods: tuple[str, bool]) -> list[str]:
    """Return who speaks for a Service with Pods of (name, ready), in order."""
    slices = []
    for name, ready in pods:
        one = of_pods(endpoints(ready=ready, addresses=["10.0.0.1"]), pod(name))
        slices.append(read_slice(one))
    return speakers(slices)


def test_of_several_templates_the_one_with_the_most_ready_pods_speaks() -> None:
    old, new = [("web-old-a", True), ("web-old-b", True)], [("web-new-a", True), ("web-new-b", True)]

    assert "web-old-a" == names(*old)[0]
    assert "web-old-a" == names(*old, new[0])[0]
    assert "web-new-a" == names(old[0], *new)[0]
    assert "web-old-a" == names(old[0], ("web-new-a", False), ("web-new-b", False))[0]
    assert "web-new-a" == names(("web-old-a", False), ("web-new-a", False), ("web-new-b", False))[0]


def test_the_pod_that_a_stateful_set_replaces_last_speaks_and_readiness_does_not_change_it() -> None:
    assert "web-0" == names(("web-2", True), ("web-0", True), ("web-1", True))[0]
    assert "web-0" == names(("web-2", True), ("web-0", False), ("web-1", True))[0]


def test_another_pod_of_the_same_template_changes_nothing() -> None:
    before, after = pod("web-1-a", probe=http_probe()), pod("web-1-z", probe=http_probe())

    assert behind(of_pods(endpoints(), before), before) == behind(of_pods(endpoints(), after), after)


def test_a_pod_that_is_gone_is_followed_by_the_next_of_its_template() -> None:
    gone, there = pod("web-1-a"), pod("web-1-b", probe=http_probe())
    slice_ = of_pods(endpoints(addresses=["10.0.0.1", "10.0.0.2"]), gone, there)

    assert "/ready" == getattr(behind(slice_, there), "path", None)
