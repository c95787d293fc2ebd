"""Which leaving rules may go before everything is made."""

from __future__ import annotations

from providers.aws.blockers import Blockers
from reconciler.values import Json


def path(*values: str) -> Json:
    return [{"Field": "path-pattern", "Values": list(values)}]


OLD = [("top", path("/a/*")), ("middle", path("/b")), ("bottom", path("/a/*", "/c"))]
THERE = {"top", "middle", "bottom"}


def test_a_rule_stays_while_an_old_one_below_it_would_take_over() -> None:
    blockers = Blockers.of(OLD, [], [])

    assert [False, True, True] == [blockers.free(name, 0, THERE) for name, _ in OLD]


def test_a_rule_may_go_when_those_below_it_are_gone() -> None:
    blockers = Blockers.of(OLD, [], [])
    assert not blockers.free("top", 0, THERE)

    assert blockers.free("top", 0, THERE - {"bottom"})


def test_a_rule_stays_until_the_last_new_one_that_meets_it_is_made() -> None:
    blockers = Blockers.of(OLD, [path("/b"), None, path("/z"), path("/*")], [])

    assert [False, False, True] == [blockers.free("middle", index, THERE) for index in (0, 3, 4)]


def test_a_rule_stays_while_one_that_meets_it_is_still_to_change() -> None:
    assert not Blockers.of(OLD, [], [path("/b")]).free("middle", 9, THERE)
