"""Which leaving rules may go before all is made: none that would hand a request to a rule meant for another. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from providers.aws.overlap import Crowd
from reconciler.values import Json


@dataclass(slots=True)
class _Block:
    """What holds a leaving rule.

    Attributes:
        conditions: its own.
        changing: whether a rule that is still to change may take what it takes.
        last: place of the last wanted rule to come that may; -1 for none.
        below: places of leaving rules below it that may, the nearest at the end; what is apart or gone is taken off.
        sure: the one of them that was asked about and may.
    """

    conditions: Json
    changing: bool
    last: int
    below: list[int]
    sure: int = -1


@dataclass(slots=True)
class Blockers:
    """What may take a request that a leaving rule takes as well; each pair is compared at most once, and most never."""

    _names: Sequence[str]
    _own: dict[str, tuple[int, Json]]
    _leaving: Crowd
    _coming: Crowd
    _places: Sequence[int]
    _changing: Crowd
    _found: dict[str, _Block] = field(default_factory=dict)

    @classmethod
    def of(cls, leaving: Sequence[tuple[str, Json]], wanted: Sequence[Json], changing: Sequence[Json]) -> Blockers:
        """Return the blockers among leaving rules (name, conditions), wanted ones (None: kept) and changing ones."""
        places = [place for place, one in enumerate(wanted) if one is not None]
        return cls(
            [name for name, _ in leaving],
            {name: (place, conditions) for place, (name, conditions) in enumerate(leaving)},
            Crowd.of(one for _, one in leaving),
            Crowd.of(wanted[place] for place in places),
            places,
            Crowd.of(changing),
        )

    def free(self, name: str, index: int, there: Container[str]) -> bool:
        """Return whether a leaving rule may go before the wanted ones from `index` on come; `there`: not gone yet."""
        if name not in self._found:
            self._found[name] = self._look(name)
        block = self._found[name]
        return not block.changing and block.last < index and not self._held_from_below(block, there)

    def _look(self, name: str) -> _Block:
        own, one = self._own[name]
        coming = (place for place in reversed(self._coming.near(one)) if self._coming.meets(one, place))
        last = next(coming, None)
        return _Block(
            conditions=one,
            changing=any(self._changing.meets(one, place) for place in self._changing.near(one)),
            last=-1 if last is None else self._places[last],
            below=[place for place in reversed(self._leaving.near(one)) if place > own],
        )

    def _held_from_below(self, block: _Block, there: Container[str]) -> bool:
        while block.below:
            place = block.below[-1]
            if self._names[place] in there and (place == block.sure or self._leaving.meets(block.conditions, place)):
                block.sure = place
                return True
            block.below.pop()
        return False
