"""A two-way map: which objects refer to what. The cost of a question grows with the answer, never with the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

type Name = tuple[str, str, str]
"""(kind, namespace, name)."""


@dataclass(slots=True)
class Links:
    """Referrers and what each refers to."""

    _targets: dict[Name, frozenset[Name]] = field(default_factory=dict)
    _referrers: dict[Name, set[Name]] = field(default_factory=dict)

    def set(self, referrer: Name, targets: Iterable[Name]) -> None:
        """Replace what an object refers to."""
        fresh, old = frozenset(targets), self._targets.get(referrer, frozenset())
        for target in old - fresh:
            self._referrers[target].discard(referrer)
            if not self._referrers[target]:
                del self._referrers[target]
        for target in fresh - old:
            self._referrers.setdefault(target, set()).add(referrer)
        if fresh:
            self._targets[referrer] = fresh
        else:
            self._targets.pop(referrer, None)

    def targets(self, referrer: Name) -> frozenset[Name]:
        """Return what an object refers to."""
        return self._targets.get(referrer, frozenset())

    def referrers(self, target: Name) -> frozenset[Name]:
        """Return who refers to an object."""
        return frozenset(self._referrers.get(target, ()))
