"""Proof that no request satisfies two rules' conditions. Pure; says False wherever there is no proof.

`Crowd` finds those that a rule may meet without asking each.

Only host, path and method count: a request has one of each. Headers and query parameters may come several times.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.values import Json

_HOST, _PATH, _METHOD = "host-header", "path-pattern", "http-request-method"
_WILDCARDS = re.compile(r"[*?]")


type _Head = tuple[str, bool]
"""How a path begins, and whether more may follow: `("/a/", True)` of `/a/*`, `("/a", False)` of `/a`."""


@dataclass(slots=True)
class _Paths:
    """Places by the heads of the paths that they take; `free`: places that take any path."""

    heads: dict[_Head, list[int]] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)
    _sorted: list[_Head] = field(default_factory=list)

    def add(self, place: int, heads: tuple[_Head, ...] | None) -> None:
        for head in heads or ():
            self.heads.setdefault(head, []).append(place)
        if heads is None:
            self.free.append(place)
        self._sorted = []

    def near(self, heads: tuple[_Head, ...] | None) -> set[int]:
        """Return the places that take a path which one of these may take as well, as far as heads can tell."""
        found = set(self.free)
        if heads is None:
            return found.union(*self.heads.values())
        for head, more in heads:
            shorter = ((head[:length], True) for length in range(len(head) + 1))
            alike = [*shorter, (head, False), *(self._longer(head) if more else ())]
            found.update(*(self.heads[one] for one in alike if one in self.heads))
        return found

    def _longer(self, head: str) -> Iterator[_Head]:
        self._sorted = self._sorted or sorted(self.heads)
        for index in range(bisect_left(self._sorted, (head, False)), len(self._sorted)):
            if not self._sorted[index][0].startswith(head):
                return
            yield self._sorted[index]


@dataclass(slots=True)
class Crowd:
    """Lists of Conditions, by place, sorted by the hosts that they name and by how their paths begin.

    A question costs as much as there are lists with the same host and a path that begins alike, not as there are lists.
    """

    _conditions: Sequence[Json]
    _of_host: dict[str, _Paths] = field(default_factory=dict)
    _of_any_host: _Paths = field(default_factory=_Paths)
    _all: _Paths = field(default_factory=_Paths)

    @classmethod
    def of(cls, conditions: Iterable[Json]) -> Crowd:
        """Return the crowd of these lists; a list's place is its index."""
        crowd = cls(tuple(conditions))
        for place, one in enumerate(crowd._conditions):
            heads = _heads(one)
            crowd._all.add(place, heads)
            hosts = _hosts(one)
            for host in hosts or ():
                crowd._of_host.setdefault(host, _Paths()).add(place, heads)
            if hosts is None:
                crowd._of_any_host.add(place, heads)
        return crowd

    def near(self, one: Json) -> list[int]:
        """Return the places, ascending, of the lists to ask `meets` about; the others are apart."""
        heads, hosts = _heads(one), _hosts(one)
        if hosts is None:
            return sorted(self._all.near(heads))
        here = (self._of_host[host].near(heads) for host in hosts if host in self._of_host)
        return sorted(self._of_any_host.near(heads).union(*here))

    def meets(self, one: Json, place: int) -> bool:
        """Return whether the list at a place may take a request that this one takes as well."""
        return not disjoint(one, self._conditions[place])


def _heads(conditions: Json) -> tuple[_Head, ...] | None:
    """Return the heads of the paths in the first path condition; None if any path may do."""
    values = next(_values(conditions, _PATH), None)
    if values is None:
        return None
    return tuple({(_WILDCARDS.split(value)[0], bool(_WILDCARDS.search(value))) for value in values})


def _hosts(conditions: Json) -> tuple[str, ...] | None:
    """Return the hosts of the first host condition; None if it has wildcards, or if any host may do."""
    values = next(_values(conditions, _HOST), None)
    if values is None or any(_WILDCARDS.search(value) for value in values):
        return None
    return tuple({value.lower() for value in values})


def disjoint(one: Json, other: Json) -> bool:
    """Return whether two canonical lists of Conditions (see `resources`) provably never take the same request."""
    return any(
        _apart(field, first, second)
        for field in (_HOST, _PATH, _METHOD)
        for first in _values(one, field)
        for second in _values(other, field)
    )


def _values(conditions: Json, field: str) -> Iterator[tuple[str, ...]]:
    """Yield the plain values of each condition on a field; a condition with expressions proves nothing."""
    for item in conditions if isinstance(conditions, Sequence) and not isinstance(conditions, str) else ():
        if isinstance(item, Mapping) and item.get("Field") == field:
            values = item.get("Values")
            if isinstance(values, Sequence) and not isinstance(values, str) and not item.get("RegexValues"):
                yield tuple(str(value) for value in values)


def _apart(field: str, first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Return whether no value of one condition and of the other can hold together."""
    if field == _HOST:
        first, second = tuple(map(str.lower, first)), tuple(map(str.lower, second))
    if field == _METHOD:
        return set(first).isdisjoint(second)
    return all(_patterns_apart(a, b) for a in first for b in second)


def _patterns_apart(first: str, second: str) -> bool:
    """Return whether no text satisfies two patterns, `*` standing for any text and `?` for any character."""
    if not _WILDCARDS.search(first):
        return not _pattern_takes(second, first)
    if not _WILDCARDS.search(second):
        return not _pattern_takes(first, second)
    heads = _WILDCARDS.split(first)[0], _WILDCARDS.split(second)[0]
    tails = _WILDCARDS.split(first)[-1], _WILDCARDS.split(second)[-1]
    prefixes = heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
    suffixes = tails[0].endswith(tails[1]) or tails[1].endswith(tails[0])
    return not (prefixes and suffixes)


def _pattern_takes(pattern: str, text: str) -> bool:
    expression = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None
