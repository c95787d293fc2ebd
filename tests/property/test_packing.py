"""Rules answer as the entries they were packed from: a small ALB reads rules, `first_match` reads entries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.aws.actions import Place, check_actions
from emulators.aws.conditions import check_conditions
from emulators.aws.limits import Limits
from emulators.aws.transforms import check_transforms
from providers.aws import wire
from providers.aws.render import forwarded, render
from providers.memory import MemoryProvider
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.read import take_snapshot
from reconciler.ir import Forward, Frontend, LoadBalancer, first_match
from reconciler.keys import GatewayKey
from reconciler.matches import Request
from reconciler.plan import Rendered, ResourceKey
from tests.builders import CLUSTER, CONTROLLER, backend, gateway, gateway_class, listener, route, rule, with_service

KEY = GatewayKey(CLUSTER, "infra", "gw")
HOSTS = ("a.example.com", "b.example.com", "c.a.example.com", "*.example.com", "*.a.example.com")
PATHS = ("/", "/a", "/a/b", "/ab", "/b", "/a.c", "/a*c")
SERVICES = ("s0", "s1", "s2")
EXPRESSIONS = (
    "(?x)/a #",
    "(?i)/a",
    "/a)|(?:b",
    "/a\\++",
    "/a[*+]+",
    "/a++",
    "[+]{1,2}+",
    "/[\\]+]+",
    "(a)\\1",
    "/(?#x)a",
    "/a{,3}+",
)
_matches = st.fixed_dictionaries(
    {
        "path": st.fixed_dictionaries(
            {"type": st.sampled_from(("Exact", "PathPrefix")), "value": st.sampled_from(PATHS)}
        )
    },
    optional={
        "method": st.sampled_from(("GET", "POST")),
        "headers": st.sampled_from(([{"name": "X-A", "value": "1"}], [{"name": "x-b", "value": "a.b*"}])),
        "queryParams": st.just([{"name": "q", "value": "1*"}]),
    },
)
_requests = st.builds(
    Request,
    host=st.sampled_from(("a.example.com", "b.example.com:8080", "c.a.example.com", "d.example.com", "example.com")),
    path=st.sampled_from((*PATHS, "/a/", "/a/b/c", "/axc", "/aXXc", "/x")),
    method=st.sampled_from(("GET", "POST", "PUT")),
    headers=st.sampled_from(((), (("x-a", "1"),), (("X-B", "a.b*"),), (("X-B", "aXbY"),))),
    query=st.sampled_from(((), (("q", "1*"),), (("q", "12"),))),
)


@st.composite
def worlds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw a Gateway with one or two listeners, and Routes whose rules lead to different Services."""
    hosts = draw(
        st.sampled_from((("",), ("*.example.com",), ("", "a.example.com"), ("*.example.com", "*.a.example.com")))
    )
    listeners = [listener(f"l{n}") | ({"hostname": host} if host else {}) for n, host in enumerate(hosts)]
    objects = [gateway_class(), gateway(listeners=listeners)]
    for name in SERVICES:
        objects.extend(with_service(name))
    for number in range(draw(st.integers(1, 3))):
        rules = [
            rule(backend(draw(st.sampled_from(SERVICES))), matches=draw(st.lists(_matches, min_size=1, max_size=5)))
            for _ in range(draw(st.integers(1, 3)))
        ]
        names = draw(st.lists(st.sampled_from(HOSTS), max_size=4, unique=True))
        objects.append(route(f"r{number}", "a", rules, names))
    return objects


def load_balancer(objects: list[dict[str, Any]], *, alternation: bool = False) -> LoadBalancer:
    """Return what the objects compile to."""
    lb = compile_ir(attach(take_snapshot(KEY, CONTROLLER, objects), MemoryProvider())).lb
    return replace(lb, config=replace(lb.config, cloud={"regexAlternation": alternation}))


def wanted(lb: LoadBalancer, frontend: Frontend, request: Request) -> str:
    """Return the pool's Service, or a status, that the entries let answer."""
    entry = first_match(frontend, request)
    if entry is None:
        return "404"
    if isinstance(entry.action, Forward):
        return lb.pool(entry.action.pools[0].pool).service.name
    return str(getattr(entry.action, "status", "?"))


def answered(rendered: Rendered, request: Request) -> str:
    """Return the pool's Service, or a status, that an ALB with these rules answers."""
    order = rendered.resources[ResourceKey("order", "listener/80", "")].spec["Rules"]
    assert isinstance(order, list)
    for name in order:
        spec = rendered.resources[ResourceKey("rule", "listener/80", str(name))].spec
        if all(_holds(condition, request) for condition in _items(spec["Conditions"])):
            (action,) = _items(spec["Actions"])
            groups = list(forwarded(action))
            return groups[0].split("-")[2] if groups else str(action["StatusCode"])
    return "404"


def _items(value: Any) -> list[Mapping[str, Any]]:
    assert isinstance(value, list)
    return value


def _holds(condition: Mapping[str, Any], request: Request) -> bool:
    field = condition["Field"]
    if field == "query-string":
        return all(
            any(_glob(key, name, fold=True) and _glob(value, text, fold=True) for name, text in request.query)
            for key, value in condition["Values"]
        )
    texts = {
        "host-header": [request.host],
        "path-pattern": [request.path],
        "http-request-method": [request.method],
        "http-header": [v for n, v in request.headers if n.lower() == str(condition.get("HttpHeaderName", "")).lower()],
    }[field]
    fold = field in ("host-header", "http-header")
    plain = any(_glob(value, text, fold=fold) for value in condition.get("Values", ()) for text in texts)
    return plain or any(re.search(value, text) for value in condition.get("RegexValues", ()) for text in texts)


def _glob(pattern: str, text: str, *, fold: bool) -> bool:
    parts = re.findall(r"\\.|.", pattern)
    expression = "".join(".*" if p == "*" else "." if p == "?" else re.escape(p.removeprefix("\\")) for p in parts)
    return re.fullmatch(expression, text, re.IGNORECASE if fold else 0) is not None


@settings(max_examples=300)
@given(objects=worlds(), requests=st.lists(_requests, min_size=1, max_size=12), alternation=st.booleans())
def test_rules_answer_every_request_as_the_entries_do(
    *, objects: list[dict[str, Any]], requests: list[Request], alternation: bool
) -> None:
    lb = load_balancer(objects, alternation=alternation)
    rendered = render(lb)
    refused = {(one.route, one.rule) for one in rendered.rejections}
    kept = [e for e in lb.frontends[0].entries if e.origin is None or (e.origin.route, e.origin.rule) not in refused]
    frontend = Frontend(80, "HTTP", lb.frontends[0].listeners, tuple(kept))

    for request in requests:
        assert wanted(lb, frontend, request) == answered(rendered, request)


@settings(max_examples=200)
@given(objects=worlds(), alternation=st.booleans())
def test_no_rule_is_over_the_limits_of_an_alb(*, objects: list[dict[str, Any]], alternation: bool) -> None:
    for key, resource in render(load_balancer(objects, alternation=alternation)).resources.items():
        if key.kind != "rule":
            continue
        conditions = _items(resource.spec["Conditions"])
        values = [value for one in conditions for value in one.get("Values", one.get("RegexValues"))]
        plain = [value for one in conditions if one["Field"] != "query-string" for value in one.get("Values", ())]
        assert 1 <= len(values) <= 5
        assert sum(value.count("*") + value.count("?") for value in plain) <= 5
        assert not any("Values" in one and "RegexValues" in one for one in conditions)


@settings(max_examples=100)
@given(worlds(), st.randoms(use_true_random=False))
def test_rendering_is_the_same_whatever_the_order_of_the_input(objects: list[dict[str, Any]], chance: Any) -> None:
    shuffled = list(objects)
    chance.shuffle(shuffled)

    assert render(load_balancer(objects)) == render(load_balancer(shuffled))


@settings(max_examples=100)
@given(worlds())
def test_a_new_route_of_a_hostname_of_its_own_changes_no_rule_of_the_others(objects: list[dict[str, Any]]) -> None:
    newcomer = route("new", "z", [rule(backend("gone"))], ["new.other.example.org"])
    listeners = next(item for item in objects if item["kind"] == "Gateway")["spec"]["listeners"]
    listeners[0].pop("hostname", None)

    before, after = render(load_balancer(objects)), render(load_balancer([*objects, newcomer]))

    rules = {key: one for key, one in before.resources.items() if key.kind == "rule"}
    assert all(after.resources[key].spec == one.spec for key, one in rules.items())


_odd = st.text(st.sampled_from("a.b(+[]\\*?x)#{1}|^-"), max_size=12)
_long_texts = st.integers(1, 130).map(lambda length: ("/a.b-c" * 22)[:length])
_long_paths: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(("Exact", "PathPrefix", "RegularExpression")),
            "value": st.builds("{}{}".format, _long_texts, st.one_of(st.just(""), _odd)),
        }
    ),
    st.fixed_dictionaries({"type": st.just("RegularExpression"), "value": st.sampled_from(EXPRESSIONS)}),
)
_long_headers: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "name": st.sampled_from(("x-a", "x-b", "x-c", "x" * 41)),
        "type": st.sampled_from(("Exact", "RegularExpression")),
        "value": st.one_of(_long_texts, _odd, st.sampled_from(EXPRESSIONS)).filter(bool),
    }
)
_long_matches = st.fixed_dictionaries(
    {"path": _long_paths},
    optional={
        "method": st.sampled_from(("GET", "POST")),
        "headers": st.lists(_long_headers, max_size=3, unique_by=lambda one: str(one["name"])),
    },
)
_long_hosts = st.builds(
    lambda wild, length, end: f"{wild}{(('a' * 20 + '.') * 12)[-length:].strip('.') or 'a'}{end}",
    st.sampled_from(("", "*.")),
    st.integers(1, 140),
    st.sampled_from((".com", ".xn--p1ai")),
)


_new_paths = st.one_of(
    st.builds(lambda value: {"type": "ReplaceFullPath", "replaceFullPath": value}, st.one_of(_odd, _long_texts)),
    st.builds(lambda value: {"type": "ReplacePrefixMatch", "replacePrefixMatch": value}, st.one_of(_odd, _long_texts)),
)
_redirects: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"statusCode": st.sampled_from((301, 302, 307))},
    optional={
        "scheme": st.sampled_from(("http", "https", "ftp")),
        "hostname": _long_hosts,
        "port": st.sampled_from((80, 443, 65_536)),
        "path": _new_paths,
    },
)
_rewrites: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional={"hostname": _long_hosts, "path": _new_paths})
_to_https = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
_actions: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just(rule(backend("s0"))),
    st.just(rule(filters=[_to_https])),
    _redirects.map(lambda one: rule(filters=[{"type": "RequestRedirect", "requestRedirect": one}])),
    _rewrites.map(lambda one: rule(backend("s0"), filters=[{"type": "URLRewrite", "urlRewrite": one}])),
)


@st.composite
def long_worlds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw Routes whose hosts, paths, headers and expressions are at the edge of what an ALB takes, and beyond it."""
    narrow = listener("narrow") | {"hostname": draw(_long_hosts)}
    objects = [gateway_class(), gateway(listeners=[listener(), narrow]), *with_service("s0")]
    for number in range(draw(st.integers(1, 3))):
        matches = draw(st.lists(_long_matches, min_size=1, max_size=4))
        rules = [draw(_actions) | {"matches": [one]} for one in matches]
        objects.append(route(f"r{number}", "a", rules, draw(st.lists(_long_hosts, max_size=3, unique=True))))
    return objects


@settings(max_examples=300)
@given(objects=long_worlds(), alternation=st.booleans())
def test_aws_takes_every_rule_that_is_rendered(*, objects: list[dict[str, Any]], alternation: bool) -> None:
    for key, resource in render(load_balancer(objects, alternation=alternation)).resources.items():
        if key.kind == "rule":
            check_rule(resource.spec)


def check_rule(spec: Mapping[str, Any]) -> None:
    """Ask the emulated CreateRule for everything that it checks before it looks at target groups.

    Raises:
        AwsError: the rule is refused.
    """
    check_conditions(wire.conditions(spec["Conditions"]), Limits())
    check_transforms(wire.transforms(spec["Transforms"]))
    check_actions(wire.actions(spec["Actions"], lambda name: f"arn:{name}"), Place("application", "HTTP", 80))


def many(hosts: list[str], paths: list[str]) -> list[dict[str, Any]]:
    """Return a Gateway with one Route that has one rule."""
    matches = [{"path": {"type": "Exact", "value": path}} for path in paths]
    return [
        gateway_class(),
        gateway(),
        *with_service("s0"),
        route("r", "a", [rule(backend("s0"), matches=matches)], hosts),
    ]


@pytest.mark.parametrize(
    ("hosts", "paths", "plain", "joined"),
    [
        (["a.example.com"], [f"/api/{n:02}" for n in range(30)], 8, 1),
        ([f"h{n}.example.com" for n in range(9)], ["/"], 3, 1),
    ],
    ids=["paths", "hosts"],
)
def test_alternation_lets_one_rule_hold_what_would_take_several(
    hosts: list[str], paths: list[str], plain: int, joined: int
) -> None:
    for alternation, expected in ((False, plain), (True, joined)):
        rendered = render(load_balancer(many(hosts, paths), alternation=alternation))
        found = [one.spec for key, one in rendered.resources.items() if key.kind == "rule"]

        assert expected == len(found)
        for spec in found:
            check_rule(spec)


def test_alternation_leaves_what_fits_into_plain_values_as_it_is() -> None:
    objects = many(["a.example.com"], ["/a", "/b"])

    assert render(load_balancer(objects)).resources == render(load_balancer(objects, alternation=True)).resources


def test_an_entry_too_far_from_every_rule_that_could_take_it_in_is_a_rule_of_its_own() -> None:
    """A draft may move over 64 others at most; further away it stays where it is, and is never lost."""
    rules = [rule(backend("s0"), matches=[{"path": {"type": "Exact", "value": "/first"}}])]
    for number in range(80):
        match = {"path": {"type": "Exact", "value": f"/{number}"}, "headers": [{"name": f"x-{number}", "value": "1"}]}
        rules.append(rule(backend("s1"), matches=[match]))
    rules.append(rule(backend("s0")))
    objects = [gateway_class(), gateway(), *with_service("s0"), *with_service("s1"), route("r", "a", rules)]
    lb = load_balancer(objects)

    carried = {one for key, item in render(lb).resources.items() if key.kind == "rule" for one in item.origins}

    assert {entry.id for entry in lb.frontends[0].entries} == carried
