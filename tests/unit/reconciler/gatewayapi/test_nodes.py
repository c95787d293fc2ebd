"""Nodes as targets: how a Node is read, which count, and what a Service has to be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.gatewayapi.nodes import node_check, node_endpoints, without_node_port
from reconciler.gatewayapi.read import read_service
from reconciler.gatewayapi.read_nodes import read_node
from reconciler.ir import BackendSettings, Endpoint, HealthCheck
from reconciler.values import frozen_map
from tests.builders import backend_config, endpoints, gateway, gateway_class, node, node_service, route, service
from tests.unit.reconciler.gatewayapi.graphs import EVERYTHING, AnyCloud, World

type Plain = dict[str, Any]
EXCLUDED = {"node.kubernetes.io/exclude-from-external-load-balancers": "false"}


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False), ("Unknown", False), (True, False)])
def test_a_node_is_ready_while_its_kubelet_says_so(status: Any, ready: bool) -> None:  # noqa: FBT001 - a case
    assert ready is read_node(node(ready=status)).ready


@pytest.mark.parametrize(
    "odd", [{}, {"spec": 1, "status": []}, {"metadata": {"labels": 3}, "status": {"conditions": 1}}]
)
def test_whatever_stands_in_a_node_is_read(odd: Plain) -> None:
    found = read_node({"apiVersion": "v1", "kind": "Node", **odd})

    assert ("", "", False, False) == (found.provider_id, found.zone, found.ready, found.excluded)


def test_the_label_excludes_a_node_whatever_its_value() -> None:
    assert read_node(node(labels=EXCLUDED)).excluded


def test_a_node_stands_for_itself_by_provider_id_node_port_and_zone() -> None:
    expected = Endpoint("aws:///us-east-1a/i-00000000000000001", 30080, "us-east-1a", "n1")

    assert (expected,) == node_endpoints([read_node(node())], 30080)


def counted(*nodes: Plain) -> list[str]:
    return [one.node for one in node_endpoints(map(read_node, nodes), 30080)]


def test_nodes_that_are_excluded_or_leaving_or_unknown_to_the_cloud_never_count() -> None:
    unknown = node("unknown")
    unknown["spec"] = {}
    out = [node("excluded", labels=EXCLUDED), node("leaving", deletionTimestamp="2026-01-01T00:00:00Z"), unknown]

    assert ["n1"] == counted(node(), *out)
    assert [] == counted(*out)


def test_nodes_that_are_not_ready_count_only_where_none_is() -> None:
    silent = [node("a", "i-0000000000000000a", ready="Unknown"), node("b", "i-0000000000000000b", ready="False")]

    assert ["n1"] == counted(node(), *silent)
    assert ["a", "b"] == counted(*silent, node("excluded", labels=EXCLUDED))


def test_the_order_of_nodes_says_nothing() -> None:
    several = [node(f"n{number}", f"i-0000000000000000{number}") for number in range(4)]

    assert counted(*several) == counted(*reversed(several))


def local(**spec: Any) -> Plain:
    return node_service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=32500, **spec)


def test_kube_proxy_is_asked_where_nodes_send_to_their_own_pods_alone() -> None:
    check = node_check(read_service(local()), BackendSettings(), HealthCheck(interval=7, timeout=3, healthy=4))

    assert HealthCheck("HTTP", "/healthz", "32500", 7, 3, 4, 2, "200") == check


@pytest.mark.parametrize(
    "item",
    [
        node_service(),
        node_service(externalTrafficPolicy="Local"),
        local() | {"spec": {"externalTrafficPolicy": "Cluster"}},
    ],
    ids=["cluster", "local-without-a-port", "cluster-by-name"],
)
def test_kube_proxy_is_not_asked_where_it_does_not_tell(item: Plain) -> None:
    assert node_check(read_service(item), BackendSettings(), HealthCheck()) is None


@pytest.mark.parametrize("name", ["protocol", "path", "port", "matcher"])
def test_kube_proxy_is_not_asked_where_a_backend_config_says_what_is(name: str) -> None:
    settings = BackendSettings(health=frozen_map({name: "x"}))

    assert node_check(read_service(local()), settings, HealthCheck()) is None


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (service(), "is of type ClusterIP"),
        (service(type="NodePort"), "port 80 of Service a/web has no node port"),
        (node_service(ipFamilies=["IPv6"]), "is IPv6 only"),
        (node_service(ipFamilies=["IPv6", "IPv4"]), ""),
        (node_service(type="LoadBalancer"), ""),
    ],
)
def test_nodes_can_be_targets_of_services_that_they_have_a_port_for(item: Plain, words: str) -> None:
    found = read_service(item)
    told = " ".join(without_node_port(found, found.ports[0], ("IPv4",)))

    assert bool(words) is bool(told)
    assert words in told


def test_a_provider_that_cannot_send_to_nodes_says_so_and_the_service_is_served_by_address() -> None:
    asked = backend_config({"targetType": "instance"})
    objects = (gateway_class(), gateway(), route(), node_service(), endpoints(), node(), asked)
    world = World(objects, cloud=AnyCloud(replace(EVERYTHING, node_families=())))

    (pool,) = world.lb().pools
    assert ["10.244.0.1"] == [one.address for one in pool.endpoints]
    (policy,) = world.graph().policies
    assert ["instance targets are not offered here"] == [
        one.message.removeprefix("spec.targetType: ").partition(";")[0] for one in policy.problems
    ]
