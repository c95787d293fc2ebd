"""Law 6 for every sort of broken Route: good Routes beside it are programmed, and a later change of theirs is as quick.

The sorts are listed by family in `tests/broken`. "As quick" is meant to the letter: the same calls to AWS in
the same order, and the same time at our own rate limits, as on a Gateway on which nothing is broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pytest

from tests.broken import FAMILIES, SORTS, Says, Sort
from tests.builders import backend, endpoints, exact, with_service
from tests.unit.providers.aws.shared_gateway import ROUTES, Shared, api, db, shared_gateway, shop

type Plain = dict[str, Any]
type Cost = tuple[list[str], float]

ANSWERS = {
    80: ["shop:1.000", "shop:1.000", "404"],
    443: ["404", "404", "api:1.000"],
    8443: ["mail"],
    9000: ["db"],
    9053: ["dns"],
}


def play(*sorts: Sort) -> Iterator[Shared]:
    """Give the Gateway with some broken Routes, settled."""
    with shared_gateway() as world:
        for sort in sorts:
            world.prepare(sort)
        if any(sort.before for sort in sorts):
            world.settle()
        for sort in sorts:
            world.put(sort)
        world.settle()
        yield world


def changes(world: Shared) -> dict[str, Cost]:
    """Let the good teams change something, one after the other; return what each change cost."""
    pods = {"services": ("shop/shop",)}
    return {
        "a match more": world.change(shop(exact("/more"))),
        "another backend": world.change(*with_service("api2", "api", ["10.244.1.7"]), api(backend("api2"))),
        "weights of a stream": world.change(
            *with_service("db2", "db", ["10.244.1.8"]), db(backend("db"), backend("db2"))
        ),
        "a Pod replaced": world.change(endpoints("shop", "shop", ["10.244.1.9"]), **pods),
        "nothing": world.change(),
    }


@cache
def undisturbed() -> dict[str, Cost]:
    """Return what the changes cost where nothing is broken."""
    for world in play():
        return changes(world)
    raise AssertionError


def told(world: Shared, sort: Sort, says: Says) -> list[tuple[str, str, str]]:
    """Return (status, reason, message) of a condition of an object, one for each entry that holds it."""
    status = world.cluster.get(says.kind, sort.namespace, says.name).get("status", {})
    holders: Iterable[Plain] = [status]
    if says.listener:
        holders = [one for one in status["listeners"] if one["name"] == says.listener]
    elif says.kind.endswith("Route"):
        holders = status["parents"]
    elif says.kind != "ListenerSet":
        holders = status["ancestors"]
    conditions = [one for holder in holders for one in holder["conditions"] if one["type"] == says.type]
    return [(one["status"], one["reason"], one["message"]) for one in conditions]


def good_routes_are_programmed(world: Shared) -> None:
    for kind, name in ROUTES:
        says = world.says(kind, name, name)
        assert {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("True", "ResolvedRefs")} == says, name
    assert ANSWERS == world.answers()
    assert ("True", "Programmed") == world.says()["Programmed"]


def the_broken_say_so(world: Shared, sort: Sort) -> None:
    for says in sort.says:
        found = told(world, sort, says)
        assert [(says.status, says.reason)] == [one[:2] for one in found], (sort.slug, found)
        assert found[0][2].startswith(says.message), found
        assert found[0][2] or says.status == "True", sort.slug


def test_there_are_thirty_sorts_and_four_of_each_family() -> None:
    counts = Counter(sort.family for sort in SORTS.values())

    assert len(SORTS) >= 30
    assert set(FAMILIES) == set(counts)
    assert min(counts.values()) >= 4


@pytest.mark.parametrize("sort", SORTS.values(), ids=lambda one: f"{one.family}-{one.slug}")
def test_one_broken_route_costs_the_good_ones_nothing(sort: Sort) -> None:
    for world in play(sort):
        good_routes_are_programmed(world)
        the_broken_say_so(world, sort)

        assert undisturbed() == changes(world)
        the_broken_say_so(world, sort)


def test_broken_routes_of_every_sort_at_once_cost_the_good_ones_nothing() -> None:
    for world in play(*SORTS.values()):
        good_routes_are_programmed(world)
        for sort in SORTS.values():
            the_broken_say_so(world, sort)

        assert undisturbed() == changes(world)
        for sort in SORTS.values():
            the_broken_say_so(world, sort)
