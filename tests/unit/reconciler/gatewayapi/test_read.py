"""Plain objects are read without trust, and with the defaults that the CRDs give."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.gatewayapi.hostnames import covers, effective, overlap
from reconciler.gatewayapi.namespaces import selects
from reconciler.gatewayapi.read import kind_of, read_slice, take_snapshot
from reconciler.gatewayapi.read_gateways import read_gateway
from reconciler.gatewayapi.read_routes import read_route
from reconciler.gatewayapi.references import (
    configmaps_named,
    gateway_of_set,
    gateways_named,
    parents_named,
    secrets_named,
    services_named,
)
from reconciler.gatewayapi.resources import GROUP, LabelSelector
from reconciler.keys import ConfigMapRef, GatewayKey, SecretRef
from reconciler.matches import PathMatch, PathType
from reconciler.values import frozen_map
from tests.builders import (
    CONTROLLER,
    backend,
    gateway,
    gateway_class,
    grant,
    listener,
    listener_set,
    open_gateway,
    parent,
    route,
    route_of,
    rule,
    tls_policy,
)

NONSENSE: list[Any] = [None, 7, "text", [], {}, [1, "x", None], {"a": 1}, [{"b": []}], True]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize("field", ["parentRefs", "hostnames", "rules"])
def test_a_route_with_a_field_of_the_wrong_shape_is_read_all_the_same(field: str, value: Any) -> None:
    item = route()
    item["spec"][field] = value

    assert "web" == read_route(item).meta.name


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize("field", ["matches", "filters", "backendRefs", "timeouts", "retry", "name"])
def test_a_rule_with_a_field_of_the_wrong_shape_is_read_all_the_same(field: str, value: Any) -> None:
    assert 1 == len(read_route(route(rules=[{field: value}])).rules)


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize("field", ["listeners", "addresses", "infrastructure", "gatewayClassName"])
def test_a_gateway_with_a_field_of_the_wrong_shape_is_read_all_the_same(field: str, value: Any) -> None:
    item = gateway()
    item["spec"][field] = value

    assert "gw" == read_gateway(item).meta.name


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize("field", ["spec", "status", "metadata"])
def test_an_object_without_any_shape_is_read_all_the_same(field: str, value: Any) -> None:
    broken: dict[str, Any] = gateway() | {field: value}
    key = GatewayKey("c", "infra", "gw")

    assert take_snapshot(key, CONTROLLER, [broken, gateway_class(), route() | {field: value}]).key == key


def test_a_route_without_rules_has_the_default_rule() -> None:
    item = route()
    del item["spec"]["rules"]

    (only,) = read_route(item).rules
    assert (PathMatch(PathType.PREFIX, "/"),) == tuple(match.path for match in only.matches)


def test_a_route_with_an_empty_list_of_rules_has_none() -> None:
    assert () == read_route(route(rules=[])).rules


def test_of_two_headers_of_one_name_in_any_case_the_first_counts() -> None:
    headers = [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]

    (match,) = read_route(route(rules=[rule(matches=[{"headers": headers}])])).rules[0].matches
    assert [("x-a", "1")] == [(header.name, header.value) for header in match.headers]


@pytest.mark.parametrize(
    ("match", "told"),
    [
        ({"path": {"type": "Glob", "value": "/"}}, 'matches[0].path.type "Glob"'),
        ({"method": "BREW"}, 'matches[0].method "BREW"'),
        ({"headers": [{"name": "a", "value": "b", "type": "Fuzzy"}]}, 'matches[0].headers "a" type "Fuzzy"'),
    ],
)
def test_a_value_of_a_newer_crd_is_named_and_not_ignored(match: dict[str, Any], told: str) -> None:
    assert (told,) == read_route(route(rules=[rule(matches=[match])])).rules[0].unknown


@pytest.mark.parametrize(
    ("redirect", "told"),
    [
        ({"scheme": "ftp"}, 'requestRedirect.scheme "ftp"'),
        ({"path": {"type": "ReplaceRegex"}}, 'requestRedirect.path.type "ReplaceRegex"'),
    ],
)
def test_a_redirect_of_a_newer_crd_is_named_and_not_turned_into_another(redirect: dict[str, Any], told: str) -> None:
    filters = [{"type": "RequestRedirect", "requestRedirect": redirect}]
    assert (told,) == read_route(route(rules=[rule(filters=filters)])).rules[0].unknown


def test_a_redirect_of_a_single_backend_is_kept_as_its_filter() -> None:
    """It is no answer of the rule, and whoever cannot do it has to refuse it."""
    filters = [{"type": "RequestRedirect", "requestRedirect": {"hostname": "x.example.com"}}]
    (only,) = read_route(route(rules=[rule(backend(filters=filters))])).rules
    assert (None, ["RequestRedirect"]) == (only.redirect, [one.type for one in only.backends[0].filters])


@pytest.mark.parametrize("odd", [["x"], {"a": 1}, [], {}])
def test_a_type_of_another_shape_is_refused_and_breaks_nothing(odd: Any) -> None:
    header = {"name": "a", "value": "b", "type": odd}
    match = {"path": {"type": odd, "value": "/"}, "method": odd, "headers": [header]}
    http = read_route(route(rules=[rule(matches=[match], filters=[{"type": odd}])])).rules[0]
    grpc = route_of("GRPCRoute", spec={"rules": [{"matches": [{"method": {"type": odd}, "headers": [header]}]}]})

    assert (4, 2) == (len(http.unknown), len(read_route(grpc).rules[0].unknown))


def test_a_kind_of_the_same_name_in_another_group_is_not_ours() -> None:
    assert "" == kind_of({"apiVersion": "networking.istio.io/v1", "kind": "Gateway"})


def test_an_endpoint_that_says_nothing_of_its_readiness_is_ready() -> None:
    item = {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "metadata": {"name": "s"}}

    assert read_slice(item).endpoints[0].ready


def test_a_gateway_is_named_by_spec_and_by_the_status_that_we_wrote() -> None:
    item = route(parents=[parent("one")])
    entry = {"parentRef": {"name": "two", "namespace": "infra"}, "controllerName": CONTROLLER}
    other = {"parentRef": {"name": "three", "namespace": "infra"}, "controllerName": "example.com/x"}
    item["status"] = {"parents": [entry, other]}

    assert {("infra", "one"), ("infra", "two")} == gateways_named(item, CONTROLLER)


def test_a_route_on_a_listener_set_is_a_matter_of_the_sets_gateway() -> None:
    item = route(parents=[parent("extra", "b", kind="ListenerSet"), parent("unknown", "b", kind="ListenerSet")])
    sets = {("b", "extra"): gateway_of_set(listener_set("extra", "b"))}

    assert {("infra", "gw")} == gateways_named(item, CONTROLLER, sets)
    assert {("ListenerSet", "b", "extra"), ("ListenerSet", "b", "unknown")} == parents_named(item)


def test_a_listener_set_of_something_else_than_a_gateway_has_no_gateway() -> None:
    item = listener_set()
    item["spec"]["parentRef"]["kind"] = "Service"

    assert gateway_of_set(item) is None


def test_a_service_parent_belongs_to_a_mesh() -> None:
    assert set() == gateways_named(route(parents=[{"group": "", "kind": "Service", "name": "x"}]), CONTROLLER)


def test_services_are_named_by_backend_refs() -> None:
    item = route(
        rules=[rule({"name": "x", "port": 1, "namespace": "b"}, {"name": "y", "port": 1}, {"kind": "Z", "name": "z"})]
    )

    assert {("b", "x"), ("a", "y")} == services_named(item)


def test_a_secret_of_another_namespace_is_named_only_with_a_grant() -> None:
    refs = [{"name": "mine"}, {"name": "theirs", "namespace": "certs"}]
    item = gateway(listeners=[listener("https", 443, "HTTPS", tls={"certificateRefs": refs})])
    granted = grant("certs", ("Gateway", "infra"), ("Secret", "theirs"))

    assert {SecretRef("infra", "mine")} == secrets_named(item, [])
    assert {SecretRef("infra", "mine"), SecretRef("certs", "theirs")} == secrets_named(item, [granted])


@pytest.mark.parametrize(
    ("listener_host", "route_host", "both"),
    [
        ("", "", ""),
        ("", "a.example.com", "a.example.com"),
        ("a.example.com", "", "a.example.com"),
        ("*.example.com", "a.b.example.com", "a.b.example.com"),
        ("a.example.com", "*.example.com", "a.example.com"),
        ("*.com", "*.example.com", "*.example.com"),
        ("*.example.com", "*.com", "*.example.com"),
        ("*.example.com", "example.com", None),
        ("a.example.com", "b.example.com", None),
        ("*.example.com", "badexample.com", None),
    ],
)
def test_the_overlap_of_two_hostnames(listener_host: str, route_host: str, both: str | None) -> None:
    assert both == overlap(listener_host, route_host)


def test_of_two_hostnames_with_one_overlap_the_more_specific_stands_for_both() -> None:
    assert (("a.example.com", "a.example.com"),) == effective("a.example.com", ("*.example.com", "a.example.com"))


def test_a_wildcard_does_not_cover_its_own_apex() -> None:
    assert not covers("*.example.com", "example.com")
    assert covers("*.example.com", "*.a.example.com")


@pytest.mark.parametrize(
    ("operator", "values", "takes"),
    [
        ("In", ("x",), True),
        ("NotIn", ("x",), False),
        ("Exists", (), True),
        ("DoesNotExist", (), False),
        ("Odd", (), False),
    ],
)
def test_expressions_of_a_selector(operator: str, values: tuple[str, ...], *, takes: bool) -> None:
    selector = LabelSelector(expressions=(("tier", operator, values),))

    assert takes is selects(selector, frozen_map({"tier": "x"}))


def test_a_default_group_is_the_gateway_apis() -> None:
    (ref,) = read_route(route()).parents

    assert (GROUP, "Gateway") == (ref.group, ref.kind)


def test_a_grant_names_secrets_for_the_kind_that_it_says() -> None:
    tls = {"certificateRefs": [{"name": "theirs", "namespace": "certs"}]}
    item = listener_set(listeners=[listener("https", 443, "HTTPS", tls=tls)])

    assert set() == secrets_named(item, [grant("certs", ("Gateway", "a"), ("Secret", ""))])
    granted = [grant("certs", ("ListenerSet", "a"), ("Secret", ""))]
    assert {SecretRef("certs", "theirs")} == secrets_named(item, granted)


def test_the_certificate_for_backends_is_a_secret_that_a_gateway_names() -> None:
    item = open_gateway(tls={"backend": {"clientCertificateRef": {"name": "me"}}})

    assert {SecretRef("infra", "me")} == secrets_named(item, [])


def test_authorities_are_named_by_gateways_and_by_policies_on_services() -> None:
    def wants(**ref: str) -> dict[str, Any]:
        return {"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", **ref}]}}

    ports = [{"port": 8443, "tls": wants(name="theirs", namespace="certs")}]
    item = open_gateway(tls={"frontend": {"default": wants(name="ca"), "perPort": ports}})
    granted = grant("certs", ("Gateway", "infra"), ("ConfigMap", "theirs"))

    assert {ConfigMapRef("infra", "ca")} == configmaps_named(item, [])
    assert {ConfigMapRef("infra", "ca"), ConfigMapRef("certs", "theirs")} == configmaps_named(item, [granted])
    assert {ConfigMapRef("a", "ca")} == configmaps_named(tls_policy(), [])
