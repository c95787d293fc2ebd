"""Law 11: at a quota the oldest Routes stay, whatever they match; the refused hear why, and come in once they fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from tests.aws_world import World
from tests.builders import backend, config, config_ref, exact, gateway_class, prefix, route, rule, with_service
from tests.proof.quota import tell

OLD, NEW, NEWEST = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"


@pytest.fixture(name="world")
def _world() -> Iterator[World]:
    with strict_aws() as account:
        made = World(account)
        made.cluster.objects.pop(("HTTPRoute", "a", "web"))
        yield made


def limit(world: World, rules: int) -> None:
    """Let the load balancer take so many rules, and AWS too."""
    world.account.limits.set("rules-per-application-load-balancer", rules)
    quotas = {"quotas": {"rulesPerLoadBalancer": rules}}
    world.cluster.put(gateway_class(parametersRef=config_ref()), config({"aws": quotas}))


def add(world: World, name: str, created: str, *matches: dict[str, Any]) -> None:
    """Add a Route with a Service of its own."""
    rules = [rule(backend(name), matches=matches)]
    world.cluster.put(route(name, "a", rules, creationTimestamp=created), *with_service(name))


def accepted(world: World, name: str) -> str:
    return world.says("HTTPRoute", "a", name)["Accepted"][0]


@pytest.mark.parametrize("seed", range(4))
def test_routes_that_come_and_go_never_cost_an_older_one_its_place(seed: int) -> None:
    assert tell(seed)["newcomers"] >= 1


def test_a_newcomer_that_forces_an_older_routes_rule_apart_pays_for_the_parts(world: World) -> None:
    """`/b/c` of the newcomer stands between `/a` and `/b`, so that these two can no longer share a rule."""
    limit(world, 2)
    add(world, "first", OLD, exact("/a"), prefix("/b"))
    add(world, "second", NEW, prefix("/z"))
    world.run()
    before = world.rules()
    add(world, "third", NEWEST, prefix("/b/c"))

    world.run()

    assert ["True", "True", "False"] == [accepted(world, name) for name in ("first", "second", "third")]
    told = world.cluster.get("HTTPRoute", "a", "third")["status"]["parents"][0]["conditions"][0]["message"]
    assert "rules of the load balancer: needs 2, 0 left of 2" in told
    assert before == world.rules()


def test_a_route_that_is_refused_shadows_nobody(world: World) -> None:
    limit(world, 1)
    add(world, "first", OLD, exact("/x"), {**exact("/a"), "method": "GET"}, {**exact("/b"), "method": "PUT"})
    add(world, "second", NEW, exact("/x"))

    world.run()

    assert ["False", "True"] == [accepted(world, name) for name in ("first", "second")]
    assert [["/x"]] == [one["Conditions"][0]["PathPatternConfig"]["Values"] for one in world.rules()]


def test_a_route_whose_rules_overlap_those_that_leave_comes_in_by_itself(world: World) -> None:
    limit(world, 1)
    add(world, "first", OLD, prefix("/a"))
    add(world, "second", NEW, prefix("/a/b"))
    world.run()
    world.cluster.remove("HTTPRoute", "a", "first")

    looks = 0
    while world.run().retry_after is not None:
        looks += 1
        assert looks < 4

    assert "True" == accepted(world, "second")
    assert 1 == len(world.rules())
