"""Proof that no request satisfies two rules' conditions. Pure; says False wherever there is no proof.

Only host, path and method count: a request has one of each. Headers and query parameters may come several times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from reconciler.ir import Json

_HOST, _PATH, _METHOD = "host-header", "path-pattern", "http-request-method"
_WILDCARDS = re.compile(r"[*?]")


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
