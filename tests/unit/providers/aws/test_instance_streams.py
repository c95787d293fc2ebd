"""Nodes as targets in whole runs: no way around the ranges of a class, and streams."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.events import Seen
from tests.builders import (
    backend,
    backend_config,
    config,
    endpoints,
    gateway,
    gateway_class,
    listener,
    node_service,
    route_of,
    rule,
)
from tests.fakes import trigger
from tests.unit.providers.aws.fleet_world import Fleet, local

type Plain = dict[str, Any]


# --- tenancy --------------------------------------------------------------------------------------------------------


def test_nodes_are_no_way_around_the_ranges_that_a_class_allows(fleet: Fleet) -> None:
    """A hand-written EndpointSlice would have kube-proxy pass requests on to any host of the VPC."""
    refs = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "namespace": "infra", "name": "config"}
    fleet.cluster.put(gateway_class(parametersRef=refs), config({"targetCIDRs": ["10.244.0.0/16"]}))
    fleet.run()
    assert 3 == len(fleet.targets())
    fleet.cluster.put(endpoints(addresses=("10.244.0.1", "10.0.9.9")))

    event = trigger(seen=(Seen("EndpointSlice", "uid-a-web-s", "9"),), services=("a/web",))
    assert ["DeregisterTargets"] == fleet.writes(event)
    assert ("False", "RefNotPermitted") == fleet.route_told("ResolvedRefs")[:2]
    assert "10.0.9.9 is outside the allowed target ranges" in fleet.route_told("ResolvedRefs")[2]


def test_a_metadata_address_behind_nodes_is_refused_without_any_range(fleet: Fleet) -> None:
    fleet.cluster.put(endpoints(addresses=("169.254.169.254",)))

    fleet.writes()

    assert set() == fleet.targets()
    assert ("False", "RefNotPermitted") == fleet.route_told("ResolvedRefs")[:2]


# --- streams --------------------------------------------------------------------------------------------------------


@pytest.fixture
def streaming(fleet: Fleet) -> Fleet:
    fleet.cluster.objects.pop(("HTTPRoute", "a", "web"))
    tcp = route_of("TCPRoute", "t", creationTimestamp="2026-01-01T00:00:00Z")
    fleet.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), tcp)
    return fleet


def attributes(fleet: Fleet) -> dict[str, str]:
    arn = fleet.group()["TargetGroupArn"]
    found = fleet.account.client("elbv2").describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    return {one["Key"]: one["Value"] for one in found}


def test_streams_go_to_nodes_too(streaming: Fleet) -> None:
    streaming.writes()

    assert ("instance", "TCP", "TCP") == tuple(
        streaming.group()[name] for name in ("TargetType", "Protocol", "HealthCheckProtocol")
    )
    assert {(one, 30080) for one in streaming.instances} == streaming.targets()


def test_a_stream_of_local_traffic_asks_kube_proxy_by_http(streaming: Fleet) -> None:
    streaming.cluster.put(local())

    streaming.writes()

    found = streaming.group()
    assert ("HTTP", "32500", "/healthz") == tuple(found[f"HealthCheck{name}"] for name in ("Protocol", "Port", "Path"))


def test_the_clients_address_is_kept_as_aws_does_by_default_once_nobody_sets_it(streaming: Fleet) -> None:
    streaming.cluster.put(backend_config({"targetType": "instance", "aws": {"preserveClientIP": False}}))
    streaming.writes()
    assert "false" == attributes(streaming)["preserve_client_ip.enabled"]
    streaming.cluster.put(backend_config({"targetType": "instance"}))

    assert ["ModifyTargetGroupAttributes"] == streaming.writes()
    assert "true" == attributes(streaming)["preserve_client_ip.enabled"]


def test_datagrams_go_to_nodes_too(streaming: Fleet) -> None:
    streaming.cluster.objects.pop(("TCPRoute", "a", "t"))
    dns = node_service("dns", node_port=30053)
    slices = endpoints("dns")
    dns["spec"]["ports"][0]["protocol"] = slices["ports"][0]["protocol"] = "UDP"
    udp = route_of("UDPRoute", "u", spec={"rules": [rule(backend("dns"))]}, creationTimestamp="2026-01-01T00:00:00Z")
    streaming.cluster.put(gateway(listeners=[listener("udp", 53, "UDP")]), udp, dns, slices)
    streaming.cluster.put(backend_config({"targetType": "instance"}, target="dns"))

    streaming.writes()

    assert {(one, 30053) for one in streaming.instances} == streaming.targets()
    assert ("instance", "UDP") == (streaming.group()["TargetType"], streaming.group()["Protocol"])
