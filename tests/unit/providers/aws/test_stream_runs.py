"""Streams in whole runs against the emulated AWS: one listener a port, weights, what an NLB cannot, what is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from tests.aws_world import World, hold, secret
from tests.builders import backend, endpoints, gateway, listener, parent, route, route_of, rule, service, with_service
from tests.fakes import trigger

type Plain = dict[str, Any]


@pytest.fixture
def world() -> Iterator[World]:
    with strict_aws() as account:
        found = World(account)
        found.cluster.objects.pop(("HTTPRoute", "a", "web"))
        found.cluster.put(*with_service("api", addresses=["10.244.1.1"]))
        yield found


def stream(kind: str, name: str, *backends: Plain, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> Plain:
    return route_of(kind, name, spec={"rules": [rule(*backends)], **spec}, creationTimestamp=created)


def dns() -> list[Plain]:
    """Return a Service with one port for TCP and UDP, and its endpoint."""
    both, slices = service("dns", ports=(53,)), endpoints("dns", port=53)
    both["spec"]["ports"].append({"name": "u53", "port": 53, "protocol": "UDP"})
    slices["ports"].append({"name": "u53", "port": 8080, "protocol": "UDP"})
    return [both, slices]


def balancers(world: World) -> dict[str, Plain]:
    return {one["Type"]: one for one in world.account.state()["loadBalancers"]}


def ports(world: World) -> dict[int, str]:
    return {one["Port"]: one["Protocol"] for one in balancers(world)["network"]["Listeners"]}


def shares(world: World, port: int) -> dict[tuple[str, ...], int]:
    """Return {addresses of a target group: weight} of a stream's listener."""
    groups = {one["TargetGroupArn"]: one for one in world.account.state()["targetGroups"]}
    (found,) = [one for one in balancers(world)["network"]["Listeners"] if one["Port"] == port]
    (default,) = found["Rules"]
    pairs = default["Actions"][0]["ForwardConfig"]["TargetGroups"]
    return {tuple(t["Id"] for t in groups[p["TargetGroupArn"]]["Targets"]): p.get("Weight", 1) for p in pairs}


def test_a_tcp_route_becomes_a_listener_of_a_network_load_balancer(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), stream("TCPRoute", "t", backend()))

    world.run()

    assert ["network"] == list(balancers(world))
    assert {9000: "TCP"} == ports(world)
    assert {("10.244.0.1",): 1} == shares(world, 9000)
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert ("True", "Accepted") == world.says("TCPRoute", "a", "t")["Accepted"]
    assert world.is_settled()


def test_adding_a_stream_takes_four_writes_at_most(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), stream("TCPRoute", "t", backend()))
    world.run()
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP"), listener("more", 9001, "TCP")]))
    world.cluster.put(stream("TCPRoute", "more", backend("api"), parentRefs=[parent(port=9001)]))
    world.forget()

    world.run()

    assert [
        "CreateTargetGroup",
        "RegisterTargets",
        "CreateListener",
        "AuthorizeSecurityGroupIngress",
    ] == world.operations()


def test_requests_and_streams_have_a_load_balancer_each_and_both_addresses_are_published(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener(), listener("tcp", 9000, "TCP")]), route())
    world.cluster.put(stream("TCPRoute", "t", backend()))

    world.run()

    published = [one["value"] for one in world.cluster.get("Gateway", "infra", "gw")["status"]["addresses"]]
    assert [balancers(world)[kind]["DNSName"] for kind in ("application", "network")] == published
    assert world.is_settled()


def test_the_load_balancer_of_the_last_stream_goes_and_the_other_stays(world: World) -> None:
    both = gateway(listeners=[listener(), listener("tcp", 9000, "TCP")])
    world.cluster.put(both, route(), stream("TCPRoute", "t", backend("api")))
    world.run()
    world.cluster.put(gateway())

    world.run()

    assert ["application"] == list(balancers(world))
    assert 1 == len(world.account.state()["targetGroups"])
    assert world.is_settled()


def test_weights_are_kept_and_the_share_of_an_invalid_backend_reaches_nobody(world: World) -> None:
    backends = (backend(weight=2000), backend("api", weight=1000), backend("nowhere", weight=1000))
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), stream("TCPRoute", "t", *backends))

    world.run()

    assert {("10.244.0.1",): 2, ("10.244.1.1",): 1, (): 1} == shares(world, 9000)


def test_a_listener_without_a_route_is_open_and_leads_nowhere(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]))

    world.run()

    assert {(): 1} == shares(world, 9000)
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_tcp_and_udp_share_a_listener_where_both_lead_to_the_same_service_port(world: World) -> None:
    listeners = [listener("tcp", 53, "TCP"), listener("udp", 53, "UDP")]
    routes = (stream("TCPRoute", "t", backend("dns", 53)), stream("UDPRoute", "u", backend("dns", 53)))
    world.cluster.put(gateway(listeners=listeners), *routes, *dns())

    world.run()

    assert {53: "TCP_UDP"} == ports(world)
    assert world.is_settled()


def test_udp_beside_tcp_that_leads_elsewhere_is_refused_on_its_listener_and_tcp_served(world: World) -> None:
    listeners = [listener("tcp", 53, "TCP"), listener("udp", 53, "UDP")]
    routes = (stream("TCPRoute", "t", backend("api")), stream("UDPRoute", "u", backend("dns", 53)))
    world.cluster.put(gateway(listeners=listeners), *routes, *dns())

    world.run()

    told = {
        one["name"]: one["conditions"] for one in world.cluster.get("Gateway", "infra", "gw")["status"]["listeners"]
    }
    assert {53: "TCP"} == ports(world)
    assert "PortUnavailable" in {one["reason"] for one in told["udp"]}
    assert {"True"} == {one["status"] for one in told["tcp"]}


def test_tcp_that_comes_after_udp_and_leads_elsewhere_takes_no_port_from_it(world: World) -> None:
    listeners = [listener("udp", 53, "UDP"), listener("tcp", 53, "TCP")]
    routes = (stream("TCPRoute", "t", backend("api")), stream("UDPRoute", "u", backend("dns", 53)))
    world.cluster.put(gateway(listeners=listeners), *routes, *dns())

    world.run()

    told = {
        one["name"]: one["conditions"] for one in world.cluster.get("Gateway", "infra", "gw")["status"]["listeners"]
    }
    assert {53: "UDP"} == ports(world)
    assert "PortUnavailable" in {one["reason"] for one in told["tcp"]}
    assert {"True"} == {one["status"] for one in told["udp"]}


def test_tls_is_passed_on_as_it_comes_and_ended_where_the_gateway_ends_it(world: World) -> None:
    hold(world, secret("cert"))
    ended = {"mode": "Terminate", "certificateRefs": [{"name": "cert"}]}
    listeners = [
        listener("through", 8443, "TLS", tls={"mode": "Passthrough"}),
        listener("ended", 443, "TLS", tls=ended),
    ]
    world.cluster.put(gateway(listeners=listeners), stream("TLSRoute", "t", backend(), hostnames=["a.example.com"]))

    world.run()

    assert {8443: "TCP", 443: "TLS"} == ports(world)
    assert {("10.244.0.1",): 1} == shares(world, 443) == shares(world, 8443)
    assert world.is_settled()


def test_of_two_tls_routes_on_a_port_the_more_specific_is_served_and_the_other_told(world: World) -> None:
    through = listener("tls", 443, "TLS", tls={"mode": "Passthrough"})
    wide = stream("TLSRoute", "wide", backend("api"), hostnames=["*.example.com"])
    narrow = stream("TLSRoute", "narrow", backend(), hostnames=["a.example.com"], created="2026-02-01T00:00:00Z")
    world.cluster.put(gateway(listeners=[through]), wide, narrow)

    world.run()

    assert {("10.244.0.1",): 1} == shares(world, 443)
    assert ("False", "UnsupportedValue") == world.says("TLSRoute", "a", "wide")["Accepted"]


def test_a_pod_that_is_replaced_costs_two_writes_and_no_listener_is_touched(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), stream("TCPRoute", "t", backend()))
    world.run()
    world.cluster.put(endpoints(addresses=["10.244.0.9"]))
    world.forget()

    world.run(trigger(services=("a/web",)))

    assert ["RegisterTargets", "DeregisterTargets"] == world.operations()


def test_another_backend_is_there_before_the_listener_points_to_it(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), stream("TCPRoute", "t", backend()))
    world.run()
    world.cluster.put(stream("TCPRoute", "t", backend("api")))
    world.forget()

    world.run()

    assert ["CreateTargetGroup", "RegisterTargets", "ModifyListener", "DeleteTargetGroup"] == world.operations()


def test_a_deleted_gateway_takes_both_load_balancers_along(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener(), listener("udp", 9000, "UDP")]), *dns())
    world.cluster.put(route(), stream("UDPRoute", "u", backend("dns", 53)))
    world.run()
    world.cluster.remove("Gateway", "infra", "gw")

    world.run()

    state = world.account.state()
    assert ([], []) == (state["loadBalancers"], state["targetGroups"])
