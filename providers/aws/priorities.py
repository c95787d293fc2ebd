"""Numbers for rules: sparse priorities, so that a new rule finds a gap and no other rule is touched. Pure.

AWS wants priorities from 1 to 50000, unique on a listener; the lowest number is asked first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

LOWEST, HIGHEST = 1, 50_000
"""Bounds of a priority, both allowed."""
STEP = 200
"""Widest distance between neighbours."""
START = 1000
"""First number of a fresh layout; numbers below stay open for rules on top."""
_ROOM = 48_000
"""Numbers that a fresh layout may use; the rest stays open at both ends."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Numbers for a listener.

    Attributes:
        added: number of each new rule, in order of precedence.
        moved: new numbers of rules that are there, to be set before anything is added. Set one after the other in this
            order they never overtake each other, nor meet.
    """

    added: Mapping[str, int]
    moved: Mapping[str, int]


class NoRoomError(ValueError):
    """There are not enough free numbers: rules of others hold them."""


def longest_kept(current: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    """Return the indices in `current` of a longest run of names that `wanted` has in the same order.

    `current` may repeat a name; at most one of the repetitions is kept. Of several longest runs, the one that ends
    earliest in `wanted`.
    """
    position = {name: index for index, name in enumerate(wanted)}
    ends: list[int] = []
    at: list[int] = []
    before: dict[int, int | None] = {}
    for index, name in enumerate(current):
        if name not in position:
            continue
        length = bisect_left(ends, position[name])
        before[index] = at[length - 1] if length else None
        ends[length : length + 1] = [position[name]]
        at[length : length + 1] = [index]
    kept: list[int] = []
    last = at[-1] if at else None
    while last is not None:
        kept.append(last)
        last = before[last]
    return tuple(reversed(kept))


def spread(count: int, above: int, below: int, taken: Collection[int] = ()) -> tuple[int, ...] | None:
    """Return `count` free numbers evenly between two bounds (themselves excluded); None if there are not enough."""
    inside = sorted(number for number in set(taken) if above < number < below)
    free = max(0, below - above - 1) - len(inside)
    if free < count:
        return None
    ranks = ((index + 1) * (free + 1) // (count + 1) for index in range(count))
    return tuple(_nth_free(above, rank, inside) for rank in ranks)


def _nth_free(above: int, rank: int, inside: Sequence[int]) -> int:
    """Return the `rank`-th number (from 1) after `above` that is not in `inside`."""
    number = above + rank
    for taken in inside:
        if taken > number:
            break
        number += 1
    return number


def first_layout(count: int, taken: Collection[int] = ()) -> tuple[int, ...]:
    """Return numbers for a listener without rules of ours. Raises NoRoomError."""
    step = max(1, min(STEP, _ROOM // (count + 1)))
    even = tuple(START + step * index for index in range(count))
    if set(even).isdisjoint(taken) and (not even or even[-1] <= HIGHEST):
        return even
    numbers = spread(count, LOWEST - 1, HIGHEST + 1, taken)
    if numbers is None:
        raise NoRoomError(f"{count} rules find no free numbers: rules of others hold {len(set(taken))} of {HIGHEST}")
    return numbers


def place(
    wanted: Sequence[str], kept: Mapping[str, int], leaving: Mapping[str, int], taken: Collection[int] = ()
) -> Layout:
    """Return numbers for the wanted rules that are not kept, and for as few others as possible.

    Args:
        wanted: names in order of precedence, the kept ones among them in the order of their numbers. A name that is
            not kept is a new rule's and must not be that of one leaving.
        kept: numbers of the rules that stay.
        leaving: numbers of our rules that are deleted later; they keep their place among the kept ones until then.
        taken: numbers that rules of others hold; these never move.

    Raises NoRoomError.
    """
    if not kept and not leaving:
        return Layout(dict(zip(wanted, first_layout(len(wanted), taken), strict=True)), {})
    line = _Line([(number, name) for name, number in {**leaving, **kept}.items()], taken)
    for previous, names, following in _groups(wanted, kept):
        line.insert(previous, names, following)
    numbers = {name: number for number, name in line.rules}
    added = {name: numbers[name] for name in wanted if name not in kept}
    return Layout(added, _in_safe_order({**leaving, **kept}, numbers))


def _groups(wanted: Sequence[str], kept: Collection[str]) -> Iterator[tuple[str | None, tuple[str, ...], str | None]]:
    """Yield each run of new names with the kept names around it."""
    previous: str | None = None
    run: list[str] = []
    for name in wanted:
        if name not in kept:
            run.append(name)
            continue
        if run:
            yield previous, tuple(run), name
        previous, run = name, []
    if run:
        yield previous, tuple(run), None


class _Line:
    """The numbers given so far, in ascending order, each with its rule."""

    def __init__(self, rules: Iterable[tuple[int, str]], taken: Iterable[int]) -> None:
        self.rules = sorted(rules)
        self.taken = sorted(set(taken))
        self._numbers = {name: number for number, name in self.rules}

    def insert(self, previous: str | None, names: tuple[str, ...], following: str | None) -> None:
        """Give numbers to new rules between two others; re-space a window of neighbours if there is no room."""
        numbers = self._gap(len(names), self._number(previous, LOWEST - 1), self._number(following, HIGHEST + 1))
        if numbers is None:
            self._respace(previous, names)
            self._numbers = {name: number for number, name in self.rules}
            return
        fresh = list(zip(numbers, names, strict=True))
        first, last = (bisect_left(self.rules, (number, "")) for number in (numbers[0], numbers[-1]))
        self.rules[first:last] = sorted([*self.rules[first:last], *fresh])
        self._numbers |= {name: number for number, name in fresh}

    def _number(self, name: str | None, end: int) -> int:
        return end if name is None else self._numbers.get(name, end)

    def _gap(self, count: int, above: int, below: int) -> tuple[int, ...] | None:
        """Find numbers in a gap; at an open end keep the usual distance instead of half of what is left."""
        width = (count + 1) * STEP
        near, far = above, below
        if below > HIGHEST:
            far = min(below, above + width)
        elif above < LOWEST:
            near = max(above, below - width)
        held = self._held(above, below)
        return spread(count, near, far, held) or spread(count, above, below, held)

    def _held(self, above: int, below: int) -> list[int]:
        """Return the numbers between two others that somebody has."""
        first, last = (bisect_left(self.rules, (number, "")) for number in (above, below))
        foreign = self.taken[bisect_left(self.taken, above) : bisect_left(self.taken, below)]
        return [*foreign, *(number for number, _ in self.rules[first:last])]

    def _respace(self, previous: str | None, names: tuple[str, ...]) -> None:
        """Take the smallest window around the spot whose bounds leave room, and space it evenly."""
        spot = next((index + 1 for index, (_, name) in enumerate(self.rules) if name == previous), 0)
        foreign = self.taken
        for first, last in _windows(spot, len(self.rules)):
            above = self.rules[first - 1][0] if first else LOWEST - 1
            below = self.rules[last][0] if last < len(self.rules) else HIGHEST + 1
            need = last - first + len(names)
            if below - above - 1 - (bisect_left(foreign, below) - bisect_right(foreign, above)) >= need:
                members = [name for _, name in self.rules[first:spot]]
                members += [*names, *(name for _, name in self.rules[spot:last])]
                numbers = spread(need, above, below, self.taken) or ()
                self.rules[first:last] = list(zip(numbers, members, strict=True))
                return
        raise NoRoomError(f"no room for {len(names)} more rules: rules of others hold {len(self.taken)} numbers")


def _windows(spot: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield windows [first, last) around a spot, the smallest first, the most central of a size first."""
    for size in range(1, count + 1):
        lefts = range(max(0, size - (count - spot)), min(size, spot) + 1)
        for left in sorted(lefts, key=lambda left: (abs(2 * left - size), left)):
            yield spot - left, spot - left + size


def _in_safe_order(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Order moves so that none overtakes or meets another: those going up from the last, then those going down."""
    up = sorted((name for name in before if after[name] > before[name]), key=lambda name: -before[name])
    down = sorted((name for name in before if after[name] < before[name]), key=lambda name: before[name])
    return {name: after[name] for name in (*up, *down)}
