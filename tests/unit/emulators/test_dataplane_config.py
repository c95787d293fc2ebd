"""What the data plane tells Envoy about a state document: pure functions, no Envoy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from emulators.dataplane.actions import Frontend, answer
from emulators.dataplane.ingress import opens
from emulators.dataplane.matching import route_match
from emulators.dataplane.resources import Layout, Resources, resources
from emulators.dataplane.target_groups import cluster_name, endpoints

Json = dict[str, Any]

BLUE = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/blue/1"
GREEN = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/green/2"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:1:listener/app/web/1/2"
NOT_FOUND: list[Json] = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
ANYWHERE = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
ADDRESSES = {"10.244.0.7:8080": "127.0.0.1:40001", "10.244.0.8:8080": "127.0.0.1:40002"}


def group(arn: str = BLUE, **states: str) -> Json:
    targets = [{"Id": f"10.244.0.{name[1:]}", "Port": 8080, "State": state} for name, state in states.items()]
    return {"TargetGroupArn": arn, "TargetGroupName": "pods", "Protocol": "HTTP", "Targets": targets, "Attributes": {}}


def rule(actions: list[Json], *conditions: Json, priority: str = "1", transforms: tuple[Json, ...] = ()) -> Json:
    arn = f"{LISTENER}/{priority}".replace(":listener/", ":listener-rule/")
    made: Json = {"RuleArn": arn, "Priority": priority, "Conditions": list(conditions), "Actions": actions}
    return made | {"Transforms": list(transforms)}


def document(*rules: Json, **changes: Any) -> Json:
    listener = {"ListenerArn": LISTENER, "Port": 80, "Protocol": "HTTP", "Rules": list(rules), "Certificates": []}
    balancer = {"DNSName": "web", "State": {"Code": "active"}, "SecurityGroups": ["sg-1"], "Address": "127.10.0.5"}
    made = {"version": 1, "targetGroups": [group(t7="healthy")], "securityGroups": {"sg-1": ANYWHERE}}
    return made | {"loadBalancers": [balancer | {"Attributes": {}, "Listeners": [listener]} | changes]}


def translated(state: Json, port_offset: int = 0) -> Resources:
    return resources(state, ADDRESSES, Layout(Path("/run"), port_offset))


def forward(**weights: int) -> list[Json]:
    arns = {"blue": BLUE, "green": GREEN}
    groups = [{"TargetGroupArn": arns[name], "Weight": weight} for name, weight in weights.items()]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def done(made: Json) -> Json:
    groups = {BLUE: group(BLUE), GREEN: group(GREEN)}
    return answer(made, Frontend("http", 80, {"idle_timeout.timeout_seconds": "75"}, groups)).route


def condition(field: str, config: str, **members: Any) -> Json:
    return {"Field": field, config: members}


def header_regex(one: Json) -> str:
    (made,) = route_match([one])["headers"]
    return str(made["string_match"]["safe_regex"]["regex"])


@pytest.mark.parametrize(
    ("values", "host", "matches"),
    [
        ({"Values": ["*.example.com"]}, "a.b.EXAMPLE.com", True),
        ({"Values": ["*.example.com"]}, "example.com", False),
        ({"Values": ["a?.example.com"]}, "a1.example.com", True),
        ({"Values": ["a?.example.com"]}, "a.example.com", False),
        ({"Values": ["a.example.com"]}, "a.example.com:8080", False),
        ({"Values": ["a.example.com"]}, "aXexample.com", False),
        ({"RegexValues": [r"^a\.example\.com(:[0-9]+)?$"]}, "A.example.com:8080", True),
        ({"RegexValues": [r"^a\.example\.com$"]}, "b.a.example.com", False),
        ({"RegexValues": [r"b|example"]}, "www.example.com", True),
    ],
)
def test_a_host_is_compared_whole_and_without_case_while_a_regex_is_searched(
    values: Json, host: str, *, matches: bool
) -> None:
    regex = header_regex(condition("host-header", "HostHeaderConfig", **values))
    assert matches == bool(re.fullmatch(regex, host))


@pytest.mark.parametrize(
    ("values", "path", "matches"),
    [
        ({"Values": ["/foo", "/foo/*"]}, "/foo/bar", True),
        ({"Values": ["/foo", "/foo/*"]}, "/foobar", False),
        ({"Values": ["/foo"]}, "/Foo", False),
        ({"RegexValues": ["^/foo(/.*)?$"]}, "/foo/bar", True),
        ({"RegexValues": ["^/foo$|^/bar$"]}, "/x/bar", False),
        ({"RegexValues": ["bar"]}, "/x/bar/y", True),
    ],
)
def test_a_path_is_compared_whole_and_with_case(values: Json, path: str, *, matches: bool) -> None:
    made = route_match([condition("path-pattern", "PathPatternConfig", **values)])
    assert matches == bool(re.fullmatch(made["safe_regex"]["regex"], path))


@pytest.mark.parametrize(
    ("pair", "path", "matches"),
    [
        ({"Key": "animal", "Value": "whale"}, "/?x=1&ANIMAL=Whale&y=2", True),
        ({"Key": "animal", "Value": "whale"}, "/?xanimal=whale", False),
        ({"Key": "animal", "Value": "whale"}, "/animal=whale", False),
        ({"Key": "animal", "Value": "wh*"}, "/?animal=whale&x=1", True),
        ({"Key": "animal", "Value": "w*e"}, "/?animal=w&x=e", False),
        ({"Key": "animal", "Value": r"\*"}, "/?animal=*", True),
        ({"Key": "animal", "Value": r"\*"}, "/?animal=whale", False),
        ({"Key": "animal", "Value": r"a\\b"}, "/?animal=a\\b", True),
        ({"Value": "whale"}, "/?any=whale", True),
    ],
)
def test_any_pair_of_the_query_may_match_without_case(pair: Json, path: str, *, matches: bool) -> None:
    regex = header_regex(condition("query-string", "QueryStringConfig", Values=[pair]))
    assert matches == bool(re.fullmatch(regex, path))


@pytest.mark.parametrize(
    ("values", "sent", "matches"),
    [
        ({"Values": ["text/html"]}, "TEXT/html", True),
        ({"Values": ["b"]}, "a,b", True),
        ({"Values": ["b"]}, "ab", False),
        ({"Values": ["b*"]}, "bcd", True),
        ({"RegexValues": ["^v[0-9]$"]}, "v2", True),
        ({"RegexValues": ["^v[0-9]$"]}, "v22", False),
    ],
)
def test_each_item_of_a_header_may_match_without_case(values: Json, sent: str, *, matches: bool) -> None:
    one = condition("http-header", "HttpHeaderConfig", HttpHeaderName="X-Kind", **values)
    assert "x-kind" == route_match([one])["headers"][0]["name"]
    assert matches == bool(re.fullmatch(header_regex(one), sent))


def test_a_backslash_in_a_header_value_is_no_escape() -> None:
    one = condition("http-header", "HttpHeaderConfig", HttpHeaderName="x", Values=[r"a\*"])
    assert re.fullmatch(header_regex(one), r"a\bc")


def test_methods_are_compared_with_case() -> None:
    regex = header_regex(condition("http-request-method", "HttpRequestMethodConfig", Values=["GET", "X-Y"]))
    assert [True, True, False] == [bool(re.fullmatch(regex, method)) for method in ("GET", "X-Y", "get")]


def test_conditions_of_a_rule_all_have_to_hold() -> None:
    one = condition("http-request-method", "HttpRequestMethodConfig", Values=["GET"])
    two = condition("query-string", "QueryStringConfig", Values=[{"Value": "1"}])
    three = condition("path-pattern", "PathPatternConfig", Values=["/x"])
    made = route_match([one, two, three])
    assert [":method", ":path"] == [header["name"] for header in made["headers"]]
    assert {"headers", "safe_regex"} == set(made)


def test_a_source_is_the_peer_and_not_what_a_header_says() -> None:
    made = route_match([condition("source-ip", "SourceIpConfig", Values=["10.0.0.0/8"])])
    assert [{"address_prefix": "10.0.0.0", "prefix_len": 8}] == made["filter_state"][0]["address_match"]["ranges"]
    assert "headers" not in made


def test_routes_stand_in_one_virtual_host_in_the_order_of_the_rules() -> None:
    wide = rule(NOT_FOUND, condition("host-header", "HostHeaderConfig", Values=["*.example.com"]))
    narrow = rule(NOT_FOUND, condition("host-header", "HostHeaderConfig", Values=["a.example.com"]), priority="2")
    default = rule(NOT_FOUND, priority="default")
    (routes,) = translated(document(wide, narrow, default)).routes.values()
    (host,) = routes["virtual_hosts"]
    assert ["*"] == host["domains"]
    assert [one["RuleArn"] for one in (wide, narrow, default)] == [route["name"] for route in host["routes"]]


def test_a_listener_stands_at_its_alias_behind_the_port_offset() -> None:
    (listener,) = translated(document(), port_offset=20_000).listeners.values()
    assert {"address": "127.10.0.5", "port_value": 20_080} == listener["address"]["socket_address"]


@pytest.mark.parametrize("code", ["provisioning", "failed"])
def test_a_load_balancer_that_is_not_active_listens_nowhere(code: str) -> None:
    assert {} == translated(document(State={"Code": code})).listeners


def test_a_port_that_no_security_group_opens_is_not_listened_to() -> None:
    closed = document() | {"securityGroups": {"sg-1": [ANYWHERE[0] | {"FromPort": 443, "ToPort": 443}]}}
    assert {} == translated(closed).listeners


@pytest.mark.parametrize(
    ("permission", "admitted"),
    [
        ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "127.0.0.0/8"}]}, True),
        ({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 79, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, False),
        ({"IpProtocol": "udp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, False),
        ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, False),
        ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, False),
    ],
)
def test_ingress_admits_by_protocol_port_and_block(permission: Json, *, admitted: bool) -> None:
    assert admitted == opens([permission], "tcp", 80, "127.0.0.1")


@pytest.mark.parametrize(
    ("states", "ports"),
    [
        ({"t7": "healthy", "t8": "healthy"}, [40001, 40002]),
        ({"t7": "healthy", "t8": "unhealthy"}, [40001]),
        ({"t7": "unhealthy", "t8": "initial"}, [40001, 40002]),
        ({"t7": "healthy", "t8": "draining"}, [40001]),
        ({"t7": "unhealthy", "t8": "draining"}, [40001]),
        ({"t7": "draining", "t8": "unused"}, []),
        ({}, []),
    ],
)
def test_healthy_targets_get_traffic_or_else_all_registered_ones(states: dict[str, str], ports: list[int]) -> None:
    made = endpoints(group(**states), ADDRESSES)
    members = [member for locality in made["endpoints"] for member in locality["lb_endpoints"]]
    assert ports == [member["endpoint"]["address"]["socket_address"]["port_value"] for member in members]


def test_a_target_without_a_process_stands_where_loopback_refuses() -> None:
    made = endpoints(group(t99="healthy"), ADDRESSES)
    place = made["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert ("127.254", 1) == (place["address"].rsplit(".", 2)[0], place["port_value"])


def test_weights_are_kept_and_the_idle_timeout_is_the_only_one() -> None:
    route = done(rule(forward(blue=3, green=0)))["route"]
    expected = [{"name": cluster_name(BLUE), "weight": 3}, {"name": cluster_name(GREEN), "weight": 0}]
    assert expected == route["weighted_clusters"]["clusters"]
    assert ("0s", "75s") == (route["timeout"], route["idle_timeout"])


def test_a_forward_whose_weights_are_all_zero_answers_503() -> None:
    assert 503 == done(rule(forward(blue=0, green=0)))["direct_response"]["status"]


def test_a_url_rewrite_becomes_a_substitution_with_its_groups() -> None:
    rewrite = {"Rewrites": [{"Regex": "^/a/(.*)", "Replace": "/b/$1"}]}
    made = done(rule(forward(blue=1), transforms=({"Type": "url-rewrite", "UrlRewriteConfig": rewrite},)))
    expected = {"pattern": {"regex": "^/a/(.*)"}, "substitution": r"/b/\1"}
    assert expected == made["route"]["regex_rewrite"]


@pytest.mark.parametrize(
    ("actions", "transforms"),
    [
        ([{"Type": "authenticate-oidc", "Order": 1}, {"Type": "forward", "Order": 2}], ()),
        (
            forward(blue=1),
            (
                {
                    "Type": "host-header-rewrite",
                    "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": "^a", "Replace": "b"}]},
                },
            ),
        ),
        (
            forward(blue=1),
            ({"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": r"\?x", "Replace": "/"}]}},),
        ),
    ],
)
def test_what_cannot_be_emulated_answers_501_and_says_so(actions: list[Json], transforms: tuple[Json, ...]) -> None:
    made = done(rule(actions, transforms=transforms))["direct_response"]
    assert 501 == made["status"]
    assert made["body"]["inline_string"].startswith("not emulated: ")


def test_stickiness_of_a_target_group_answers_501() -> None:
    sticky = group() | {"Attributes": {"stickiness.enabled": "true"}}
    made = answer(rule(forward(blue=1)), Frontend("http", 80, {}, {BLUE: sticky})).route
    assert 501 == made["direct_response"]["status"]


def datagrams(protocol: str, ingress: str = "udp", **weights: int) -> Resources:
    """Translate a network load balancer with one listener on port 80."""
    permission = ANYWHERE[0] | {"IpProtocol": ingress}
    groups = [group(BLUE, t7="healthy"), group(GREEN, t8="healthy", t9="healthy")]
    state = document(securityGroups={}) | {"securityGroups": {"sg-1": [permission]}, "targetGroups": groups}
    (balancer,) = state["loadBalancers"]
    actions = forward(**(weights or {"blue": 1}))
    balancer["Listeners"] = [balancer["Listeners"][0] | {"Protocol": protocol, "DefaultActions": actions, "Rules": []}]
    return translated(state)


def test_a_udp_listener_takes_datagrams_and_leads_to_a_cluster_of_its_own() -> None:
    found = datagrams("UDP")
    ((name, made),) = found.listeners.items()

    assert "UDP" == made["address"]["socket_address"]["protocol"]
    assert name in found.clusters
    assert [1] == [one["load_balancing_weight"] for one in found.endpoints[name]["endpoints"][0]["lb_endpoints"]]


def test_weights_of_target_groups_become_weights_of_their_targets() -> None:
    found = datagrams("UDP", blue=3, green=1)
    ((name, _),) = found.listeners.items()
    members = found.endpoints[name]["endpoints"][0]["lb_endpoints"]

    assert [6, 1, 1] == [one["load_balancing_weight"] for one in members]


def test_a_target_group_without_weight_gets_no_datagram() -> None:
    found = datagrams("UDP", blue=1, green=0)
    ((name, _),) = found.listeners.items()

    assert 1 == len(found.endpoints[name]["endpoints"][0]["lb_endpoints"])


def test_a_listener_of_both_transports_is_one_of_each_as_far_as_they_are_open() -> None:
    assert 1 == len(datagrams("TCP_UDP", "udp").listeners)
    assert 1 == len(datagrams("TCP_UDP", "tcp").listeners)
    assert 2 == len(datagrams("TCP_UDP", "-1").listeners)
