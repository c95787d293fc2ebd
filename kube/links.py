"""A two-way map: which objects refer to what. The cost of a question grows with the answer, never with the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

type Name = tuple[str, str, str]
"""(kind, namespace, name)."""


@dataclass(slots=True)
class Links:
    """Referrers and what each refers to.

    Most objects have one referrer, which then stands without a set around it: 10,000 sets would be 2 MB.
    """

    _targets: dict[Name, tuple[Name, ...]] = field(default_factory=dict)
    _referrers: dict[Name, Name | set[Name]] = field(default_factory=dict)

    def set(self, referrer: Name, targets: Iterable[Name]) -> None:
        """Replace what an object refers to."""
        fresh, old = frozenset(targets), frozenset(self.targets(referrer))
        for target in old - fresh:
            self._part(referrer, target)
        for target in fresh - old:
            self._tie(referrer, target)
        if fresh:
            self._targets[referrer] = tuple(fresh)
        else:
            self._targets.pop(referrer, None)

    def targets(self, referrer: Name) -> tuple[Name, ...]:
        """Return what an object refers to, each once."""
        return self._targets.get(referrer, ())

    def referrers(self, target: Name) -> frozenset[Name]:
        """Return who refers to an object."""
        found = self._referrers.get(target)
        if found is None:
            return frozenset()
        return frozenset(found) if isinstance(found, set) else frozenset({found})

    def known(self) -> frozenset[Name]:
        """Return everything that somebody refers to."""
        return frozenset(self._referrers)

    def _tie(self, referrer: Name, target: Name) -> None:
        match self._referrers.get(target):
            case None:
                self._referrers[target] = referrer
            case set() as several:
                several.add(referrer)
            case one:
                self._referrers[target] = {one, referrer}

    def _part(self, referrer: Name, target: Name) -> None:
        several = self._referrers[target]
        if isinstance(several, set):
            several.discard(referrer)
            if several:
                return
        del self._referrers[target]
