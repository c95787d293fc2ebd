"""What merges into one rule, and what stays apart: no Route makes another's rule one that AWS refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import backend, gateway, gateway_class, listener, prefix, route, rule, with_service
from tests.unit.providers.aws.offline import Answers, answers

TO_HTTPS = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
LONG_HOST = f"{'a' * 59}.{'b' * 59}.com"


def redirecting(name: str, namespace: str, *matches: dict[str, Any], host: str = "shop.example.com") -> dict[str, Any]:
    """Return a Route that redirects what it matches to https."""
    return route(name, namespace, [rule(matches=[one], filters=[TO_HTTPS]) for one in matches], [host])


def regex(value: str) -> dict[str, Any]:
    return {"path": {"type": "RegularExpression", "value": value}}


def rules(*routes: dict[str, Any]) -> Answers:
    return answers(gateway_class(), gateway(), *routes)


def texts(found: Answers, field: str) -> list[list[str]]:
    """Return what the rules compare a field with."""
    conditions = [one for spec in found.specs("rule") for one in spec["Conditions"] if one["Field"] == field]
    return sorted(one.get("Values") or one["RegexValues"] for one in conditions)


def accepted_listeners(found: Answers) -> dict[str, str]:
    """Return the status of Accepted by listener of the Gateway."""
    (status,) = [one[3] for one in found.offline.statuses if one[0] == "Gateway"]
    return {
        one["name"]: condition["status"]
        for one in status["listeners"]
        for condition in one["conditions"]
        if condition["type"] == "Accepted"
    }


@pytest.mark.parametrize(
    "theirs",
    [
        [regex("(?x)/a #")],
        [prefix(f"/{'a.' * 55}"), prefix(f"/{'b.' * 55}")],
    ],
    ids=["an expression that comments out its end", "prefixes too long to be expressions"],
)
def test_another_teams_match_never_makes_a_rule_that_aws_refuses(theirs: list[dict[str, Any]]) -> None:
    found = rules(redirecting("shop", "a", prefix("/shop")), redirecting("late", "b", *theirs))

    assert "Accepted" == found.reason("HTTPRoute", "a", "shop")
    assert all(len(text) <= 128 for values in texts(found, "path-pattern") for text in values)
    assert not any("#" in text for values in texts(found, "path-pattern") for text in values)


def test_one_refused_expression_costs_its_own_rule_and_not_the_route() -> None:
    found = rules(redirecting("shop", "a", prefix("/shop"), regex("(?x)/a #")))

    assert [["/shop", "/shop/*"]] == texts(found, "path-pattern")
    assert "Accepted" == found.reason("HTTPRoute", "a", "shop")
    assert "UnsupportedValue" == found.reason("HTTPRoute", "a", "shop", "PartiallyInvalid")


def test_a_path_that_is_too_long_only_beside_other_conditions_is_refused() -> None:
    headers = [{"name": f"x-{number}", "value": "1"} for number in range(3)]
    found = rules(redirecting("shop", "a", prefix(f"/{'a.' * 55}") | {"headers": headers}))

    assert [] == found.specs("rule")
    assert "longer than the 128 characters" in found.message("HTTPRoute", "a", "shop")


def test_a_hostname_too_long_for_an_expression_costs_no_other_its_port() -> None:
    mine, theirs = redirecting("shop", "a", prefix("/")), redirecting("late", "b", prefix("/"), host=LONG_HOST)

    assert [[r"^shop\.example\.com(:[0-9]+)?$"], [LONG_HOST]] == texts(rules(mine, theirs), "host-header")


def test_a_long_hostname_that_aws_would_not_take_as_a_plain_value_is_refused() -> None:
    found = rules(redirecting("shop", "a", prefix("/"), host=f"{'a' * 59}.{'b' * 50}.xn--p1ai"))

    assert [] == found.specs("rule")
    assert "UnsupportedValue" == found.reason("HTTPRoute", "a", "shop")


# --- what differs only by case ------------------------------------------------------------------------------------


def with_value(block: str, value: str, kind: str = "Exact") -> dict[str, Any]:
    """Return a match of a header or a query parameter."""
    return {block: [{"name": "x-a", "value": value, "type": kind}]}


@pytest.mark.parametrize("block", ["headers", "queryParams"])
def test_a_later_match_that_differs_only_by_case_from_anothers_is_refused(block: str) -> None:
    mine = redirecting("shop", "a", with_value(block, "Yes"))
    theirs = route("late", "b", [rule(backend("web"), matches=[with_value(block, "yes")])], ["shop.example.com"])
    found = answers(gateway_class(), gateway(), mine, theirs, *with_service("web", "b"))

    assert "Accepted" == found.reason("HTTPRoute", "a", "shop")
    assert "UnsupportedValue" == found.reason("HTTPRoute", "b", "late")
    assert "only by case in a" in found.message("HTTPRoute", "b", "late")


@pytest.mark.parametrize("block", ["headers", "queryParams"])
def test_values_that_differ_only_by_case_may_lead_to_the_same_answer(block: str) -> None:
    found = rules(redirecting("shop", "a", with_value(block, "Yes"), with_value(block, "yes")))

    assert "Accepted" == found.reason("HTTPRoute", "a", "shop")
    assert "None" == found.reason("HTTPRoute", "a", "shop", "PartiallyInvalid")


@pytest.mark.parametrize(("first", "second", "alike"), [("[A-C]x", "[a-c]X", True), (r"\Dx", r"\dx", False)])
def test_an_expressions_letters_are_compared_without_case_but_not_its_escapes(
    first: str, second: str, *, alike: bool
) -> None:
    mine = redirecting("shop", "a", with_value("headers", first, "RegularExpression"))
    match = with_value("headers", second, "RegularExpression")
    theirs = route("late", "b", [rule(backend("web"), matches=[match])], ["shop.example.com"])
    found = answers(gateway_class(), gateway(), mine, theirs, *with_service("web", "b"))

    assert alike == (found.reason("HTTPRoute", "b", "late") == "UnsupportedValue")


def test_a_listener_whose_hostname_cannot_be_closed_is_refused_and_costs_nobody_else() -> None:
    narrow = listener("narrow") | {"hostname": ".".join(["a" * 60] * 3)}
    objects = [gateway(listeners=[listener(), narrow]), redirecting("shop", "a", prefix("/"))]
    objects.append(route("any", "b", [rule(matches=[prefix("/any")], filters=[TO_HTTPS])]))
    found = answers(gateway_class(), *objects)

    assert all(len(host) <= 128 for hosts in texts(found, "host-header") for host in hosts)
    assert [[r"^shop\.example\.com(:[0-9]+)?$"]] == texts(found, "host-header")
    assert {"http": "True", "narrow": "False"} == accepted_listeners(found)
