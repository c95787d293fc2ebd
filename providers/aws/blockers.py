"""Which leaving rules may go before all is made: none that would hand a request to a rule meant for another. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from providers.aws.overlap import Crowd
from reconciler.ir import Json


@dataclass(frozen=True, slots=True)
class _Block:
    """What holds a rule: leaving rules below it, the last wanted one still to come, one still to change."""

    below: frozenset[str]
    last: int
    changing: bool


@dataclass(slots=True)
class Blockers:
    """What may take a request that a leaving rule takes as well; found out once a rule, when first asked about."""

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
        return not block.changing and block.last < index and not any(one in there for one in block.below)

    def _look(self, name: str) -> _Block:
        own, one = self._own[name]
        coming = self._coming.meeting(one)
        return _Block(
            below=frozenset(self._names[place] for place in self._leaving.meeting(one) if place > own),
            last=max((self._places[place] for place in coming), default=-1),
            changing=bool(self._changing.meeting(one)),
        )
