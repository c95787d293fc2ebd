"""QUICRoute, a kind of a package of its own: known by its entry point, attached, compiled, built and reported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from providers import provider_for
from providers.aws.quic import server_id
from providers.memory import MemoryProvider
from reconciler.config import Config
from reconciler.gatewayapi.kinds import route_kinds, transport_of
from reconciler.ir import Close, Forward
from reconciler.offline import Offline, plan_offline
from tests.builders import (
    CONTROLLER,
    GROUP,
    backend,
    config_ref,
    gateway,
    gateway_class,
    listener,
    listener_set,
    meta,
    open_gateway,
    parent,
    route_of,
    rule,
)
from tests.unit.reconciler.gatewayapi.graphs import EVERYTHING, AnyCloud, World

type Plain = dict[str, Any]
QUIC = listener("quic", 443, "routewright.dev/QUIC")
REF = config_ref("quic")
CARRIES = AnyCloud(replace(EVERYTHING, carries=("QUIC",), once=("QUIC",)))


def quic_route(name: str = "web", *backends: Plain, **more: Any) -> Plain:
    spec = {"rules": [rule(*(backends or (backend(port=443),)))], **more}
    return route_of("QUICRoute", name, spec=spec) | {"apiVersion": "routewright.dev/v1alpha1"}


def served(name: str = "web", address: str = "10.0.0.7") -> tuple[Plain, Plain]:
    """Return a Service that is reached by TCP and UDP on port 443, and its endpoint."""
    ports = [{"name": p.lower(), "port": 443, "targetPort": 8443, "protocol": p} for p in ("TCP", "UDP")]
    labels = {"kubernetes.io/service-name": name}
    slice_: Plain = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta(f"{name}-1", "a", labels=labels),
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": p.lower(), "port": 8443, "protocol": p} for p in ("TCP", "UDP")],
    }
    here = {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, "a"), "spec": {"ports": ports}}
    return here, slice_


def config(**spec: Any) -> Plain:
    api = {"apiVersion": "routewright.dev/v1alpha1", "kind": "LoadBalancerConfig"}
    return api | {"metadata": meta("quic", "infra"), "spec": spec}


def on_aws(*objects: Plain, quic: bool = True, **spec: Any) -> Offline:
    """Return what objects become on AWS, with a class whose load balancers may carry QUIC."""
    cloud = {"aws": {"quic": quic, **spec.pop("aws", {})}, **spec}
    world = (gateway_class(parametersRef=REF), config(**cloud), *served(), *objects)
    return plan_offline(world, CONTROLLER, provider_for(CONTROLLER))


def status(offline: Offline, kind: str, name: str, namespace: str = "a") -> Mapping[str, Any]:
    return next(one[3] for one in offline.statuses if one[:3] == (kind, namespace, name))


def conditions(found: list[Mapping[str, Any]]) -> dict[str, str]:
    return {one["type"]: one["reason"] for one in found}


def specs(offline: Offline, kind: str) -> list[Mapping[str, Any]]:
    return [one.spec for key, one in sorted(offline.gateways[0].want.resources.items()) if key.kind == kind]


# --- the kind -----------------------------------------------------------------------------------------------------


def test_without_the_package_the_kind_is_unknown_and_its_protocol_unsupported() -> None:
    world = World((gateway_class(), gateway(listeners=[QUIC]), quic_route(), *served()), cloud=CARRIES)
    (node,) = world.graph().listeners

    assert "QUICRoute" not in route_kinds()
    assert ["UnsupportedProtocol"] == [one.reason for one in node.problems]
    assert () == world.graph().attachments


@pytest.mark.usefixtures("quicroute")
def test_installing_the_package_registers_the_kind() -> None:
    assert ("routewright.dev", "quicroutes") == (route_kinds()["QUICRoute"].group, route_kinds()["QUICRoute"].plural)
    assert "UDP" == transport_of("routewright.dev/QUIC") == transport_of("QUIC")


def test_the_cluster_edge_watches_the_kind_and_lets_its_routes_wake_their_gateway(folder: Path) -> None:
    asked = (
        "from kube import kinds, interest\n"
        "kind = kinds.BY_NAME['QUICRoute']\n"
        "item = {'metadata': {'namespace': 'a'}, 'spec': {'parentRefs': [{'name': 'gw'}],"
        " 'rules': [{'backendRefs': [{'name': 'web'}]}]}}\n"
        "print(kind in kinds.WATCHED, kind.path('a'), sorted(interest.targets_of('QUICRoute', item)),"
        " *interest.parents_of(item, 'x')[0])"
    )
    environment = {"PYTHONPATH": f"{folder}:."}
    answer = subprocess.run(  # noqa: S603 - a process of its own, for what is read at import
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )

    path, targets = "/apis/routewright.dev/v1alpha1/namespaces/a/quicroutes", "[('Namespace', '', 'a'), "
    assert f"True {path} {targets}('Service', 'a', 'web')] ('Gateway', 'a', 'gw')\n" == answer.stdout


# --- attaching and compiling --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quicroute")
def test_a_quic_route_attaches_to_its_protocol_and_sends_datagrams_to_the_udp_port() -> None:
    world = World((gateway_class(), gateway(listeners=[QUIC]), quic_route(), *served()), cloud=CARRIES)
    (frontend,) = world.lb().frontends
    action = frontend.entries[0].action

    assert ("QUIC", ("QUIC",)) == (frontend.protocol, world.lb().protocols)
    assert isinstance(action, Forward)
    assert ["service/a/web:443/udp"] == [pool.pool for pool in action.pools]
    assert [("QUICRoute",)] == [node.kinds for node in world.graph().listeners]


@pytest.mark.usefixtures("quicroute")
def test_a_cloud_that_cannot_carry_quic_refuses_the_listener_by_the_specifications_reason() -> None:
    world = World((gateway_class(), gateway(listeners=[QUIC]), quic_route(), *served()))

    assert ["UnsupportedProtocol"] == [one.reason for one in world.graph().listeners[0].problems]
    assert () == world.lb().frontends


@pytest.mark.usefixtures("quicroute")
@pytest.mark.parametrize("protocol", ["UDP", "routewright.dev/QUIC"])
def test_a_port_carries_datagrams_of_one_listener(protocol: str) -> None:
    both = [QUIC, listener("other", 443, protocol)]
    nodes = World((gateway_class(), gateway(listeners=both)), cloud=CARRIES).graph().listeners

    assert [["ProtocolConflict"], ["ProtocolConflict"]] == [[one.reason for one in node.problems] for node in nodes]


@pytest.mark.usefixtures("quicroute")
def test_where_quic_fits_once_the_listener_of_precedence_has_it() -> None:
    later = listener_set(listeners=[listener("late", 1, "routewright.dev/QUIC")])
    world = World((gateway_class(), open_gateway([QUIC]), later), cloud=CARRIES)
    first, second = world.graph().listeners

    assert () == first.problems
    assert [("Accepted", "PortUnavailable")] == [(one.condition, one.reason) for one in second.problems]


@pytest.mark.usefixtures("quicroute")
def test_a_tcp_route_does_not_attach_to_a_quic_listener() -> None:
    stray = route_of("TCPRoute", "stray")
    (item,) = World((gateway_class(), gateway(listeners=[QUIC]), stray), cloud=CARRIES).graph().attachments

    assert item.refused is not None
    assert "NotAllowedByListeners" == item.refused.reason


@pytest.mark.usefixtures("quicroute")
def test_a_backend_that_is_not_there_is_told_on_the_quic_route() -> None:
    route = quic_route("web", backend("nowhere", 443))
    world = World((gateway_class(), gateway(listeners=[QUIC]), route), cloud=CARRIES)

    assert Close() == world.lb().frontends[0].entries[0].action
    assert ["BackendNotFound"] == [one.reason for one in world.graph().attachments[0].unresolved]


@pytest.mark.usefixtures("quicroute")
@pytest.mark.parametrize(("group", "found"), [("routewright.dev", []), (GROUP, ["RefNotPermitted"])])
def test_a_grant_across_namespaces_names_the_kind_by_its_own_group(group: str, found: list[str]) -> None:
    grant = {
        "apiVersion": f"{GROUP}/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": meta("games", "a"),
        "spec": {
            "from": [{"group": group, "kind": "QUICRoute", "namespace": "b"}],
            "to": [{"group": "", "kind": "Service"}],
        },
    }
    spec = {"rules": [rule(backend(port=443, namespace="a"))]}
    away = route_of("QUICRoute", "web", "b", spec) | {"apiVersion": "routewright.dev/v1alpha1"}
    (item,) = (
        World((gateway_class(), gateway(listeners=[QUIC]), away, grant, *served()), cloud=CARRIES).graph().attachments
    )

    assert found == [one.reason for one in item.unresolved]


@pytest.mark.usefixtures("quicroute")
def test_a_listener_may_name_the_kind_by_its_own_group_alone() -> None:
    def allowed(group: str) -> Plain:
        return {"allowedRoutes": {"namespaces": {"from": "All"}, "kinds": [{"group": group, "kind": "QUICRoute"}]}}

    listeners = [QUIC | allowed("routewright.dev"), listener("other", 444, "routewright.dev/QUIC") | allowed(GROUP)]
    cloud = AnyCloud(replace(EVERYTHING, carries=("QUIC",)))
    nodes = World((gateway_class(), gateway(listeners=listeners)), cloud=cloud).graph().listeners

    assert [("QUICRoute",), ()] == [node.kinds for node in nodes]
    assert [[], ["InvalidRouteKinds"]] == [[one.reason for one in node.problems] for node in nodes]


@pytest.mark.usefixtures("quicroute")
def test_the_reference_provider_takes_the_kind_as_it_takes_every_kind() -> None:
    world = (gateway_class(), gateway(listeners=[QUIC]), quic_route(), *served())
    offline = plan_offline(world, CONTROLLER, MemoryProvider())

    (parent_,) = status(offline, "QUICRoute", "web")["parents"]
    assert {"Accepted": "Accepted", "ResolvedRefs": "ResolvedRefs"} == conditions(parent_["conditions"])
    assert ["QUIC"] == [one["Protocol"] for one in specs(offline, "frontend")]


# --- on AWS -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quicroute")
def test_on_aws_it_is_a_quic_listener_of_an_nlb_without_security_groups() -> None:
    offline = on_aws(gateway(listeners=[QUIC]), quic_route())

    (balancer,), (group,) = specs(offline, "load-balancer"), specs(offline, "target-group")
    assert ("network", ()) == (balancer["Type"], tuple(balancer["SecurityGroups"]))
    assert ["QUIC"] == [one["Protocol"] for one in specs(offline, "listener")]
    assert ("QUIC", "TCP") == (group["Protocol"], group["HealthCheckProtocol"])
    assert [] == specs(offline, "security-group") + specs(offline, "ingress")


@pytest.mark.usefixtures("quicroute")
def test_each_target_is_registered_by_the_server_id_that_it_can_work_out_for_itself() -> None:
    (targets,) = specs(on_aws(gateway(listeners=[QUIC]), quic_route()), "targets")

    # printf 10.0.0.7:8443 | sha256sum | cut -c 1-16
    assert [["10.0.0.7", 8443, "", "0x2c7720dcdf797825"]] == targets["Targets"]
    assert server_id("10.0.0.7", 8443) != server_id("10.0.0.7", 8444)


@pytest.mark.usefixtures("quicroute")
def test_status_of_gateway_listener_and_route_says_what_was_made() -> None:
    offline = on_aws(gateway(listeners=[QUIC]), quic_route())

    (parent_,) = status(offline, "QUICRoute", "web")["parents"]
    (listener_,) = status(offline, "Gateway", "gw", "infra")["listeners"]
    assert {"Accepted": "Accepted", "ResolvedRefs": "ResolvedRefs"} == conditions(parent_["conditions"])
    assert [{"group": "routewright.dev", "kind": "QUICRoute"}] == listener_["supportedKinds"]
    assert (1, "Programmed") == (listener_["attachedRoutes"], conditions(listener_["conditions"])["Programmed"])


@pytest.mark.usefixtures("quicroute")
def test_a_class_that_does_not_say_quic_keeps_its_security_groups_and_refuses_the_listener() -> None:
    offline = on_aws(gateway(listeners=[QUIC, listener("tcp", 9000, "TCP")]), quic_route(), quic=False)

    found = {one["name"]: one for one in status(offline, "Gateway", "gw", "infra")["listeners"]}
    assert "UnsupportedProtocol" == conditions(found["quic"]["conditions"])["Accepted"]
    assert [("managed",)] == [tuple(one["SecurityGroups"]) for one in specs(offline, "load-balancer")]


@pytest.mark.usefixtures("quicroute")
def test_a_class_that_says_quic_takes_no_udp_and_keeps_the_groups_of_its_alb() -> None:
    listeners = [QUIC, listener("udp", 53, "UDP"), listener("http", 80)]
    offline = on_aws(gateway(listeners=listeners), quic_route())

    found = {one["name"]: one for one in status(offline, "Gateway", "gw", "infra")["listeners"]}
    assert "UnsupportedProtocol" == conditions(found["udp"]["conditions"])["Accepted"]
    groups = {one["Type"]: tuple(one["SecurityGroups"]) for one in specs(offline, "load-balancer")}
    assert {"application": ("managed",), "network": ()} == groups
    assert [("80", "tcp")] == [
        (key.name, key.scope) for key in offline.gateways[0].want.resources if key.kind == "ingress"
    ]


@pytest.mark.usefixtures("quicroute")
def test_tcp_and_quic_of_one_service_share_a_port_as_http_3_asks_for() -> None:
    tcp = route_of("TCPRoute", "tcp", spec={"rules": [rule(backend(port=443))]})
    offline = on_aws(gateway(listeners=[QUIC, listener("tcp", 443, "TCP")]), quic_route(), tcp)

    assert ["TCP_QUIC"] == [one["Protocol"] for one in specs(offline, "listener")]
    assert ["TCP_QUIC"] == [one["Protocol"] for one in specs(offline, "target-group")]


@pytest.mark.usefixtures("quicroute")
def test_a_server_behind_two_backends_has_one_id_so_the_route_is_refused() -> None:
    twin = served("twin")
    offline = on_aws(gateway(listeners=[QUIC]), quic_route("web", backend(port=443), backend("twin", 443)), *twin)

    (parent_,) = status(offline, "QUICRoute", "web")["parents"]
    accepted = next(one for one in parent_["conditions"] if one["type"] == "Accepted")
    assert ("False", "UnsupportedValue") == (accepted["status"], accepted["reason"])
    assert "10.0.0.7:8443 stands behind two backends" in accepted["message"]


@pytest.mark.parametrize(
    "spec",
    [
        {"sourceRanges": ["192.0.2.0/24"]},
        {"addressType": "dualstack"},
        {"aws": {"securityGroups": ["sg-1"]}},
        {"aws": {"addressMode": "unified"}},
    ],
)
def test_what_nobody_could_keep_beside_quic_is_an_invalid_parameter(spec: Plain) -> None:
    found = status(on_aws(gateway(), **spec), "GatewayClass", "aws", "")

    assert "InvalidParameters" == conditions(found["conditions"])["Accepted"]


@pytest.mark.usefixtures("quicroute")
def test_addresses_cannot_be_chosen_where_streams_may_be_quic() -> None:
    item = gateway(listeners=[QUIC])
    item["spec"]["addresses"] = [{"type": "IPAddress", "value": "203.0.113.7"}]
    offline = on_aws(item, quic_route())

    assert "UnsupportedAddress" == conditions(status(offline, "Gateway", "gw", "infra")["conditions"])["Accepted"]
    claimed = {one["name"] for one in status(offline, "GatewayClass", "aws", "")["supportedFeatures"]}
    assert set() == claimed & {"GatewayStaticAddresses", "UDPRoute"}


def test_a_gateway_cannot_take_the_security_groups_away_by_itself() -> None:
    refused = provider_for(CONTROLLER).refused(Config(), {"aws": {"quic": True}})

    assert ("spec.aws.quic may be set by a GatewayClass only",) == refused


@pytest.mark.usefixtures("quicroute")
def test_a_route_of_several_parents_is_told_about_each() -> None:
    both = quic_route("web", parentRefs=[parent(), parent(sectionName="tcp")])
    offline = on_aws(gateway(listeners=[QUIC, listener("tcp", 9000, "TCP")]), both)

    reasons = [conditions(one["conditions"])["Accepted"] for one in status(offline, "QUICRoute", "web")["parents"]]
    assert ["Accepted", "NotAllowedByListeners"] == reasons
