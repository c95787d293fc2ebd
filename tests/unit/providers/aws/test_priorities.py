"""Sparse numbers for rules."""

from __future__ import annotations

import pytest

from providers.aws.priorities import NoRoomError, first_layout, longest_kept, place, spread


def test_a_fresh_layout_starts_at_1000_and_leaves_200_between_rules() -> None:
    assert (1000, 1200, 1400) == first_layout(3)


def test_a_large_fresh_layout_is_tighter_and_leaves_both_ends_open() -> None:
    numbers = first_layout(1000)

    assert (1000, 47) == (numbers[0], numbers[1] - numbers[0])
    assert 49_000 > numbers[-1]


def test_a_fresh_layout_avoids_numbers_of_others() -> None:
    numbers = first_layout(3, taken=(1200,))

    assert (3, False) == (len(set(numbers)), 1200 in numbers)


def test_a_rule_between_two_takes_the_middle_of_the_gap() -> None:
    layout = place(["a", "new", "b"], {"a": 1000, "b": 1200}, {})

    assert ({"new": 1100}, {}) == (layout.added, layout.moved)


def test_several_rules_spread_evenly_in_the_gap() -> None:
    assert (25, 50, 75) == spread(3, 0, 100)


def test_a_gap_skips_numbers_of_others_and_of_rules_about_to_leave() -> None:
    layout = place(["a", "new", "b"], {"a": 10, "b": 14}, {"old": 12}, taken=(11,))

    assert {"new": 13} == layout.added


def test_rules_at_an_open_end_keep_the_usual_distance() -> None:
    layout = place(["top", "a", "end"], {"a": 1000}, {})

    assert {"top": 800, "end": 1200} == layout.added


def test_without_a_gap_the_smallest_window_of_neighbours_gives_way() -> None:
    layout = place(["a", "b", "new", "c", "d"], {"a": 1, "b": 5, "c": 6, "d": 7}, {})

    assert ({"new": 4}, {"b": 2}) == (layout.added, layout.moved)


def test_a_hundred_neighbours_without_gaps_move_only_as_far_as_needed() -> None:
    names = [f"r{index}" for index in range(100)]
    kept = {name: index + 1 for index, name in enumerate(names)}
    layout = place([*names[:98], "new", *names[98:]], kept, {})

    assert {"r98", "r99"} == set(layout.moved)


def test_at_least_a_hundred_rules_find_room_at_random_places_before_any_other_moves() -> None:
    kept = {f"r{index}": 1000 + 200 * index for index in range(100)}
    for index in range(100):
        order = sorted(kept, key=lambda name: kept[name])
        order.insert(index * 37 % len(order), f"n{index}")
        layout = place(order, kept, {})
        assert {} == layout.moved
        kept.update(layout.added)


def test_rules_about_to_leave_keep_their_place_when_a_window_moves() -> None:
    layout = place(["a", "n1", "n2", "b"], {"a": 1, "b": 4}, {"old": 2}, taken=(3,))
    numbers = {"a": 1, "old": 2, "b": 4, **layout.moved, **layout.added}

    assert ["a", "n1", "n2", "b"] == sorted((n for n in numbers if n != "old"), key=lambda name: numbers[name])
    assert numbers["a"] < numbers["old"] < numbers["b"]
    assert 3 not in numbers.values()


def test_moves_come_in_an_order_in_which_no_rule_meets_another() -> None:
    """One by one: who goes up starts at the far end."""
    layout = place(["n", "a", "b", "c"], {"a": 1, "b": 2, "c": 3}, {})
    numbers = {"a": 1, "b": 2, "c": 3}
    for name, number in layout.moved.items():
        assert number not in numbers.values()
        numbers[name] = number
        assert ["a", "b", "c"] == sorted(numbers, key=lambda one: numbers[one])


def test_where_others_hold_all_numbers_there_is_no_room() -> None:
    with pytest.raises(NoRoomError, match="rules of others"):
        place(["new"], {}, {}, taken=range(1, 50_001))


def test_where_others_hold_all_numbers_but_ours_there_is_no_room_either() -> None:
    with pytest.raises(NoRoomError, match="no room for 1 more"):
        place(["a", "new"], {"a": 1}, {}, taken=range(2, 50_001))


def test_of_rules_in_another_order_a_longest_run_stays() -> None:
    assert (1, 2) == longest_kept(["c", "a", "b"], ["a", "b", "c"])


def test_of_a_rule_that_is_there_twice_the_one_in_place_stays() -> None:
    assert (1, 2) == longest_kept(["b", "a", "b"], ["a", "b"])


def test_nothing_in_common_keeps_nothing() -> None:
    assert () == longest_kept(["x"], ["a"])
