"""Whom an event wakes: who refers to what, through Routes, ListenerSets and policies."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import pytest

from kube import kinds
from kube.index import Index, Touched
from kube.links import Name
from kube.watch import Changed, Listed
from reconciler.mark import finalizer
from tests.builders import (
    CONTROLLER,
    backend,
    backend_config,
    endpoints,
    gateway,
    gateway_class,
    grant,
    listener,
    listener_set,
    namespace_,
    node,
    open_gateway,
    parent,
    route,
    rule,
    service,
    tls_policy,
)

type Plain = dict[str, Any]

GW, NORTH = ("Gateway", "infra", "gw"), ("Gateway", "infra", "north")
ON_SET = parent("extra", "a", kind="ListenerSet")


def ours() -> Index:
    return Index(CONTROLLER, finalizer("aws"))


def fed(*objects: Plain) -> Index:
    """Return an index that has listed our class, Gateways gw and north, a foreign Gateway, and these objects."""
    foreign = gateway("foreign")
    foreign["spec"]["gatewayClassName"] = "theirs"
    index = ours()
    every = [gateway_class(), gateway_class("theirs", "example.com/other"), open_gateway(), gateway("north"), foreign]
    for kind in kinds.WATCHED:
        index.replace(Listed(kind, tuple(item for item in (*every, *objects) if item["kind"] == kind.name)))
    return index


def event(index: Index, item: Plain, *, version: int = 100, deleted: bool = False) -> Touched:
    """Return whom an event touches; the object's labels change with the version."""
    changed = copy.deepcopy(item)
    changed["metadata"]["resourceVersion"] = str(version)
    changed["metadata"]["labels"] = {**item["metadata"].get("labels", {}), "version": str(version)}
    return index.apply(Changed(kinds.BY_NAME[item["kind"]], changed, deleted=deleted))


def woken(index: Index, item: Plain, *, deleted: bool = False) -> set[Name]:
    return set(event(index, item, deleted=deleted).subjects)


def secured(namespace: str = "a", name: str = "cert") -> Plain:
    return listener("tls", 443, "HTTPS", tls={"certificateRefs": [{"namespace": namespace, "name": name}]})


def with_ancestor(policy: Plain, name: str = "gw", controller: str = CONTROLLER) -> Plain:
    entry = {"ancestorRef": {"namespace": "infra", "name": name}, "controllerName": controller}
    return policy | {"status": {"ancestors": [entry]}}


POLICIES = [tls_policy(), backend_config({"drainingSeconds": 5})]


# --- ListenerSets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deleted", [False, True])
def test_a_listener_set_wakes_the_gateway_that_it_names(deleted: bool) -> None:  # noqa: FBT001 - a case
    assert {GW} == woken(fed(listener_set()), listener_set(), deleted=deleted)


def test_a_listener_set_that_moves_wakes_both_its_gateways() -> None:
    assert {GW, NORTH} == woken(fed(listener_set()), listener_set(to="north"))


@pytest.mark.parametrize("to", ["foreign", "ghost"])
def test_a_listener_set_of_a_gateway_that_is_not_ours_wakes_nobody(to: str) -> None:
    assert set() == woken(fed(), listener_set(to=to))


def test_a_listener_set_that_names_no_gateway_wakes_nobody() -> None:
    odd = listener_set()
    odd["spec"]["parentRef"]["kind"] = "Service"

    assert set() == woken(fed(), odd)


@pytest.mark.parametrize("first", ["route", "set"])
def test_a_route_on_a_listener_set_wakes_its_gateway_whichever_came_first(first: str) -> None:
    index, on_set = fed(), route(parents=[ON_SET])
    one, other = (on_set, listener_set()) if first == "route" else (listener_set(), on_set)
    woken(index, one)

    assert {GW} == woken(index, other)
    assert {GW} == {name for name in event(index, on_set, version=101).subjects if name[0] == "Gateway"}


def test_a_route_that_left_a_listener_set_wakes_the_gateway_that_it_was_on() -> None:
    index = fed(listener_set(), route(parents=[ON_SET]))

    assert {GW, NORTH} == woken(index, route(parents=[parent("north")]))


def test_a_route_whose_status_still_names_a_listener_set_wakes_its_gateway() -> None:
    moved = route(parents=[parent("north")])
    moved["status"] = {"parents": [{"parentRef": ON_SET, "controllerName": CONTROLLER}]}

    assert {GW, NORTH} == woken(fed(listener_set()), moved)


def test_a_route_on_a_listener_set_that_is_not_there_wakes_nobody() -> None:
    assert set() == woken(fed(), route(parents=[ON_SET]))


@pytest.mark.parametrize("item", [service(), endpoints()], ids=lambda item: item["kind"])
def test_a_service_behind_a_listener_set_wakes_its_gateway(item: Plain) -> None:
    assert {GW} == woken(fed(listener_set(), route(parents=[ON_SET])), item)


def test_labels_of_a_listener_sets_namespace_wake_its_gateway() -> None:
    """Its `allowedListeners` may select by them."""
    assert {GW} == woken(fed(listener_set(namespace="b")), namespace_("b"))


def test_a_grant_that_a_listener_set_may_need_wakes_its_gateway() -> None:
    index = fed(listener_set(listeners=[secured("certs")]))

    assert {GW} == woken(index, grant("certs", ("ListenerSet", "a"), ("Secret", "")))


def test_a_grant_for_authorities_wakes_the_gateway_that_names_them() -> None:
    asking = gateway("north")
    refs = [{"group": "", "kind": "ConfigMap", "namespace": "certs", "name": "ca"}]
    asking["spec"]["tls"] = {"frontend": {"default": {"validation": {"caCertificateRefs": refs}}}}
    index = fed()
    woken(index, asking)

    assert {NORTH} == woken(index, grant("certs", ("Gateway", "infra"), ("ConfigMap", "")))


# --- policies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES, ids=lambda item: item["kind"])
@pytest.mark.parametrize("deleted", [False, True])
def test_a_policy_wakes_the_gateways_whose_routes_use_its_service(policy: Plain, deleted: bool) -> None:  # noqa: FBT001
    assert {GW} == woken(fed(policy, route()), policy, deleted=deleted)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda item: item["kind"])
def test_a_policy_on_a_service_that_nobody_uses_wakes_nobody(policy: Plain) -> None:
    assert set() == woken(fed(route(rules=[rule(backend("other"))])), policy)


def test_a_policy_that_leaves_a_service_wakes_the_gateways_of_both() -> None:
    index = fed(tls_policy(), route(), route("other", rules=[rule(backend("other"))], parents=[parent("north")]))

    assert {GW, NORTH} == woken(index, tls_policy(target="other"))


def test_a_policy_with_an_entry_of_ours_wakes_its_gateway_though_no_route_leads_there() -> None:
    """So the entry goes with the reason for it."""
    policy = with_ancestor(tls_policy())

    assert {GW} == woken(fed(), policy)
    assert set() == woken(fed(), with_ancestor(tls_policy(), controller="example.com/other"))


def test_what_we_say_on_listener_sets_and_policies_wakes_nobody() -> None:
    index = fed(listener_set(), tls_policy(), route())
    for item in (with_ancestor(tls_policy()), listener_set() | {"status": {"conditions": []}}):
        assert Touched() == index.apply(Changed(kinds.BY_NAME[item["kind"]], item))


def test_a_policy_does_not_multiply_what_its_service_wakes() -> None:
    """A Service's events are asked about by its Routes alone: their cost does not grow with policies."""
    index = fed(route(), *(tls_policy(f"p{number}") for number in range(5)))

    assert 1 == len(index._refers.referrers(("Service", "a", "web")))


# --- what the watcher knows ------------------------------------------------------------------------------------------


def test_the_newest_set_and_policies_are_known_whoever_they_woke() -> None:
    """They may matter to a Route that comes later."""
    index = fed(tls_policy("old", resourceVersion="7"), tls_policy("new", resourceVersion="12"))
    event(index, listener_set(to="ghost"), version=20)
    event(index, listener_set(to="ghost"), version=9)

    assert (("BackendTLSPolicy", "12"), ("ListenerSet", "20")) == index.known


def test_a_version_of_our_own_status_is_known_as_well() -> None:
    """The entry that it wrote must be found when it has to go."""
    index = fed(tls_policy())
    written = with_ancestor(tls_policy(resourceVersion="30"))

    assert Touched() == index.apply(Changed(kinds.TLS_POLICY, written))
    assert (("BackendTLSPolicy", "30"),) == index.known


# --- what is polled --------------------------------------------------------------------------------------------------


def polled(*objects: Plain) -> dict[Name, set[Name]]:
    return {name: set(subjects) for name, subjects in fed(*objects).polled().items()}


def test_secrets_of_a_listener_set_are_polled_for_its_gateway() -> None:
    assert {("Secret", "a", "cert"): {GW}} == polled(listener_set(listeners=[secured()]))


def test_secrets_of_a_listener_set_elsewhere_need_a_grant_for_listener_sets() -> None:
    wanting = listener_set(listeners=[secured("certs")])

    assert {} == polled(wanting, grant("certs", ("Gateway", "a"), ("Secret", "")))
    assert {("Secret", "certs", "cert"): {GW}} == polled(wanting, grant("certs", ("ListenerSet", "a"), ("Secret", "")))


@pytest.mark.parametrize(
    ("allowed", "namespace", "expected"),
    [
        (None, "infra", False),
        ({"from": "None"}, "infra", False),
        ({"from": "Same"}, "a", False),
        ({"from": "Same"}, "infra", True),
        ({"from": "Selector", "selector": {}}, "a", True),
        ({"from": "All"}, "a", True),
    ],
)
def test_a_listener_set_that_cannot_be_let_in_names_nothing(
    allowed: Plain | None,
    namespace: str,
    expected: bool,  # noqa: FBT001 - a case
) -> None:
    """Else whoever may write a ListenerSet could have any number of Secrets looked at."""
    host = gateway("north")
    host["spec"] |= {} if allowed is None else {"allowedListeners": {"namespaces": allowed}}
    index = fed(listener_set(namespace=namespace, listeners=[secured(namespace)], to="north"))
    woken(index, host)

    assert expected is bool(index.polled())


def test_authorities_of_a_policy_are_polled_while_its_service_is_used() -> None:
    assert {("ConfigMap", "a", "ca"): {GW}} == polled(tls_policy(), route())
    assert {} == polled(tls_policy())


def test_authorities_and_the_client_certificate_of_a_gateway_are_polled() -> None:
    asking = gateway("north")
    validation = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}
    frontend = {"perPort": [{"port": 443, "tls": {"validation": validation}}]}
    asking["spec"]["tls"] = {"frontend": frontend, "backend": {"clientCertificateRef": {"name": "client"}}}
    index = fed()
    woken(index, asking)

    assert {("ConfigMap", "infra", "ca"), ("Secret", "infra", "client")} == set(index.polled())


def test_what_is_polled_follows_every_event_that_it_depends_on() -> None:
    """It is asked for every second, and kept in between."""
    index = fed(tls_policy(), listener_set(listeners=[secured("certs")]))
    permit = grant("certs", ("ListenerSet", "a"), ("Secret", ""))
    bundle, cert = ("ConfigMap", "a", "ca"), ("Secret", "certs", "cert")
    found = [set(index.polled())]
    for item, deleted in ((route(), False), (permit, False), (route(), True), (permit, True), (gateway_class(), True)):
        event(index, item, deleted=deleted)
        found.append(set(index.polled()))

    assert [set(), {bundle}, {bundle, cert}, {cert}, set(), set()] == found


def test_endpoints_do_not_change_what_is_polled() -> None:
    """They are what changes most."""
    index = fed(listener_set(listeners=[secured()]), route())
    before = index.polled()
    event(index, endpoints())

    assert before is index.polled()


def test_what_goes_is_forgotten() -> None:
    index = fed(listener_set(listeners=[secured()]), tls_policy(), route(parents=[ON_SET]))
    for kind in (kinds.LISTENER_SET, kinds.TLS_POLICY):
        index.replace(Listed(kind, ()))

    assert {} == index.polled()
    assert set() == woken(index, route(parents=[ON_SET]))


def test_it_makes_no_difference_in_which_order_the_kinds_were_listed() -> None:
    objects = [gateway_class(), open_gateway(), listener_set(listeners=[secured()]), tls_policy(), route()]

    def listed(order: Iterable[kinds.Kind]) -> Index:
        index = ours()
        for kind in order:
            index.replace(Listed(kind, tuple(item for item in objects if item["kind"] == kind.name)))
        return index

    one, other = listed(kinds.WATCHED), listed(reversed(kinds.WATCHED))
    assert one.polled() == other.polled()
    assert woken(one, tls_policy()) == woken(other, tls_policy()) == {GW}


# --- Nodes -----------------------------------------------------------------------------------------------------------


BY_NODES = backend_config({"targetType": "instance"})


def with_nodes(*objects: Plain) -> Index:
    """Return an index with Routes of gw to a/web and of north to a/more, and one Node."""
    more = route("more", parents=[parent("north")], rules=[rule(backend("more"))])
    index = fed(route(), more, *objects)
    index.replace(Listed(kinds.NODE, (node(),)))
    return index


def touched(index: Index, item: Plain, *, deleted: bool = False) -> set[Name]:
    return set(index.apply(Changed(kinds.NODE, item, deleted=deleted)).subjects)


NODE_CHANGES: dict[str, Plain] = {
    "not-ready": node(ready="False"),
    "silent": node(ready="Unknown"),
    "leaving": node(deletionTimestamp="2026-01-01T00:00:00Z"),
    "excluded": node(labels={"node.kubernetes.io/exclude-from-external-load-balancers": "true"}),
    "another-instance": node(instance="i-00000000000000002"),
}


@pytest.mark.parametrize("item", NODE_CHANGES.values(), ids=NODE_CHANGES)
def test_a_node_that_changes_as_a_target_wakes_the_gateways_with_such_pools_alone(item: Plain) -> None:
    assert {GW} == touched(with_nodes(BY_NODES), item)


def test_a_node_that_comes_or_goes_wakes_them_too() -> None:
    index = with_nodes(BY_NODES)

    assert {GW} == touched(index, node("n2", "i-00000000000000002"))
    assert {GW} == touched(index, node("n2", "i-00000000000000002"), deleted=True)
    assert set() == touched(index, node("n2", "i-00000000000000002"), deleted=True)


def test_what_kubelets_write_all_the_time_wakes_nobody() -> None:
    index, busy = with_nodes(BY_NODES), node(labels={"topology.kubernetes.io/zone": "us-east-1a", "odd": "1"})
    busy["metadata"] |= {"resourceVersion": "77", "annotations": {"routewright.dev/any": "1"}, "uid": "another"}
    busy["spec"] |= {"podCIDR": "10.1.0.0/24", "taints": [{"key": "x", "effect": "NoSchedule"}]}
    busy["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:09Z"}]
    busy["status"] |= {"images": [{"names": ["x"]}], "allocatable": {"cpu": "3"}}

    assert set() == touched(index, busy)


@pytest.mark.parametrize("config", [None, backend_config({"targetType": "ip"}), backend_config({"drainingSeconds": 5})])
def test_without_a_backend_config_that_asks_nodes_wake_nobody_and_are_not_asked_for(config: Plain | None) -> None:
    index = with_nodes(*([config] if config else []))

    assert not index.asks_for_nodes
    assert set() == touched(index, node(ready="False"))


def test_nodes_are_asked_for_from_the_first_backend_config_to_the_last() -> None:
    index = with_nodes()
    other = backend_config({"targetType": "instance"}, name="other", target="more")
    steps = [(BY_NODES, False, {GW}), (other, False, {GW, NORTH}), (BY_NODES, True, {NORTH}), (other, True, set())]
    for number, (config, deleted, gateways) in enumerate(steps):
        event(index, config, version=100 + number, deleted=deleted)
        assert (bool(gateways), gateways) == (index.asks_for_nodes, set(index.of_nodes()))


def test_a_node_of_a_config_on_a_service_that_nobody_uses_wakes_nobody() -> None:
    assert set() == touched(with_nodes(backend_config({"targetType": "instance"}, target="idle")), node(ready="False"))


def test_a_node_does_not_change_what_is_polled() -> None:
    index = with_nodes(BY_NODES)
    before = index.polled()
    touched(index, node(ready="False"))

    assert before is index.polled()
