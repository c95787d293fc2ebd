"""Routes of every kind: how they read, attach and compile."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.gatewayapi.read_routes import read_route
from reconciler.ir import Close, FixedResponse, Forward, first_match
from reconciler.matches import Match, PathMatch, PathType, Request
from tests.builders import backend, gateway, gateway_class, listener, route, route_of, rule, service, with_service
from tests.unit.reconciler.gatewayapi.graphs import World

type Plain = dict[str, Any]
GRPC_HEADERS = (("content-type", "application/grpc+proto"),)


def grpc(method: Plain | None, *backends: Plain, **more: Any) -> Plain:
    """Return a GRPCRoute with one match."""
    matches = [{"method": method}] if method is not None else []
    rules = [rule(*(backends or (backend(),)), matches=matches)]
    return route_of("GRPCRoute", more.pop("name", "calls"), spec={"rules": rules}, **more)


def served(*objects: Plain, listeners: list[Plain] | None = None) -> World:
    return World((gateway_class(), gateway(listeners=listeners), *objects, *with_service(), *with_service("api")))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ({"service": "shop.Cart", "method": "Add"}, PathMatch(PathType.EXACT, "/shop.Cart/Add")),
        ({"service": "shop.Cart"}, PathMatch(PathType.PREFIX, "/shop.Cart")),
        ({"method": "Add"}, PathMatch(PathType.METHOD, "Add")),
        (
            {"type": "RegularExpression", "service": "shop[.].*"},
            PathMatch(PathType.REGULAR_EXPRESSION, "/(?:shop[.].*)/(?:[^/]+)"),
        ),
        (None, PathMatch(PathType.PREFIX, "/")),
    ],
)
def test_a_grpc_method_is_a_path(method: Plain | None, path: PathMatch) -> None:
    (only,) = read_route(grpc(method)).rules

    assert (Match(path, grpc=True),) == only.matches


def test_a_grpc_route_takes_grpc_requests_only() -> None:
    (frontend,) = served(grpc({"service": "shop.Cart"})).lb().frontends

    assert first_match(frontend, Request("any", "/shop.Cart/Add", "POST", GRPC_HEADERS)) is not None
    assert first_match(frontend, Request("any", "/shop.Cart/Add", "POST")) is None


def test_beside_an_http_route_of_one_listener_each_gets_its_own_requests() -> None:
    (frontend,) = served(grpc(None), route(rules=[rule(backend("api"))])).lb().frontends
    call, page = Request("any", "/s/m", "POST", GRPC_HEADERS), Request("any", "/s/m")

    answers = [first_match(frontend, request) for request in (call, page)]

    assert ["GRPCRoute", "HTTPRoute"] == [one.origin.route.kind for one in answers if one and one.origin]


def test_a_longer_service_then_a_longer_method_goes_first() -> None:
    rules = [
        rule(backend(), matches=[{"method": {"method": "Add"}}]),
        rule(backend("api"), matches=[{"method": {"service": "shop"}}]),
    ]
    (frontend,) = served(route_of("GRPCRoute", spec={"rules": rules})).lb().frontends

    found = first_match(frontend, Request("any", "/shop/Add", "POST", GRPC_HEADERS))

    assert found is not None
    assert found.origin is not None
    assert 1 == found.origin.rule


def test_a_grpc_route_without_a_valid_backend_is_unavailable_not_unknown() -> None:
    (frontend,) = served(grpc(None, backend("nowhere"))).lb().frontends

    assert FixedResponse(503) == frontend.entries[0].action


def test_http_and_grpc_on_one_service_port_are_two_pools() -> None:
    pools = served(grpc(None), route()).lb().pools

    assert ["service/a/web:80", "service/a/web:80/grpc"] == [pool.id for pool in pools]


def stream(kind: str, name: str, *backends: Plain, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> Plain:
    spec = {"rules": [rule(*backends)], **spec}
    return route_of(kind, name, spec=spec, creationTimestamp=created)


def test_of_two_tcp_routes_on_a_listener_the_older_gets_everything_and_both_are_attached() -> None:
    young = stream("TCPRoute", "young", backend("api"), created="2026-02-01T00:00:00Z")
    world = served(stream("TCPRoute", "old", backend()), young, listeners=[listener("tcp", 9000, "TCP")])
    (frontend,) = world.lb().frontends

    assert ["tcproute/a/old/rule/0/match/0/*"] == [entry.id for entry in frontend.entries]
    assert [2] == [node.attached for node in world.graph().listeners]


def test_tcp_and_udp_may_share_a_port() -> None:
    listeners = [listener("tcp", 53, "TCP"), listener("udp", 53, "UDP")]
    dns = service("dns", ports=(53,))
    dns["spec"]["ports"].append({"name": "u53", "port": 53, "protocol": "UDP"})
    routes = (stream("TCPRoute", "t", backend("dns", 53)), stream("UDPRoute", "u", backend("dns", 53)))
    world = World((gateway_class(), gateway(listeners=listeners), *routes, dns))

    assert ["service/a/dns:53/tcp", "service/a/dns:53/udp"] == [pool.id for pool in world.lb().pools]
    assert ["TCP", "UDP"] == [frontend.protocol for frontend in world.lb().frontends]


def test_a_stream_without_a_valid_backend_is_closed() -> None:
    world = served(stream("TCPRoute", "t", backend("nowhere")), listeners=[listener("tcp", 9000, "TCP")])

    assert Close() == world.lb().frontends[0].entries[0].action
    assert ["BackendNotFound"] == [one.reason for one in world.graph().attachments[0].unresolved]


def test_a_route_of_the_wrong_kind_for_a_listener_is_not_allowed_there() -> None:
    (item,) = served(stream("TCPRoute", "t", backend())).graph().attachments

    assert item.refused is not None
    assert "NotAllowedByListeners" == item.refused.reason


def test_the_share_of_an_invalid_backend_of_a_stream_stays_its_own() -> None:
    both = stream("TCPRoute", "t", backend(weight=3), backend("nowhere", weight=1))
    action = served(both, listeners=[listener("tcp", 9000, "TCP")]).lb().frontends[0].entries[0].action

    assert isinstance(action, Forward)
    assert (3, 1) == (action.pools[0].weight, action.error_share)


def test_a_kind_of_the_same_name_in_another_group_is_no_route() -> None:
    alien = stream("TCPRoute", "t", backend()) | {"apiVersion": "example.com/v1"}

    assert () == served(alien, listeners=[listener("tcp", 9000, "TCP")]).graph().attachments
