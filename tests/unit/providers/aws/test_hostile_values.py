"""Values that try to be more than values: expressions that cost, placeholders, tags of ours, names at their longest."""

from __future__ import annotations

import re
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.aws.conditions import MAX_TEXT, Conditions, Kind, Path, conditions_of, write, wrong_with
from providers.aws.names import (
    MAX_TAG_VALUE,
    MAX_TAGS,
    OUR_TAGS,
    gateway_value,
    load_balancer_name,
    logical_id,
    security_group_name,
    target_group_name,
    user_tags,
)
from providers.aws.resources import certificate_key
from reconciler.keys import GatewayKey
from reconciler.matches import Match, PathMatch, PathType, ValueMatch, ValueType
from tests.builders import backend, config, config_ref, gateway, gateway_class, parent, route, rule, with_service
from tests.unit.providers.aws.offline import answers

BOMBS = (
    "a{99999999999999999999}",
    "(" * 500 + ")" * 500,
    "(" * 2000 + "a" + ")" * 2000,
    "((a{1,200}){1,200}){1,200}",
    "(a+)+" * 200,
    "a" * 4096,
    "[[a]]",
    "\\",
    "(?P<a>" * 20,
    "\x00\x1b[2J",
)


def header(value: str) -> Conditions:
    return Conditions(headers=(ValueMatch("x-a", value, ValueType.REGULAR_EXPRESSION),))


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: repr(bomb[:24]))
@pytest.mark.filterwarnings("error")
def test_an_expression_is_taken_or_refused_in_no_time(bomb: str) -> None:
    tracemalloc.start()
    started = time.process_time()
    found = [wrong_with(header(bomb)), wrong_with(Conditions(paths=(Path(Kind.REGEX, f"/{bomb}"),)))]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert all(isinstance(one, str) for one in found)
    assert time.process_time() - started < 1
    assert peak < 8_000_000


@given(st.text())
def test_any_text_as_an_expression_is_taken_or_refused(text: str) -> None:
    assert isinstance(wrong_with(header(text)), str)


def test_one_teams_expression_bomb_costs_only_its_own_rule() -> None:
    matches = [{"headers": [{"name": "x-a", "value": bomb, "type": "RegularExpression"}]} for bomb in BOMBS[:3]]
    bad = route("bad", "b", [rule(backend("web"), matches=[one]) for one in matches])
    found = answers(gateway_class(), gateway(), route(), bad, *with_service(), *with_service("web", "b"))

    assert "Accepted" == found.reason("HTTPRoute", "a", "web")
    assert "UnsupportedValue" == found.reason("HTTPRoute", "b", "bad")
    assert 1 == len(found.specs("rule"))


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1, max_size=40))
def test_an_exact_path_matches_itself_and_nothing_that_its_characters_could_mean(text: str) -> None:
    path = f"/{text}"
    conditions = conditions_of("", Match(path=PathMatch(PathType.EXACT, path)))
    if wrong_with(conditions):
        return
    (item,) = write(conditions, 5)
    plain, expressions = item.get("Values", []), item.get("RegexValues", [])

    assert isinstance(plain, list)
    assert isinstance(expressions, list)
    assert all("*" not in str(one) and "?" not in str(one) and one == path for one in plain)
    assert all(re.search(str(one), path) and not re.search(str(one), f"{path}x") for one in expressions)


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1, max_size=30))
def test_an_exact_header_value_is_never_read_as_an_expression(text: str) -> None:
    conditions = conditions_of("", Match(headers=(ValueMatch("x-a", text),)))
    if wrong_with(conditions):
        return
    expressions = [one["RegexValues"] for one in write(conditions, 5) if one["Field"] == "http-header"]

    ((expression,),) = expressions  # type: ignore[misc]
    assert re.search(str(expression), text) is not None
    assert re.search(str(expression), f"x{text}") is None
    assert len(str(expression)) <= MAX_TEXT


@pytest.mark.parametrize("value", ["/#{host}", "/a#{path}b", "#{query}"])
def test_a_redirect_cannot_smuggle_in_an_albs_own_keywords(value: str) -> None:
    path = {"type": "ReplaceFullPath", "replaceFullPath": value}
    redirect = {"type": "RequestRedirect", "requestRedirect": {"path": path, "statusCode": 302}}
    found = answers(gateway_class(), gateway(), route(rules=[rule(filters=[redirect])]))

    assert "UnsupportedValue" == found.reason("HTTPRoute", "a", "web")
    assert [] == found.specs("rule")


def test_a_prefix_that_is_replaced_stands_literally_in_the_expression_that_replaces_it() -> None:
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}
    redirect = {"type": "RequestRedirect", "requestRedirect": {"path": path, "statusCode": 302}}
    match = {"path": {"type": "PathPrefix", "value": "/a+(b)"}}
    found = answers(gateway_class(), gateway(), route(rules=[rule(matches=[match], filters=[redirect])]))
    transforms = [one["Transforms"] for one in found.specs("rule") if one["Transforms"]]

    ((transform,),) = transforms
    assert "/rest" == re.sub(transform["Regex"], transform["Replace"], "/a+(b)/rest")


def test_no_label_or_annotation_becomes_a_tag_that_proves_ownership_or_is_awss_own() -> None:
    stolen = ("routewright.dev/cluster", "Routewright.dev/gateway-uid", "aws:x", "AWS:x", "aWs:cloudformation:y")
    odd = {"": "x", "k" * 129: "x", "v": "x" * 257, "new\nline": "x", "bell": "\x07", "ok": "Ö 1_.:/=+-@"}

    assert {"ok": "Ö 1_.:/=+-@"} == user_tags(dict.fromkeys(stolen, "x") | odd)
    assert MAX_TAGS - OUR_TAGS == len(user_tags({f"k{number}": "" for number in range(500)}))


def test_names_of_253_characters_fit_into_every_name_and_tag() -> None:
    key = GatewayKey("abcdefghij", "n" * 63, "g" * 253)

    names = [
        load_balancer_name(key, "uid", "internal"),
        target_group_name(key, "s" * 253, ["x"]),
        security_group_name(key, "uid"),
    ]
    assert all(re.fullmatch(r"[a-z0-9-]{1,32}", name) and not name.endswith("-") for name in names)
    assert 3 == len(set(names))
    assert len(gateway_value(key)) <= MAX_TAG_VALUE
    assert len(logical_id(certificate_key(f"{'n' * 63}/{'s' * 253}"))) <= MAX_TAG_VALUE


def test_a_gateway_with_the_longest_names_is_built_and_described_within_ec2s_limits() -> None:
    longest = "g" * 253
    objects: list[dict[str, Any]] = [
        gateway_class(),
        gateway(longest, "n" * 63),
        route("r" * 253, "a", [rule(backend("s" * 63))], parents=[parent(longest, "n" * 63)]),
        *with_service("s" * 63),
    ]
    found = answers(*objects)

    (group,) = found.specs("security-group")
    assert len(group["Description"]) <= 255
    assert "Accepted" == found.reason("HTTPRoute", "a", "r" * 253)


def test_a_configuration_of_a_mebibyte_is_refused_with_a_short_reason() -> None:
    huge = config({"scheme": "x" * (1 << 20), "aws": {"tags": {"a": "x" * (1 << 20)}}})
    found = answers(gateway_class(parametersRef=config_ref()), gateway(), route(), huge, *with_service())

    assert "InvalidParameters" == found.reason("Gateway", "infra", "gw")
    assert [] == found.specs("load-balancer")
    assert len(found.message("Gateway", "infra", "gw")) < 1000
