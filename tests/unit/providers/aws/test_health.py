"""How target groups ask for health: BackendConfig field by field, then what of a readiness probe AWS can ask."""

from __future__ import annotations

from typing import Any

import pytest

from providers.aws.health import health_check
from reconciler.ir import BackendPool, BackendSettings, HealthCheck
from reconciler.keys import ServicePort
from reconciler.probe import Probe
from reconciler.values import frozen_map

HTTP1, HTTP2, GRPC, HTTPS, TCP, UDP = (
    ("HTTP", "HTTP1"),
    ("HTTP", "HTTP2"),
    ("HTTP", "GRPC"),
    ("HTTPS", "HTTP1"),
    ("TCP", ""),
    ("UDP", ""),
)
HEALTH_METHOD = "/grpc.health.v1.Health/Check"


def probe(kind: str = "http", port: int = 0, path: str = "/ready", **times: int) -> Probe:
    """Return a probe; times as the API server fills them in."""
    return Probe(
        kind,
        port,
        path if kind in ("http", "https") else "",
        **{"period": 10, "timeout": 1, "success": 1, "failure": 3} | times,
    )


def asked(one: Probe | None, group: tuple[str, str] = HTTP1, **health: Any) -> dict[str, Any]:
    """Return the health check of a target group (protocol, version), with settings of a BackendConfig."""
    settings = BackendSettings(health=frozen_map(health))
    pool = BackendPool("service/a/web:80", ServicePort("a", "web", 80), probe=one, settings=settings)
    return dict(health_check(pool, *group))


def where(found: dict[str, Any]) -> tuple[str, str, str]:
    """Return protocol, port and path."""
    return found["HealthCheckProtocol"], found["HealthCheckPort"], found.get("HealthCheckPath", "")


def times(found: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return interval, timeout and the thresholds of health and of its end."""
    fields = ("HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds")
    first, second = (found[field] for field in fields)
    return first, second, found["HealthyThresholdCount"], found["UnhealthyThresholdCount"]


@pytest.mark.parametrize(
    ("one", "group", "expected"),
    [
        (probe(), HTTP1, ("HTTP", "traffic-port", "/ready")),
        (probe(port=9090), HTTP1, ("HTTP", "9090", "/ready")),
        (probe("https", 9443), HTTP1, ("HTTPS", "9443", "/ready")),
        (probe("http", 9090), HTTPS, ("HTTP", "9090", "/ready")),
        (probe(), HTTP2, ("HTTP", "traffic-port", "/ready")),
        (probe("grpc"), GRPC, ("HTTP", "traffic-port", HEALTH_METHOD)),
        (probe("grpc", 9000), GRPC, ("HTTP", "9000", HEALTH_METHOD)),
        (probe(port=9090), TCP, ("HTTP", "9090", "/ready")),
        (probe("tcp", 9090), TCP, ("TCP", "9090", "")),
        (probe("tcp", 9090), UDP, ("TCP", "9090", "")),
        (probe("grpc", 9090), UDP, ("TCP", "9090", "")),
    ],
)
def test_a_probe_is_asked_as_the_pods_ask_it(
    one: Probe, group: tuple[str, str], expected: tuple[str, str, str]
) -> None:
    assert expected == where(asked(one, group))
    assert (10, 2, 2, 3) == times(asked(one, group))


@pytest.mark.parametrize(
    ("one", "group"),
    [
        (None, HTTP1),
        (probe("tcp"), HTTP1),
        (probe("grpc"), HTTP1),
        (probe("grpc"), HTTP2),
        (probe(port=9090), HTTP2),
        (probe(), GRPC),
        (probe("tcp"), GRPC),
        (probe(path="/" + "x" * 1024), HTTP1),
        (probe(path="/\u00e4"), TCP),
    ],
)
def test_what_the_load_balancer_cannot_ask_leaves_the_default_whole(one: Probe | None, group: tuple[str, str]) -> None:
    assert asked(None, group) == asked(one, group)
    assert (15, 5, 2, 2) == times(asked(one, group))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"period": 1, "timeout": 1, "success": 1, "failure": 1}, (5, 2, 2, 2)),
        ({"period": 5, "timeout": 5, "success": 2, "failure": 2}, (5, 4, 2, 2)),
        ({"period": 300, "timeout": 120, "success": 10, "failure": 10}, (300, 120, 10, 10)),
        ({"period": 301, "timeout": 121, "success": 11, "failure": 11}, (300, 120, 10, 10)),
        ({"period": 60, "timeout": 90}, (60, 59, 2, 3)),
        ({"period": -1, "timeout": -1, "success": -1, "failure": -1}, (5, 2, 2, 2)),
    ],
)
def test_times_stay_within_what_aws_takes(given: dict[str, int], expected: tuple[int, int, int, int]) -> None:
    assert expected == times(asked(probe("http", 0, "/ready", **given)))


def test_the_answers_that_count_as_healthy_are_ours() -> None:
    assert {"HttpCode": "200-399"} == asked(probe())["Matcher"] == asked(probe(), TCP)["Matcher"]
    assert {"GrpcCode": "0-99"} == asked(probe("grpc"), GRPC)["Matcher"]
    assert "Matcher" not in asked(probe("tcp"), TCP)


@pytest.mark.parametrize(
    ("health", "changed"),
    [
        ({"path": "/up"}, {"HealthCheckPath": "/up"}),
        ({"port": "7070"}, {"HealthCheckPort": "7070"}),
        ({"protocol": "HTTPS"}, {"HealthCheckProtocol": "HTTPS"}),
        ({"interval": 30}, {"HealthCheckIntervalSeconds": 30}),
        ({"timeout": 3}, {"HealthCheckTimeoutSeconds": 3}),
        ({"healthy": 5}, {"HealthyThresholdCount": 5}),
        ({"unhealthy": 5}, {"UnhealthyThresholdCount": 5}),
        ({"matcher": "200"}, {"Matcher": {"HttpCode": "200"}}),
    ],
)
def test_a_backend_config_wins_field_by_field(health: dict[str, Any], changed: dict[str, Any]) -> None:
    one = probe(port=9090)

    assert asked(one) | changed == asked(one, **health)


def test_interval_and_timeout_of_a_backend_config_and_a_probe_never_cross() -> None:
    one = probe(period=10, timeout=9)

    assert (5, 4) == times(asked(one, interval=5))[:2]
    assert (14, 13) == times(asked(one, timeout=13))[:2]


def test_a_stream_that_is_to_be_asked_by_tcp_is_asked_at_the_probes_port() -> None:
    assert ("TCP", "9090", "") == where(asked(probe(port=9090), TCP, protocol="TCP"))


@pytest.mark.parametrize(("group", "asked_"), [(HTTP1, True), (TCP, True), (HTTP2, False), (GRPC, False)])
def test_where_nodes_are_targets_kube_proxy_is_asked_by_groups_that_speak_its_protocol(
    group: tuple[str, str],
    asked_: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    nodes = HealthCheck("HTTP", "/healthz", "31000", matcher="200")
    pool = BackendPool("service/a/web:80", ServicePort("a", "web", 80), node_health=nodes)

    assert (where(dict(health_check(pool, *group))) == ("HTTP", "31000", "/healthz")) is asked_
