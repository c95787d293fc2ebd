"""What an ALB does to a request on its way: URLs and hosts rewritten, gRPC told apart, clients kept with a backend."""

from __future__ import annotations

import re
from typing import Any

import pytest

from providers.aws.rewrites import rewrites_of
from reconciler.ir import Entry, Filter, FixedResponse
from reconciler.matches import Match, PathMatch, PathType
from reconciler.plan import canonical
from tests.aws_world import World, hold, secret, secure
from tests.builders import backend, backend_config, gateway, listener, prefix, route, route_of, rule

type Plain = dict[str, Any]


def rewritten(path: str, request: str, new: Plain, kind: PathType = PathType.PREFIX) -> str:
    """Return what a request's path and query become, as an ALB would replace them: the first match of the search."""
    body = canonical({"urlRewrite": {"path": new}})
    entry = Entry(
        "e", "http", "", Match(PathMatch(kind, path)), FixedResponse(200), filters=(Filter("URLRewrite", body),)
    )
    ((transform,), wrong) = rewrites_of(entry)
    assert "" == wrong
    return re.sub(str(transform["Regex"]), str(transform["Replace"]), request, count=1)


def by_prefix(new: str) -> Plain:
    return {"type": "ReplacePrefixMatch", "replacePrefixMatch": new}


@pytest.mark.parametrize(
    ("path", "new", "request_", "expected"),
    [
        ("/foo", "/xyz", "/foo/bar?a=1", "/xyz/bar?a=1"),
        ("/foo", "/xyz", "/foo", "/xyz"),
        ("/foo", "/xyz", "/foo/", "/xyz/"),
        ("/foo/", "/xyz/", "/foo/bar", "/xyz/bar"),
        ("/foo", "", "/foo/bar", "/bar"),
        ("/foo", "/", "/foo/bar", "/bar"),
        ("/foo", "/", "/foo", "/"),
        ("/foo", "", "/foo?a=1", "/?a=1"),
        ("/", "/xyz", "/bar", "/xyz/bar"),
        ("/", "/", "/bar", "/bar"),
        ("/a.b", "/c", "/a.b/d", "/c/d"),
    ],
)
def test_a_prefix_is_replaced_as_the_specification_says(path: str, new: str, request_: str, expected: str) -> None:
    assert expected == rewritten(path, request_, by_prefix(new))


@pytest.mark.parametrize(("request_", "expected"), [("/one?a=1", "/new?a=1"), ("/one/two", "/new"), ("/", "/new")])
def test_a_whole_path_is_replaced_and_the_query_kept(request_: str, expected: str) -> None:
    assert expected == rewritten("/", request_, {"type": "ReplaceFullPath", "replaceFullPath": "/new"})


def rewrite(**what: Any) -> Plain:
    return {"type": "URLRewrite", "urlRewrite": what}


def test_host_and_path_become_transforms_of_the_rule(world: World) -> None:
    filters = [rewrite(hostname="inner.example.com", path=by_prefix("/v2"))]
    world.cluster.put(route(rules=[rule(backend(), matches=[prefix("/v1")], filters=filters)]))

    world.run()

    assert ["host-header-rewrite", "url-rewrite"] == [one["Type"] for one in world.rules()[0]["Transforms"]]
    assert ("True", "Accepted") == world.says("HTTPRoute", "a", "web")["Accepted"]
    assert [] == world.deep()


def test_a_host_that_a_header_modifier_sets_is_a_rewrite_and_any_other_header_a_refusal(world: World) -> None:
    host = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "Host", "value": "h.example"}]}}
    other = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "X-A", "value": "b"}]}}
    rules = [
        rule(backend(), matches=[prefix("/host")], filters=[host]),
        rule(backend(), matches=[prefix("/other")], filters=[other]),
    ]
    world.cluster.put(route(rules=rules))

    world.run()

    assert [["host-header-rewrite"]] == [[one["Type"] for one in found["Transforms"]] for found in world.rules()]
    assert "PartiallyInvalid" in world.says("HTTPRoute", "a", "web")


@pytest.mark.parametrize("path", ["/$1", "/a$"])
def test_a_dollar_in_a_replacement_is_refused_because_aws_has_no_way_to_write_it(world: World, path: str) -> None:
    filters = [rewrite(path={"type": "ReplaceFullPath", "replaceFullPath": path})]
    world.cluster.put(route(rules=[rule(backend(), filters=filters)]))

    world.run()

    assert ("False", "UnsupportedValue") == world.says("HTTPRoute", "a", "web")["Accepted"]


def test_a_rewrite_that_goes_leaves_the_rule_where_it_is(world: World) -> None:
    filters = [rewrite(hostname="inner.example.com")]
    world.cluster.put(route(rules=[rule(backend(), filters=filters)]))
    world.run()
    world.cluster.put(route())
    world.forget()

    world.run()

    assert ["ModifyRule"] == world.operations()
    assert [] == world.rules()[0]["Transforms"]


def test_grpc_goes_to_grpc_target_groups_and_is_told_apart_where_http_routes_are_too(world: World) -> None:
    hold(world, secret("cert"))
    secure(world, "cert")
    call = route_of("GRPCRoute", "calls", spec={"rules": [rule(backend(), matches=[{"method": {"service": "shop"}}])]})
    world.cluster.put(call)

    world.run()

    groups = {one["ProtocolVersion"] for one in world.account.state()["targetGroups"]}
    conditions = {one["Field"] for found in world.rules(443) for one in found["Conditions"]}
    assert {"HTTP1", "GRPC"} == groups
    assert "http-header" in conditions
    assert ("True", "Accepted") == world.says("GRPCRoute", "a", "calls")["Accepted"]
    assert [] == world.deep()


def test_a_grpc_route_on_a_plain_listener_is_not_allowed_there(world: World) -> None:
    world.cluster.put(route_of("GRPCRoute", "calls"))

    world.run()

    assert ("False", "NotAllowedByListeners") == world.says("GRPCRoute", "a", "calls")["Accepted"]


def test_clients_stay_with_a_backend_where_its_config_says_so(world: World) -> None:
    world.cluster.put(backend_config({"stickySeconds": 60, "drainingSeconds": 10}))

    world.run()

    (group,) = world.account.state()["targetGroups"]
    elbv2 = world.account.client("elbv2")
    answer = elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
    attributes = {one["Key"]: one["Value"] for one in answer["Attributes"]}
    assert ("true", "60") == (attributes["stickiness.enabled"], attributes["stickiness.lb_cookie.duration_seconds"])
    assert "10" == attributes["deregistration_delay.timeout_seconds"]
    assert [] == world.deep()


def test_http2_towards_a_backend_is_refused_on_a_plain_listener(world: World) -> None:
    world.cluster.put(backend_config({"protocol": "HTTP2"}), gateway(listeners=[listener()]))

    world.run()

    assert ("False", "UnsupportedValue") == world.says("HTTPRoute", "a", "web")["Accepted"]
