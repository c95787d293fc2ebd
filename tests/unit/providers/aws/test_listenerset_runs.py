"""Whole runs with ListenerSets against the emulated AWS: a team may take its listeners back, a bug of ours may not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulators.aws.inprocess import strict_aws
from reconciler.events import Cause, Seen
from tests.aws_world import World
from tests.builders import backend, gateway, listener_set, open_gateway, parent, prefix, route, rule
from tests.fakes import trigger

ON_SET = parent("extra", "a", kind="ListenerSet")


@pytest.fixture
def world() -> Iterator[World]:
    """Six Routes on the listener of a ListenerSet, one on the Gateway's own."""
    with strict_aws() as account:
        world = World(account)
        world.cluster.put(open_gateway(), gateway("north"), listener_set())
        for n in range(6):
            match = {**prefix(f"/{n}"), "method": "GET"}  # with its host: too much for two of them in one rule
            world.cluster.put(route(f"r{n}", "a", [rule(backend(), matches=[match])], [f"h{n}.example.com"], [ON_SET]))
        world.run()
        assert (6, 1) == (len(world.rules(8080)), len(world.rules()))
        yield world


def errors(world: World, cause: Cause = Cause.RESYNC, *seen: Seen) -> list[str]:
    result = world.run(trigger(cause=cause, seen=seen))
    return [type(one.error).__name__ for one in result.outcome.failed]


def test_a_listener_set_that_moves_away_takes_most_rules_along_though_its_event_was_lost(world: World) -> None:
    """Its Routes went with it: nothing in the snapshot names them any more, only the count of the last status."""
    world.cluster.put(listener_set(to="north"))

    assert [] == errors(world)
    assert {80} == {one["Port"] for one in world.balancer()["Listeners"]}


def test_a_listener_set_whose_namespace_lost_its_label_leaves(world: World) -> None:
    host = open_gateway()
    host["spec"]["allowedListeners"] = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"x": "y"}}}}
    world.cluster.get("Gateway", "infra", "gw")["spec"] = host["spec"]  # the generation did not move: labels did

    assert [] == errors(world)
    assert {80} == {one["Port"] for one in world.balancer()["Listeners"]}


def test_rules_of_a_listener_set_that_nobody_touched_are_not_taken(world: World) -> None:
    for n in range(6):
        world.cluster.get("HTTPRoute", "a", f"r{n}")["spec"]["rules"] = []  # as a bug of ours would read it

    assert ["UnsafePlan"] == errors(world)
    assert 6 == len(world.rules(8080))


def test_an_event_of_a_listener_set_asks_for_what_follows_from_it(world: World) -> None:
    """Also where no status shows it: here an earlier run was cut before it could tell of the ListenerSet."""
    world.cluster.put(listener_set(to="north"))
    del world.cluster.get("Gateway", "infra", "gw")["status"]["attachedListenerSets"]

    assert [] == errors(world, Cause.EVENT, Seen("ListenerSet", "u", "9"))
    assert {80} == {one["Port"] for one in world.balancer()["Listeners"]}
