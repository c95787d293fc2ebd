"""Rules and actions, row by row of the table in `emulators/aws/README.md`: what AWS does where moto does otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.emulators.aws.conftest import NOT_FOUND, World, forward, refused

PATH = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}


def condition(field: str, config: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {"Field": field, config: {"Values": list(values), **more}}


def hosts(*values: str) -> dict[str, Any]:
    return condition("host-header", "HostHeaderConfig", *values)


def paths(*values: str) -> dict[str, Any]:
    return condition("path-pattern", "PathPatternConfig", *values)


def header(name: str, *values: str) -> dict[str, Any]:
    return condition("http-header", "HttpHeaderConfig", *values, HttpHeaderName=name)


def query(*values: dict[str, str]) -> dict[str, Any]:
    return condition("query-string", "QueryStringConfig", *values)


def regexes(field: str, config: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"Field": field, config: {"RegexValues": list(values), **more}}


def priorities(world: World, *pairs: tuple[str, int]) -> None:
    world.elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": number} for arn, number in pairs])


@pytest.mark.parametrize("final", [(2, 1, 3), (2, 3, 4), (1, 2, 3), (3, 1, 2)], ids=["swap", "shift", "no-op", "cycle"])
def test_row_01_an_order_without_a_final_conflict_is_allowed(
    world: World, listener: str, final: tuple[int, ...]
) -> None:
    arns = [world.rule(listener, number) for number in (1, 2, 3)]

    priorities(world, *zip(arns, final, strict=True))

    assert [str(number) for number in final] == [world.priorities(listener)[arn] for arn in arns]


def test_row_02_rules_come_in_no_order_to_rely_on(world: World, listener: str) -> None:
    for number in range(20, 0, -1):
        world.rule(listener, number)

    shown = [rule["Priority"] for rule in world.elbv2.describe_rules(ListenerArn=listener)["Rules"]]

    by_number = [str(number) for number in range(1, 21)]
    assert [*by_number, "default"] != shown
    assert [*reversed(by_number), "default"] != shown


@pytest.mark.parametrize("number", [0, 50_001])
def test_row_03_a_priority_is_1_to_50000(world: World, listener: str, number: int) -> None:
    world.rule(listener, 50_000)

    with refused("ValidationError", "between 1 and 50000"):
        world.unchecked.create_rule(ListenerArn=listener, Priority=number, Conditions=[PATH], Actions=NOT_FOUND)


def test_row_04_the_101st_rule_is_too_many(world: World, listener: str) -> None:
    for number in range(1, 101):
        world.rule(listener, number)

    with refused("TooManyRules"):
        world.rule(listener, 101)


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        ([paths(*"abcdef")], "can only have '5' condition values"),
        ([paths("/a", "/b", "/c"), header("x", "1", "2", "3")], "can only have '5' condition values"),
        ([paths("/*/*/*", "/*/*/*")], "can only have '5' condition wildcards"),
        ([paths("/a"), paths("/b")], "only have one 'path-pattern' condition"),
        ([], "at least one condition"),
        ([{"PathPatternConfig": {"Values": ["/a"]}}], "field 'None'"),
        ([paths()], "must have a value"),
        ([paths("")], "cannot be empty"),
        ([paths("/a b%")], "not valid"),
        ([paths("/" + "a" * 128)], "longer than 128"),
        ([hosts("localhost")], "must contain a '.'"),
        ([hosts("a.example.c0m")], "only letters after"),
        ([hosts("a_b.example.com")], "not valid"),
        ([header("Host", "a.example.com")], "host header"),
        ([header("x" * 41, "a")], "1 to 40"),
        ([header("x-*", "a")], "no wildcards"),
        ([condition("http-request-method", "HttpRequestMethodConfig", "get")], "not valid"),
        ([condition("http-request-method", "HttpRequestMethodConfig", "X" * 41)], "longer than 40"),
        ([query({"Key": "a"})], "cannot be empty"),
        ([query({"Key": "a" * 129, "Value": "b"})], "longer than 128"),
        ([condition("source-ip", "SourceIpConfig", "10.0.0.1")], "CIDR"),
        ([condition("source-ip", "SourceIpConfig", "255.255.255.255/32")], "CIDR"),
        ([condition("source-ip", "SourceIpConfig", *(f"10.0.{n}.0/24" for n in range(6)))], "'5' condition values"),
    ],
)
def test_row_04_a_condition_out_of_bounds_is_refused(
    world: World, listener: str, conditions: list[Any], text: str
) -> None:
    with refused("ValidationError", text):
        world.rule(listener, Conditions=conditions)


def test_row_04_five_values_and_five_wildcards_are_allowed(world: World, listener: str) -> None:
    rule = world.rule(listener, Conditions=[paths("/*", "/a*"), hosts("*.example.com"), header("x", "*", "?")])

    assert rule in world.priorities(listener)


def test_row_04_escaped_wildcards_of_a_query_do_not_count(world: World, listener: str) -> None:
    world.rule(listener, Conditions=[query({"Key": "k", "Value": r"\*\*\*\*\*\*"})])

    with refused("ValidationError", "wildcards"):
        world.rule(listener, 2, Conditions=[query({"Key": "k", "Value": "******"})])


@pytest.mark.parametrize(
    ("field", "config", "more"),
    [
        ("host-header", "HostHeaderConfig", {}),
        ("path-pattern", "PathPatternConfig", {}),
        ("http-header", "HttpHeaderConfig", {"HttpHeaderName": "x"}),
    ],
)
def test_row_04_regular_expressions_alone_are_a_condition(
    world: World, listener: str, field: str, config: str, more: dict[str, str]
) -> None:
    rule = world.rule(listener, Conditions=[regexes(field, config, "^a(b|c)[0-9]{2}$", **more)])

    (shown,) = world.elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Conditions"]
    assert ["^a(b|c)[0-9]{2}$"] == shown[config]["RegexValues"]


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)b",
        "(?<!a)b",
        r"(a)\1",
        "(?>a)b",
        "a++",
        "a{2}+",
        r"\p{L}",
        r"[\p{L}]",
        "(?P<n>a)(?P=n)",
        "(?R)",
        "(?1)",
        "(",
        "",
        "a" * 129,
    ],
)
def test_row_04_a_regular_expression_outside_the_dialect_is_refused(world: World, listener: str, pattern: str) -> None:
    with refused("ValidationError"):
        world.rule(listener, Conditions=[regexes("path-pattern", "PathPatternConfig", pattern)])


def test_row_04_values_and_regular_expressions_do_not_mix(world: World, listener: str) -> None:
    mixed = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"], "RegexValues": ["^/b$"]}}

    with refused("ValidationError", "both values and regular expressions"):
        world.rule(listener, Conditions=[mixed])


def groups(world: World, number: int) -> list[str]:
    return [world.group(f"g{index}") for index in range(number)]


def test_row_05_a_sixth_target_group_of_an_action_is_too_many(world: World, listener: str) -> None:
    with refused("TooManyTargetGroups"):
        world.rule(listener, Actions=forward(*groups(world, 6)))


@pytest.mark.parametrize("weight", [-1, 1000])
def test_row_05_a_weight_is_0_to_999(world: World, listener: str, weight: int) -> None:
    action = {
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": world.group(), "Weight": weight}]},
    }

    with refused("ValidationError", "between 0 and 999"):
        world.rule(listener, Actions=[action])


def test_row_05_a_target_group_stands_once_in_an_action(world: World, listener: str) -> None:
    group = world.group()

    with refused("ValidationError", "distinct"):
        world.rule(listener, Actions=forward(group, group))


def test_row_05_both_forms_of_forward_name_the_same_group(world: World, listener: str) -> None:
    one, other = groups(world, 2)
    (action,) = forward(one)
    world.rule(listener, 1, Actions=[action | {"TargetGroupArn": one}])

    with refused("ValidationError", "same single target group"):
        world.rule(listener, 2, Actions=[action | {"TargetGroupArn": other}])


@pytest.mark.parametrize("stickiness", [{"Enabled": True}, {"Enabled": True, "DurationSeconds": 604_801}])
def test_row_05_group_stickiness_has_a_duration_of_at_most_a_week(
    world: World, listener: str, stickiness: dict[str, Any]
) -> None:
    (action,) = forward(world.group())
    action["ForwardConfig"]["TargetGroupStickinessConfig"] = stickiness

    with refused("ValidationError", "duration"):
        world.rule(listener, Actions=[action])


FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
OIDC = {
    "Type": "authenticate-oidc",
    "AuthenticateOidcConfig": {
        "Issuer": "https://i.example.com",
        "AuthorizationEndpoint": "https://i.example.com/a",
        "TokenEndpoint": "https://i.example.com/t",
        "UserInfoEndpoint": "https://i.example.com/u",
        "ClientId": "c",
        "ClientSecret": "s",
    },
}


@pytest.mark.parametrize(
    ("actions", "code"),
    [
        ([], "ValidationError"),
        ([FIXED | {"Order": 1}, FIXED | {"Order": 2}], "InvalidLoadBalancerAction"),
        ([FIXED, FIXED], "ValidationError"),
        ([FIXED | {"Order": 50_001}], "ValidationError"),
        ([{"Type": "fixed-response"}], "ValidationError"),
        ([FIXED | {"Type": "forward"}], "ValidationError"),
        ([FIXED | {"Type": "teleport"}], "ValidationError"),
    ],
    ids=["none", "two routing actions", "no order", "order too high", "no config", "foreign config", "unknown type"],
)
def test_row_05_actions_have_one_routing_action_in_order(
    world: World, listener: str, actions: list[Any], code: str
) -> None:
    with refused(code):
        world.rule(listener, Actions=actions)


def test_row_05_a_listener_has_a_default_action(world: World, balancer: str) -> None:
    with refused("ValidationError"):
        world.listener(balancer, DefaultActions=[])


def test_row_06_authentication_needs_https(world: World, listener: str) -> None:
    with refused("InvalidLoadBalancerAction", "only supported on HTTPS"):
        world.rule(listener, Actions=[OIDC | {"Order": 1}, FIXED | {"Order": 2}])


@pytest.mark.parametrize("version", ["GRPC", "HTTP2"])
def test_row_06_http2_target_groups_need_an_https_listener(world: World, listener: str, version: str) -> None:
    group = world.group(ProtocolVersion=version)

    with refused("InvalidLoadBalancerAction", f"protocol-version '{version}'"):
        world.rule(listener, Actions=forward(group))


def test_row_06_weighted_target_groups_have_one_protocol(world: World, listener: str) -> None:
    with refused("IncompatibleProtocols"):
        world.rule(listener, Actions=forward(world.group("a"), world.group("b", Protocol="HTTPS")))


@pytest.mark.parametrize("operation", ["modify", "delete"])
def test_row_18_the_default_rule_is_the_listeners(world: World, listener: str, operation: str) -> None:
    default = next(arn for arn, number in world.priorities(listener).items() if number == "default")
    call = getattr(world.elbv2, f"{operation}_rule")

    with refused("OperationNotPermitted"):
        call(RuleArn=default, **({"Actions": NOT_FOUND} if operation == "modify" else {}))


def test_row_19_an_unknown_rule_cannot_be_deleted(world: World, listener: str) -> None:
    rule = world.rule(listener)
    world.elbv2.delete_rule(RuleArn=rule)

    with refused("RuleNotFound"):
        world.elbv2.delete_rule(RuleArn=rule)


def redirect(**config: str) -> list[dict[str, Any]]:
    return [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302", **config}}]


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"StatusCode": "HTTP_307", "Host": "b.example.com"}, "ValidationError"),
        ({}, "InvalidLoadBalancerAction"),
        ({"Protocol": "HTTP", "Port": "80"}, "InvalidLoadBalancerAction"),
        ({"Query": "a=b"}, "InvalidLoadBalancerAction"),
        ({"Port": "0"}, "ValidationError"),
        ({"Path": "x"}, "ValidationError"),
        ({"Path": "/#{query}"}, "ValidationError"),
        ({"Host": "#{path}"}, "ValidationError"),
        ({"Host": "x" * 129}, "ValidationError"),
        ({"Protocol": "FTP"}, "ValidationError"),
    ],
)
def test_row_20_a_redirect_that_loops_or_is_malformed_is_refused(
    world: World, listener: str, config: dict[str, str], code: str
) -> None:
    with refused(code):
        world.rule(listener, Actions=redirect(**config))


def test_row_20_a_loop_is_named_as_aws_names_it(world: World, listener: str) -> None:
    text = "The redirect configuration is not valid because it creates a loop."

    with refused("InvalidLoadBalancerAction", text):
        world.rule(listener, Actions=redirect(Protocol="#{protocol}"))


def test_row_20_https_is_not_redirected_to_http(world: World, balancer: str) -> None:
    certificates = [{"CertificateArn": world.certificate("a.example.com")}]
    secure = world.listener(balancer, 443, "HTTPS", Certificates=certificates)

    with refused("InvalidLoadBalancerAction"):
        world.rule(secure, Actions=redirect(Protocol="HTTP", Port="80"))


@pytest.mark.parametrize(
    "config",
    [
        {"StatusCode": "404", "MessageBody": "x" * 1025},
        {"StatusCode": "302"},
        {"StatusCode": "404", "ContentType": "text/x"},
    ],
)
def test_row_20_a_fixed_response_has_bounds(world: World, listener: str, config: dict[str, str]) -> None:
    world.rule(listener, 1, Actions=[FIXED | {"FixedResponseConfig": {"StatusCode": "404", "MessageBody": "x" * 1024}}])

    with refused("ValidationError"):
        world.rule(listener, 2, Actions=[{"Type": "fixed-response", "FixedResponseConfig": config}])


def test_row_25_a_page_of_rules_has_up_to_400_and_a_marker_is_checked(world: World, listener: str) -> None:
    for number in range(1, 61):
        world.rule(listener, number)

    assert 61 == len(world.elbv2.describe_rules(ListenerArn=listener)["Rules"])
    with refused("ValidationError", "between 1 and 400"):
        world.elbv2.describe_rules(ListenerArn=listener, PageSize=401)
    with refused("ValidationError", "marker"):
        world.elbv2.describe_rules(ListenerArn=listener, Marker="nonsense")


@pytest.mark.parametrize("arns", [True, False])
def test_row_35_a_single_forward_is_read_in_both_forms(world: World, listener: str, *, arns: bool) -> None:
    group = world.group()
    written = [{"Type": "forward", "TargetGroupArn": group}] if arns else forward(group)
    rule = world.rule(listener, Actions=written)

    (shown,) = world.elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"]

    assert group == shown["TargetGroupArn"] == shown["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
    assert {"Enabled": False} == shown["ForwardConfig"]["TargetGroupStickinessConfig"]
