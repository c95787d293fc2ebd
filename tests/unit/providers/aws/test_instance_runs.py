"""Nodes as targets in whole runs against the emulated AWS: made, Nodes that come and go, from addresses and back."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.events import Seen
from tests.aws_world import hold, secret, secure
from tests.builders import (
    backend,
    backend_config,
    endpoints,
    exact,
    node,
    node_service,
    route,
    rule,
    service,
    with_service,
)
from tests.fakes import trigger
from tests.unit.providers.aws.fleet_world import SERVICE_EVENT, Fleet, local, nodes_changed

type Plain = dict[str, Any]


def test_nodes_are_registered_by_their_instance_ids_at_the_node_port(fleet: Fleet) -> None:
    fleet.writes()

    found = fleet.group()
    assert ("instance", "HTTP", "HTTP1", "ipv4") == tuple(
        found[name] for name in ("TargetType", "Protocol", "ProtocolVersion", "IpAddressType")
    )
    assert ("traffic-port", "/") == (found["HealthCheckPort"], found["HealthCheckPath"])
    assert {(one, 30080) for one in fleet.instances} == fleet.targets()
    assert ("True", "Accepted") == fleet.told()[:2]
    assert ("True", "Programmed") == fleet.says()["Programmed"]


def test_no_availability_zone_is_given_for_an_instance(fleet: Fleet) -> None:
    """The emulated AWS refuses one, as the API says; so that this run came through is half of the proof."""
    fleet.run()

    (given,) = [entry for entry in fleet.account.journal.entries() if entry.operation == "RegisterTargets"]
    assert {"Id", "Port"} == {name for one in given.parameters["Targets"] for name in one}


# --- Nodes come and go ----------------------------------------------------------------------------------------------


def test_a_node_that_comes_costs_one_write(fleet: Fleet) -> None:
    fleet.run()
    (fresh,) = fleet.launch(1)
    fleet.cluster.put(node("fresh", fresh))

    assert ["RegisterTargets"] == fleet.writes(nodes_changed())
    assert {(one, 30080) for one in [*fleet.instances, fresh]} == fleet.targets()


GONE: dict[str, Plain] = {
    "not-ready": {"ready": "False"},
    "silent": {"ready": "Unknown"},
    "excluded": {"labels": {"node.kubernetes.io/exclude-from-external-load-balancers": ""}},
    "leaving": {"deletionTimestamp": "2026-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("change", GONE.values(), ids=GONE)
def test_a_node_that_counts_no_more_costs_one_write_and_comes_back_by_one(fleet: Fleet, change: Plain) -> None:
    fleet.run()
    _, *others = fleet.instances
    fleet.turn(0, **change)

    assert ["DeregisterTargets"] == fleet.writes(nodes_changed())
    assert {(one, 30080) for one in others} == fleet.targets()
    fleet.turn(0)
    assert ["RegisterTargets"] == fleet.writes(nodes_changed())


def test_a_node_replaced_by_another_is_at_most_two_writes_and_the_new_one_comes_first(fleet: Fleet) -> None:
    fleet.run()
    (fresh,) = fleet.launch(1)
    fleet.cluster.put(node("fresh", fresh))
    fleet.cluster.remove("Node", "", "n0")

    assert ["RegisterTargets", "DeregisterTargets"] == fleet.writes(nodes_changed())


def test_nothing_is_written_to_the_gateway_and_no_rule_is_read_for_a_node(fleet: Fleet) -> None:
    fleet.run()
    fleet.cluster.remove("Node", "", "n0")
    fleet.cluster.writes.clear()
    fleet.forget()

    fleet.run(nodes_changed())

    assert [] == fleet.cluster.writes
    every = [entry.operation for entry in fleet.account.journal.entries()]
    assert [] == [one for one in every if "Rule" in one or "Listener" in one]


def test_pods_that_come_and_go_write_nothing(fleet: Fleet) -> None:
    fleet.run()
    fleet.cluster.put(endpoints(addresses=("10.244.0.7", "10.244.0.8")))

    event = trigger(seen=(Seen("EndpointSlice", "uid-a-web-s", "9"),), services=("a/web",))
    assert [] == fleet.writes(event)


def test_where_no_node_is_ready_the_targets_stay(fleet: Fleet) -> None:
    """Silence of all at once says more of the control plane than of the Nodes: health checks see what really is."""
    fleet.run()
    for number in range(3):
        fleet.turn(number, ready="Unknown")

    assert [] == fleet.writes(nodes_changed())
    assert 3 == len(fleet.targets())


@pytest.mark.parametrize(
    "provider_id",
    [
        "",
        "aws:///us-east-1a/0123456789-abcdef/fargate-ip-10-0-1-2.ec2.internal",
        "eks-hybrid:///us-east-1/cluster/mi-0123456789abcdef0",
        "gce://project/us-central1-a/vm",
        "aws:///us-east-1a/i-00000000000000001/../i-00000000000000002",
        "i-00000000000000001",
    ],
)
def test_what_is_no_ec2_instance_is_passed_over_and_the_others_serve(fleet: Fleet, provider_id: str) -> None:
    odd = node("odd")
    odd["spec"]["providerID"] = provider_id
    fleet.cluster.put(odd)

    fleet.writes()

    assert {(one, 30080) for one in fleet.instances} == fleet.targets()


def test_an_instance_of_another_vpc_is_refused_and_told_and_the_others_serve(fleet: Fleet) -> None:
    """Only who may write Nodes could name one, and that is the cluster's administrator; AWS refuses it all the same."""
    vpc = fleet.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = fleet.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    (foreign,) = fleet.launch(1, subnet)
    fleet.cluster.put(node("foreign", foreign))

    fleet.run()

    assert {(one, 30080) for one in fleet.instances} == fleet.targets()
    assert f"target {foreign}:30080" in " ".join(one[2] for one in map(fleet.route_told, ("Accepted", "ResolvedRefs")))
    assert 1 == len(fleet.rules())


# --- what the Service says ------------------------------------------------------------------------------------------


def test_another_node_port_is_registered_before_the_former_goes(fleet: Fleet) -> None:
    fleet.run()
    fleet.cluster.put(node_service(node_port=31000))

    assert ["RegisterTargets", "DeregisterTargets"] == fleet.writes(SERVICE_EVENT)
    assert {(one, 31000) for one in fleet.instances} == fleet.targets()


def test_local_traffic_lets_kube_proxy_tell_which_nodes_have_endpoints(fleet: Fleet) -> None:
    fleet.run()
    fleet.cluster.put(local())

    assert ["ModifyTargetGroup"] == fleet.writes(SERVICE_EVENT)
    found = fleet.group()
    names = ("HealthCheckProtocol", "HealthCheckPort", "HealthCheckPath", "Matcher")
    assert ("HTTP", "32500", "/healthz", {"HttpCode": "200"}) == tuple(found[name] for name in names)
    assert 3 == len(fleet.targets())
    fleet.cluster.put(node_service())
    assert ["ModifyTargetGroup"] == fleet.writes(SERVICE_EVENT)
    assert "traffic-port" == fleet.group()["HealthCheckPort"]


def test_times_of_a_backend_config_go_with_kube_proxys_check(fleet: Fleet) -> None:
    fleet.cluster.put(local(), backend_config({"targetType": "instance", "healthCheck": {"intervalSeconds": 5}}))

    fleet.writes()

    found = fleet.group()
    assert ("32500", 5, 4) == tuple(
        found[f"HealthCheck{name}"] for name in ("Port", "IntervalSeconds", "TimeoutSeconds")
    )


@pytest.mark.parametrize("check", [{"path": "/up"}, {"port": 9000}, {"protocol": "HTTPS"}, {"matcher": "204"}])
def test_a_backend_config_that_says_what_is_asked_is_left_alone(fleet: Fleet, check: Plain) -> None:
    fleet.cluster.put(local(), backend_config({"targetType": "instance", "healthCheck": check}))

    fleet.writes()

    found = fleet.group()
    assert "32500" != found["HealthCheckPort"]
    assert "/healthz" != found["HealthCheckPath"]


@pytest.mark.parametrize("protocol", ["HTTP2", "GRPC"])
def test_what_kube_proxy_does_not_speak_is_not_asked_of_it(fleet: Fleet, protocol: str) -> None:
    hold(fleet, secret("tls"))
    secure(fleet, "tls")
    fleet.cluster.put(local(), backend_config({"targetType": "instance", "protocol": protocol}))

    fleet.run()

    assert (protocol, "instance") == (fleet.group()["ProtocolVersion"], fleet.group()["TargetType"])
    assert "traffic-port" == fleet.group()["HealthCheckPort"]


# --- from addresses and back ----------------------------------------------------------------------------------------


def test_another_target_type_is_another_target_group_made_before_the_former_goes(fleet: Fleet) -> None:
    fleet.cluster.put(backend_config({"targetType": "ip"}))
    fleet.run()
    names = [fleet.group()["TargetGroupName"]]
    for target_type in ("instance", "ip"):
        fleet.cluster.put(backend_config({"targetType": target_type}))
        done = fleet.writes()
        order = [done.index(one) for one in ("CreateTargetGroup", "RegisterTargets", "ModifyRule", "DeleteTargetGroup")]
        assert sorted(order) == order
        names.append(fleet.group()["TargetGroupName"])

    assert names[0] == names[2] != names[1]


REFUSED: dict[str, tuple[Plain, str]] = {
    "cluster-ip": (service(), "is of type ClusterIP, which has no node ports; make it NodePort or LoadBalancer"),
    "no-node-port": (service(type="LoadBalancer"), "port 80 of Service a/web has no node port"),
    "ipv6": (node_service(ipFamilies=["IPv6"]), "Service a/web is IPv6 only"),
}


@pytest.mark.parametrize(("item", "words"), REFUSED.values(), ids=REFUSED)
def test_a_service_without_node_ports_is_told_on_the_config_and_served_by_address(
    fleet: Fleet, item: Plain, words: str
) -> None:
    fleet.cluster.put(item)

    fleet.run()

    assert ("False", "Invalid") == fleet.told()[:2]
    assert words in fleet.told()[2]
    assert {("10.244.0.1", 8080)} == fleet.targets()


def test_a_service_without_node_ports_costs_no_other_of_the_gateway(fleet: Fleet) -> None:
    fleet.cluster.put(
        *with_service("more", addresses=["10.244.0.9"]),
        route("more", rules=[rule(backend("more"), matches=[exact("/more")])]),
    )
    both = backend_config({"targetType": "instance"})
    both["spec"]["targetRefs"].append({"group": "", "kind": "Service", "name": "more"})
    fleet.cluster.put(both)

    fleet.run()

    assert {"instance", "ip"} == {one["TargetType"] for one in fleet.groups()}
    assert "Service a/more is of type ClusterIP" in fleet.told()[2]
    for name in ("web", "more"):
        assert ("True", "Accepted") == fleet.says("HTTPRoute", "a", name)["Accepted"]


def test_an_external_name_is_told_on_the_route(fleet: Fleet) -> None:
    fleet.cluster.put(service(type="ExternalName"))

    fleet.run()

    assert ("False", "InvalidKind") == fleet.route_told("ResolvedRefs")[:2]
