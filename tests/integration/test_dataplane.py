"""A real Envoy carries traffic of an emulated account as an Application Load Balancer would, all on loopback."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulators.cluster.processes import free_port
from emulators.dataplane import EnvoyError
from tests.integration.dataplane_world import World, eventually, fixed, forward, opened_world, redirect, when

pytestmark = pytest.mark.integration

Json = dict[str, Any]


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    with opened_world(tmp_path) as world:
        yield world


def test_the_first_rule_that_matches_answers_and_the_default_comes_last(world: World) -> None:
    world.open()
    wide = when("host-header", "HostHeaderConfig", Values=["*.example.com"])
    world.rule(fixed(201), wide, priority=1)
    world.rule(fixed(202), when("host-header", "HostHeaderConfig", Values=["a.example.com"]), priority=2)
    world.settle()
    statuses = [world.get(Host=host).status for host in ("a.example.com", "x.org")]
    assert [201, 404] == statuses


@pytest.mark.parametrize(
    ("condition", "matching", "other"),
    [
        (
            when("host-header", "HostHeaderConfig", RegexValues=[r"^a\.example\.com(:[0-9]+)?$"]),
            {"Host": "A.Example.com:1234"},
            {"Host": "b.a.example.com"},
        ),
        (when("path-pattern", "PathPatternConfig", Values=["/a", "/a/*"]), {"path": "/a/../a/b"}, {"path": "/A"}),
        (
            when("path-pattern", "PathPatternConfig", RegexValues=["^/(?:a|b)(/.*)?$"]),
            {"path": "/b?x"},
            {"path": "/bc"},
        ),
        (
            when("http-header", "HttpHeaderConfig", HttpHeaderName="X-Kind", Values=["wh?l*"]),
            {"x_kind": "Whales"},
            {"x_kind": "a whale"},
        ),
        (
            when("http-header", "HttpHeaderConfig", HttpHeaderName="X-Kind", RegexValues=["^v[12]$"]),
            {"x_kind": "v2"},
            {"x_kind": "v22"},
        ),
        (when("http-request-method", "HttpRequestMethodConfig", Values=["GET"]), {}, {"method": "HEAD"}),
        (
            when("query-string", "QueryStringConfig", Values=[{"Key": "animal", "Value": "wh*"}]),
            {"path": "/?x=1&ANIMAL=Whale"},
            {"path": "/?animals=whale"},
        ),
        (
            when("source-ip", "SourceIpConfig", Values=["127.0.0.9/32"]),
            {"source": "127.0.0.9"},
            {"source": "127.0.0.8", "x_forwarded_for": "127.0.0.9"},
        ),
    ],
    ids=lambda value: value.get("Field", "") if isinstance(value, dict) else "",
)
def test_envoy_compares_as_a_load_balancer_does(world: World, condition: Json, matching: Json, other: Json) -> None:
    world.open()
    world.rule(fixed(201), condition)
    world.settle()
    assert [201, 404] == [world.get(**matching).status, world.get(**other).status]


def test_a_target_sees_the_host_and_who_asked(world: World) -> None:
    world.open()
    world.rule(forward(world.group("pods", world.pod(7))))
    world.settle()
    seen = world.get("/a?b=c", Host="a.example.com", x_forwarded_for="10.1.1.1", x_forwarded_proto="https").seen
    assert ("10.244.0.7", "/a?b=c") == (seen["name"], seen["path"])
    expected = {"host": "a.example.com", "x-forwarded-for": "10.1.1.1, 127.0.0.1", "x-forwarded-proto": "http"}
    expected["x-forwarded-port"] = str(world.port)
    assert expected == {name: seen["headers"].get(name) for name in expected}
    assert set() == {name for name in seen["headers"] if name.startswith("x-envoy") or name == "x-request-id"}


@pytest.mark.parametrize(
    ("actions", "location"),
    [
        (redirect(Protocol="HTTPS", Port="443"), "https://a.example.com:443/old/x?k=v"),
        (redirect(Host="b.#{host}", Query="p=#{port}&#{query}"), "http://b.a.example.com:{port}/old/x?p={port}&k=v"),
        (redirect(Path="/new/#{path}", Query=""), "http://a.example.com:{port}/new/old/x"),
    ],
)
def test_a_redirect_resolves_its_keywords(world: World, actions: list[Json], location: str) -> None:
    world.open()
    world.rule(actions)
    world.settle()
    answer = world.get("/old/x?k=v", Host="a.example.com:99")
    assert (302, location.format(port=world.port)) == (answer.status, answer.headers["location"])


def test_a_redirect_sees_what_a_transform_left_of_the_path(world: World) -> None:
    world.open()
    rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/old/", "Replace": "/"}]}}
    world.rule(redirect(Path="/new/#{path}"), Transforms=[rewrite])
    world.settle()
    answer = world.get("/old/x?k=v", Host="a.example.com")
    assert f"http://a.example.com:{world.port}/new/x?k=v" == answer.headers["location"]


def test_transforms_change_path_and_host_and_leave_the_query(world: World) -> None:
    world.open()
    path = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/p/(.*)", "Replace": "/n/$1"}]}}
    host = {"Regex": "^.*$", "Replace": "in.example.com"}
    rewrites = [path, {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": {"Rewrites": [host]}}]
    world.rule(forward(world.group("pods", world.pod(7))), Transforms=rewrites)
    world.settle()
    seen = world.get("/p/x?a=/p/b").seen
    assert ("/n/x?a=/p/b", "in.example.com") == (seen["path"], seen["headers"]["host"])


def test_a_fixed_response_has_its_body_and_type(world: World) -> None:
    world.open()
    config = {"StatusCode": "503", "MessageBody": '{"a": 1}', "ContentType": "application/json"}
    world.rule([{"Type": "fixed-response", "FixedResponseConfig": config}])
    world.settle()
    answer = world.get()
    assert (503, b'{"a": 1}') == (answer.status, answer.body)
    assert ("application/json", "awselb/2.0") == (answer.headers["content-type"], answer.headers["server"])


def test_a_repeated_header_is_looked_at_one_by_one(world: World) -> None:
    world.open()
    world.rule(fixed(201), when("http-header", "HttpHeaderConfig", HttpHeaderName="X-Kind", Values=["whale"]))
    world.settle()
    asked = b"GET / HTTP/1.1\r\nHost: a\r\nX-Kind: shark\r\nX-Kind: whale\r\n\r\n"
    assert b"HTTP/1.1 201 Created\r\n" == world.first_line(asked)


def test_http_1_0_without_a_host_is_served(world: World) -> None:
    world.open()
    world.rule(fixed(201))
    world.settle()
    assert world.first_line(b"GET / HTTP/1.0\r\n\r\n").endswith(b" 201 Created\r\n")


def test_an_upgraded_connection_is_a_tunnel_to_the_target(world: World) -> None:
    world.open()
    world.rule(forward(world.group("pods", world.echo_after_upgrade(7))))
    world.settle()
    with socket.create_connection(world.plane.address(world.dns_name, world.port), timeout=10) as connection:
        reader = connection.makefile("rb")
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert b"HTTP/1.1 101 Switching Protocols\r\n" == reader.readline()
        assert any(line == b"\r\n" for line in reader)
        connection.sendall(b"ping")
        assert b"ping" == reader.read(4)


def test_weights_share_requests(world: World) -> None:
    world.open()
    groups = [world.group(name, world.pod(number)) for name, number in (("a", 7), ("b", 8), ("c", 9))]
    world.rule(forward(*groups, weights=(3, 1, 0)))
    world.settle()
    shares = Counter(world.get().seen["name"] for _ in range(400))
    assert {"10.244.0.7", "10.244.0.8"} == set(shares)
    # 300 expected; seven standard deviations are 61.
    assert 239 < shares["10.244.0.7"] < 361


def test_an_empty_target_group_answers_503_and_a_dead_target_502(world: World) -> None:
    world.open()
    world.rule(forward(world.group("empty")), when("path-pattern", "PathPatternConfig", Values=["/empty"]))
    world.rule(forward(world.group("dead", "10.244.0.99")), priority=2)
    world.settle()
    assert [503, 502] == [world.get("/empty").status, world.get("/dead").status]


def test_only_healthy_targets_are_asked_unless_none_is_healthy(world: World) -> None:
    world.open()
    pods = [world.pod(7), world.pod(8)]
    world.rule(forward(world.group("pods", *pods)))
    world.account.force_target_state(pods[0], 8080, "unhealthy")
    world.settle()
    assert {pods[1]} == {world.get().seen["name"] for _ in range(10)}
    world.account.force_target_state(pods[1], 8080, "unhealthy")
    world.settle()
    assert set(pods) == {world.get().seen["name"] for _ in range(10)}


def test_a_target_is_found_where_the_table_says_now(world: World) -> None:
    world.open()
    world.rule(forward(world.group("pods", world.pod(7))))
    world.settle()
    world.pods["10.244.0.7:8080"] = world.pods[f"{world.pod(8)}:8080"]
    world.write_table()
    world.settle()
    assert "10.244.0.8" == world.get().seen["name"]


def test_security_groups_open_and_close_a_port(world: World) -> None:
    world.open()
    world.settle()
    assert 404 == world.get().status
    elsewhere = world.security_group("elsewhere", "10.0.0.0/8")
    world.elbv2.set_security_groups(LoadBalancerArn=world.balancer_arn, SecurityGroups=[elsewhere])
    world.settle()
    with pytest.raises(ConnectionRefusedError):
        world.get()


def test_a_deleted_listener_is_no_longer_reached_and_may_come_back(world: World) -> None:
    world.open()
    world.elbv2.delete_listener(ListenerArn=world.listener_arn)
    world.settle()
    with pytest.raises(ConnectionRefusedError):
        world.get()
    options = {"Protocol": "HTTP", "Port": world.port, "DefaultActions": fixed(418)}
    world.elbv2.create_listener(LoadBalancerArn=world.balancer_arn, **options)
    world.settle()
    assert 418 == world.get().status


def test_a_port_that_somebody_else_has_is_reported_and_taken_once_it_is_free(world: World) -> None:
    world.open()
    world.settle()
    other = free_port()
    host, _ = world.plane.address(world.dns_name, 80)
    with socket.create_server((host, other + world.plane.port_offset)):
        world.port = other
        world.elbv2.modify_listener(ListenerArn=world.listener_arn, Port=other)
        with pytest.raises(EnvoyError, match=r"refuses .*lds\.json(?s:.*)Address already in use"):
            world.settle()
    assert eventually(world.listens)
    assert 404 == world.get().status


def test_a_pattern_that_envoy_refuses_is_reported_and_keeps_no_other_listener_from_changing(world: World) -> None:
    world.open()
    world.settle()
    other = free_port()
    # Python knows \Z, RE2 does not.
    bad = world.rule(fixed(201), when("path-pattern", "PathPatternConfig", RegexValues=[r"^/x\Z"]))
    options = {"Protocol": "HTTP", "Port": other, "DefaultActions": fixed(418)}
    world.elbv2.create_listener(LoadBalancerArn=world.balancer_arn, **options)
    with pytest.raises(EnvoyError, match=r"refuses rds/"):
        world.settle()
    assert eventually(lambda: world.listens(other))
    assert 404 == world.get("/x").status
    world.elbv2.delete_rule(RuleArn=bad)
    world.rule(fixed(202))
    world.settle()
    assert 202 == world.get("/x").status


def test_the_access_log_names_the_rule(world: World) -> None:
    world.open()
    arn = world.rule(fixed(201), when("path-pattern", "PathPatternConfig", Values=["/x"]), priority=17)
    world.settle()
    world.get("/x")
    assert eventually(world.plane.access_log.read_text)
    line = json.loads(world.plane.access_log.read_text().splitlines()[-1])
    assert (arn, "17", "/x", 201) == (line["rule"], line["priority"], line["path"], line["status"])
