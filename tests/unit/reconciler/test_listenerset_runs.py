"""Whole runs with ListenerSets: who joins, who leaves, and what is left written where."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from providers.memory import MemoryCloud, MemoryProvider
from reconciler.reconcile import Room, reconcile
from tests.builders import (
    CONTROLLER,
    GROUP,
    gateway,
    gateway_class,
    listener,
    listener_set,
    open_gateway,
    parent,
    route,
    with_service,
)
from tests.fakes import FakeCluster, trigger

ON_SET = parent("extra", "a", group=GROUP, kind="ListenerSet")
STRANGE = {"type": "example.com/Odd", "status": "True", "reason": "X", "message": "", "lastTransitionTime": "t"}


class World:
    """A Gateway that takes ListenerSets, one of these, a Route on it, and an empty cloud."""

    def __init__(self) -> None:
        self.cluster, self.cloud = FakeCluster(), MemoryCloud()
        numbers = itertools.count(1)
        self.room = Room(self.cluster, MemoryProvider(self.cloud), lambda: f"nonce{next(numbers)}")
        self.cluster.put(gateway_class(), open_gateway(), listener_set(), route(parents=[ON_SET]), *with_service())

    def run(self, name: str = "gw") -> None:
        """Reconcile one Gateway of namespace infra."""
        reconcile(trigger(name=name), self.room)

    @property
    def ports(self) -> set[str]:
        """The ports that are open."""
        return {key.name for held in self.cloud.held.values() for key in held if key.kind == "frontend"}

    def status(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """Return an object's status."""
        found: dict[str, Any] = self.cluster.get(kind, namespace, name)["status"]
        return found

    @property
    def attached(self) -> Any:
        """The Gateway's attachedListenerSets."""
        return self.status("Gateway", "infra", "gw").get("attachedListenerSets")


@pytest.fixture
def world() -> World:
    return World()


def test_a_listener_set_opens_its_port_and_says_so_in_its_own_status(world: World) -> None:
    world.run()

    assert {"80/TCP", "8080/TCP"} == world.ports
    assert ("True", "Programmed") == world.cluster.conditions("ListenerSet", "a", "extra")["Programmed"]
    assert ["more"] == [one["name"] for one in world.status("ListenerSet", "a", "extra")["listeners"]]
    assert ["http"] == [one["name"] for one in world.status("Gateway", "infra", "gw")["listeners"]]
    assert 1 == world.attached


def test_a_second_run_writes_nothing_anywhere(world: World) -> None:
    world.run()
    world.cloud.calls.clear()
    world.cluster.writes.clear()

    world.run()

    assert ([], []) == (world.cloud.calls, world.cluster.writes)


def test_a_gateway_without_any_listener_set_never_speaks_of_them(world: World) -> None:
    world.cluster.remove("ListenerSet", "a", "extra")
    world.run()

    assert world.attached is None


def test_a_listener_set_that_goes_takes_its_port_its_count_and_its_routes_entries_along(world: World) -> None:
    world.run()
    assert 1 == len(world.status("HTTPRoute", "a", "web")["parents"])
    world.cluster.remove("ListenerSet", "a", "extra")

    world.run()

    assert ({"80/TCP"}, 0) == (world.ports, world.attached)
    assert [] == world.status("HTTPRoute", "a", "web")["parents"]


def test_a_gateway_that_closes_its_door_refuses_what_it_let_in(world: World) -> None:
    world.run()
    world.cluster.put(gateway())

    world.run()

    assert ({"80/TCP"}, 0) == (world.ports, world.attached)
    expected = {"Accepted": ("False", "NotAllowed"), "Programmed": ("False", "NotAllowed")}
    assert expected == world.cluster.conditions("ListenerSet", "a", "extra")
    assert [] == world.status("ListenerSet", "a", "extra")["listeners"]
    assert "NoMatchingParent" == world.cluster.conditions("HTTPRoute", "a", "web")["Accepted"][1]


def test_the_loser_of_a_conflict_comes_alive_when_the_winner_goes(world: World) -> None:
    rival = listener_set("rival", "b", [listener("web", 8080)], creationTimestamp="2026-01-02T00:00:00Z")
    world.cluster.put(rival)
    world.run()
    expected = {"Accepted": ("False", "ListenersNotValid"), "Programmed": ("False", "ListenersNotValid")}
    assert expected == world.cluster.conditions("ListenerSet", "b", "rival")
    lost = world.status("ListenerSet", "b", "rival")["listeners"][0]["conditions"]
    reasons = {one["type"]: one["reason"] for one in lost if one["type"] != "ResolvedRefs"}
    assert dict.fromkeys(("Accepted", "Programmed", "Conflicted"), "HostnameConflict") == reasons

    world.cluster.remove("ListenerSet", "a", "extra")
    world.run()

    assert ("True", "Programmed") == world.cluster.conditions("ListenerSet", "b", "rival")["Programmed"]
    alive = world.status("ListenerSet", "b", "rival")["listeners"][0]["conditions"]
    assert {"Accepted", "Programmed", "ResolvedRefs"} == {one["type"] for one in alive}


def test_conditions_of_others_on_a_listener_set_and_its_listeners_stay(world: World) -> None:
    status = {"conditions": [STRANGE], "listeners": [{"name": "more", "conditions": [STRANGE]}]}
    world.cluster.get("ListenerSet", "a", "extra")["status"] = status

    world.run()

    found = world.status("ListenerSet", "a", "extra")
    assert STRANGE == found["conditions"][0]
    assert STRANGE == found["listeners"][0]["conditions"][0]


def test_a_gateway_that_is_deleted_leaves_its_listener_sets_without_a_parent(world: World) -> None:
    world.run()
    world.cluster.remove("Gateway", "infra", "gw")

    world.run()

    expected = {"Accepted": ("False", "ParentNotAccepted"), "Programmed": ("False", "ParentNotProgrammed")}
    assert expected == world.cluster.conditions("ListenerSet", "a", "extra")
    assert [] == world.status("HTTPRoute", "a", "web")["parents"]
    assert {} == world.cloud.held


def test_a_listener_set_moves_from_one_gateway_to_another(world: World) -> None:
    other = open_gateway([listener("other", 81)])
    other["metadata"] |= {"name": "other", "uid": "uid-other"}
    world.cluster.put(other)
    world.run()
    world.cluster.put(listener_set(to="other"))

    world.run()
    world.run("other")
    world.run()

    assert 0 == world.attached
    assert 1 == world.status("Gateway", "infra", "other")["attachedListenerSets"]
    assert [ON_SET] == [entry["parentRef"] for entry in world.status("HTTPRoute", "a", "web")["parents"]]
    assert ("True", "Programmed") == world.cluster.conditions("ListenerSet", "a", "extra")["Programmed"]


def test_an_entry_of_another_controller_for_a_listener_set_that_is_gone_stays(world: World) -> None:
    foreign = {"parentRef": ON_SET, "controllerName": "example.com/x", "conditions": []}
    stale = {"parentRef": ON_SET, "controllerName": CONTROLLER, "conditions": []}
    world.cluster.remove("ListenerSet", "a", "extra")
    world.cluster.get("HTTPRoute", "a", "web")["status"] = {"parents": [foreign, stale]}

    world.run()

    assert [foreign] == world.status("HTTPRoute", "a", "web")["parents"]
