"""What is found for a Gateway: over its ListenerSets to their Routes, over Routes to the policies of their Services."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from kube import kinds
from kube.api import Api, Listing
from kube.errors import NotFound
from kube.freshness import Need
from kube.store import Found, Store, trimmed
from tests.builders import CONTROLLER, backend, backend_config, listener_set, parent, route, rule, tls_policy

type Plain = dict[str, Any]

ON_SET = parent("extra", "a", kind="ListenerSet")


@dataclass
class _Cluster:
    """Lists what it holds, at a version that grows; kinds in `absent` are not served."""

    objects: list[Plain]
    absent: set[str] = field(default_factory=set)
    version: int = 10

    def pages(self, path: str) -> Iterator[Listing]:
        kind = next(one for one in kinds.SEARCHED if one.path() == path)
        if kind.name in self.absent:
            raise NotFound(f"GET {path}: not served")
        self.version += 1
        yield Listing(tuple(item for item in self.objects if item["kind"] == kind.name), str(self.version))


def search(*objects: Plain, name: str = "gw", absent: tuple[str, ...] = ()) -> Found:
    store = Store(cast("Api", _Cluster(list(objects), set(absent))), CONTROLLER)
    return store.find("infra", name, lambda _: Need())


def names(items: tuple[Plain, ...]) -> list[str]:
    return [item["metadata"]["name"] for item in items]


def claiming(item: Plain, *refs: Plain, controller: str = CONTROLLER) -> Plain:
    return item | {"status": {"parents": [{"parentRef": ref, "controllerName": controller} for ref in refs]}}


def with_ancestor(policy: Plain, name: str = "gw", controller: str = CONTROLLER) -> Plain:
    entry = {"ancestorRef": {"namespace": "infra", "name": name}, "controllerName": controller}
    return policy | {"status": {"ancestors": [entry]}}


def test_routes_of_a_gateways_listener_sets_are_found() -> None:
    found = search(listener_set(), listener_set("theirs", to="north"), route("web", parents=[ON_SET]), route("other"))

    assert (["other", "web"], ["extra"], ()) == (sorted(names(found.routes)), names(found.sets), found.lost)


def test_a_listener_set_of_another_gateway_comes_with_the_route_that_names_it() -> None:
    """Else it would be taken for one that is gone."""
    both = claiming(route(parents=[parent(), ON_SET]), parent(), ON_SET)
    found = search(both, listener_set(to="north"), listener_set("stranger", to="north"))

    assert (["extra"], ()) == (names(found.sets), found.lost)


def test_a_route_with_an_entry_for_a_listener_set_that_is_gone_is_found_for_every_gateway() -> None:
    """It names no Gateway any more; whichever run meets it removes the entry."""
    left = claiming(route("left", parents=[ON_SET]), ON_SET)
    for name in ("gw", "north"):
        found = search(left, route("elsewhere", parents=[parent("far")]), name=name)
        assert (["left"], (("ListenerSet", "a", "extra"),)) == (names(found.routes), found.lost)


def test_entries_of_others_make_no_listener_set_lost() -> None:
    assert Found(versions=found_versions()) == search(claiming(route(parents=[]), ON_SET, controller="example.com/x"))


def found_versions() -> dict[str, str]:
    """Return the versions that a first search of every kind tells."""
    return {kind.name: str(11 + place) for place, kind in enumerate(kinds.SEARCHED)}


@pytest.mark.parametrize("policy", [tls_policy(), backend_config({})], ids=lambda item: item["kind"])
def test_policies_are_found_over_the_services_of_routes(policy: Plain) -> None:
    assert [policy["kind"]] == [item["kind"] for item in search(policy, route()).policies]
    assert () == search(policy, route(rules=[rule(backend("other"))])).policies
    assert () == search(policy).policies


def test_a_policy_with_an_entry_of_ours_is_found_though_no_route_leads_there() -> None:
    policies = [with_ancestor(tls_policy("mine")), with_ancestor(tls_policy("theirs"), controller="example.com/x")]

    assert ["mine"] == names(search(*policies).policies)
    assert () == search(*policies, name="north").policies


def test_versions_are_told_of_all_that_was_searched() -> None:
    assert found_versions() == search().versions


def test_listener_sets_are_listed_after_the_routes_that_may_name_them() -> None:
    """The other way round one that came in between would be missing, and so seem to be gone."""
    order = [kind.name for kind in kinds.SEARCHED]

    assert all(order.index(kind.name) < order.index("ListenerSet") for kind in kinds.ROUTES)


def test_kinds_that_are_not_served_are_empty() -> None:
    absent = ("ListenerSet", "BackendTLSPolicy", "BackendConfig")
    found = search(claiming(route(), parent()), absent=absent)

    assert (["web"], (), ()) == (names(found.routes), found.sets, found.policies)
    assert found.versions.keys().isdisjoint(absent)


def test_of_a_status_only_our_entries_and_counts_are_kept() -> None:
    mine = {"ancestorRef": {"name": "gw"}, "controllerName": CONTROLLER}
    policy = tls_policy() | {"status": {"ancestors": [{"controllerName": "example.com/x"}, mine]}}
    counted = listener_set() | {"status": {"listeners": [{"name": "more", "attachedRoutes": 2, "conditions": []}]}}

    assert {"ancestors": [mine]} == trimmed(policy, CONTROLLER)["status"]
    assert {"listeners": [{"attachedRoutes": 2}]} == trimmed(counted, CONTROLLER)["status"]


def test_who_sends_to_a_service_is_found_with_the_listener_sets_named() -> None:
    direct, on_set = route("web"), route("on-set", parents=[ON_SET])
    other = route("other", rules=[rule(backend("shop"))])
    elsewhere = route("elsewhere", namespace="b")
    store = Store(
        cast("Api", _Cluster([listener_set(), listener_set("theirs"), direct, on_set, other, elsewhere])), CONTROLLER
    )
    store.find("infra", "gw", lambda _: Need())

    assert {"web", "on-set", "extra"} == set(names(store.sending_to(frozenset({("a", "web")}))))
    assert () == store.sending_to(frozenset({("a", "nobody")}))
