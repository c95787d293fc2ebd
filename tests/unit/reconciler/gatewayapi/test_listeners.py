"""Listeners as a provider of limited means sees them, and what a run says of the addresses that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from reconciler.capabilities import Capabilities, Rejection
from reconciler.errors import Misconfigured, Throttled
from reconciler.gatewayapi.features import supported_features
from reconciler.gatewayapi.report import build_status
from reconciler.gatewayapi.status import GatewayStatus, SetStatus
from reconciler.ir import Address
from reconciler.plan import Failure, Outcome, ResourceKey
from reconciler.values import frozen_map
from tests.builders import (
    CONTROLLER,
    backend,
    gateway,
    gateway_class,
    listener,
    listener_set,
    namespace_,
    open_gateway,
    route,
    rule,
    with_service,
)
from tests.unit.reconciler.gatewayapi.graphs import EVERYTHING, AnyCloud, World


def world(*objects: dict[str, Any], can: Capabilities = EVERYTHING) -> World:
    return World((gateway_class(), *objects), cloud=AnyCloud(can))


def reasons(world: World) -> dict[str, tuple[str, ...]]:
    """Return the reasons of all problems by listener."""
    return {node.listener.id: tuple(one.reason for one in node.problems) for node in world.graph().listeners}


def told(world: World, rejections: Sequence[Rejection] = (), outcome: Outcome | None = None) -> dict[str, str]:
    """Return {condition: reason} of the Gateway."""
    updates = build_status(world.graph(), CONTROLLER, EVERYTHING, rejections, outcome or Outcome(("192.0.2.1",)))
    body = updates[0].body
    assert isinstance(body, GatewayStatus)
    return {one.type: one.reason for one in body.conditions}


def test_ports_beyond_the_limit_are_refused_by_precedence() -> None:
    own = [listener("one", 81), listener("two", 82), listener("again", 81, hostname="a.example.com")]
    old = listener_set("old", listeners=[listener("three", 83)])
    young = listener_set("young", listeners=[listener("more", 82, hostname="b.example.com"), listener("four", 84)])
    objects = (open_gateway(own), old, young)

    found = reasons(world(*objects, can=replace(EVERYTHING, max_ports=2)))

    expected = {"a/old/three": ("TooManyListeners",), "a/young/four": ("TooManyListeners",)}
    assert expected == {name: given for name, given in found.items() if given}
    alone = reasons(world(open_gateway([*own, listener("five", 85)]), can=replace(EVERYTHING, max_ports=2)))
    assert ("PortUnavailable",) == alone["five"]


def test_a_tls_mode_that_the_provider_lacks_costs_only_its_listener() -> None:
    passing = listener("through", 443, "TLS", tls={"mode": "Passthrough"})
    ending = listener("end", 8443, "TLS", tls={"mode": "Terminate", "certificateRefs": [{"name": "x"}]})

    found = world(gateway(listeners=[passing, ending]), can=replace(EVERYTHING, tls_modes=("Passthrough",))).graph()

    assert [((), True), (("UnsupportedValue",), False)] == [
        (tuple(one.reason for one in node.problems), bool(node.kinds)) for node in found.listeners
    ]


def test_a_clients_certificate_mode_that_the_provider_lacks_closes_the_listener() -> None:
    validation = {
        "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}],
        "mode": "AllowInsecureFallback",
    }
    item = open_gateway([listener("https", 443, "HTTPS"), listener("http")])
    item["spec"]["tls"] = {"frontend": {"default": {"validation": validation}}}

    found = reasons(world(item, can=replace(EVERYTHING, client_validation=("AllowValidOnly",))))

    assert "UnsupportedValue" in found["https"]
    assert () == found["http"]


def test_addresses_asked_for_travel_in_the_order_of_the_spec() -> None:
    asked = [{"type": "IPAddress", "value": "192.0.2.2"}, {"value": "192.0.2.1"}, {"type": "Hostname"}]

    found = world(open_gateway(addresses=asked)).lb().addresses

    assert (Address("IPAddress", "192.0.2.2"), Address("IPAddress", "192.0.2.1"), Address("Hostname")) == found


@pytest.mark.parametrize(
    ("address", "error", "reason"),
    [
        (Address("IPAddress", "192.0.2.9"), Misconfigured("not ours"), "AddressNotUsable"),
        (Address("IPAddress"), Misconfigured("the pool is empty"), "AddressNotAssigned"),
        (Address("IPAddress", "192.0.2.9"), Throttled("later"), "Pending"),
    ],
)
def test_an_address_that_could_not_be_bound_is_told_by_its_reason(
    address: Address, error: Misconfigured | Throttled, reason: str
) -> None:
    failed = Outcome(failed=(Failure(ResourceKey("address", "", "x"), error, (str(address),)),), complete=False)

    found = told(world(open_gateway()), outcome=failed)

    assert ("Accepted", reason) == (found["Accepted"], found["Programmed"])


def test_an_address_that_the_provider_refuses_leaves_the_gateway_accepted() -> None:
    refused = Rejection(str(Address("IPAddress", "192.0.2.9")), "AddressNotUsable", "no such address")

    found = told(world(open_gateway()), [refused])

    assert ("Accepted", "AddressNotUsable") == (found["Accepted"], found["Programmed"])


def test_addresses_are_published_with_their_type() -> None:
    outcome = Outcome(("192.0.2.1", "2001:db8::1", "lb.example.com"))
    body = build_status(world(open_gateway()).graph(), CONTROLLER, EVERYTHING, (), outcome)[0].body

    assert isinstance(body, GatewayStatus)
    assert ["IPAddress", "IPAddress", "Hostname"] == [kind for kind, _ in body.addresses or ()]


def test_a_listener_of_a_set_that_the_provider_refuses_is_told_in_the_set() -> None:
    here = world(open_gateway(), listener_set())
    refused = Rejection("listener/a/extra/more", "PortUnavailable", "port 8080 is taken")

    updates = build_status(here.graph(), CONTROLLER, EVERYTHING, [refused], Outcome(("192.0.2.1",)))

    body = updates[1].body
    assert isinstance(body, SetStatus)
    assert ["ListenersNotValid", "ListenersNotValid"] == [one.reason for one in body.conditions]
    assert "PortUnavailable" == body.listeners[0].conditions[0].reason
    assert isinstance(updates[0].body, GatewayStatus)
    assert 0 == updates[0].body.attached_sets


def test_listener_sets_of_a_gateway_that_the_provider_refuses_wholly_have_no_parent() -> None:
    here = world(open_gateway(), listener_set())
    refused = Rejection("listener/http", "PortUnavailable", "port 80 is taken")

    updates = build_status(here.graph(), CONTROLLER, EVERYTHING, [refused], Outcome())

    body = updates[1].body
    assert isinstance(body, SetStatus)
    assert ["ParentNotAccepted", "ParentNotProgrammed"] == [one.reason for one in body.conditions]


def test_features_follow_from_capabilities_sorted_and_within_the_limit_of_the_schema() -> None:
    nothing = Capabilities((), frozen_map())
    least, most = supported_features(nothing), supported_features(replace(EVERYTHING, features=("Z", "A")))

    assert ("Gateway", "ListenerSet", "ReferenceGrant") == least
    assert sorted(most) == list(most)
    assert len(most) <= 64
    claimed = {"GatewayStaticAddresses", "TLSRouteModeTerminate", "BackendTLSPolicy", "UDPRoute", "Z"}
    assert claimed <= set(most)


def test_targets_that_the_cloud_refuses_are_told_to_the_routes_that_send_to_them_and_to_nobody_else() -> None:
    routes = [route(name, rules=[rule(backend(name))]) for name in ("web", "api")]
    here = world(open_gateway(), namespace_("a"), *routes, *with_service("web"), *with_service("api"))
    refused = [pool for pool in here.graph().pools if "/api:" in pool]
    failure = Failure(ResourceKey("targets", "", "x"), Misconfigured("outside the network"), tuple(refused))

    updates = build_status(here.graph(), CONTROLLER, EVERYTHING, (), Outcome(("192.0.2.1",), failed=(failure,)))

    assert 1 == len(refused)
    found = {one.name: one.body for one in updates}
    assert "True" == next(one.status for one in found["gw"].conditions if one.type == "Programmed")  # type: ignore[union-attr]
    told = {name: [(one.type, one.status) for one in found[name].parents[0].conditions] for name in ("api", "web")}  # type: ignore[union-attr]
    assert [("Accepted", "True"), ("ResolvedRefs", "False")] == told["api"]
    assert [("Accepted", "True"), ("ResolvedRefs", "True")] == told["web"]
