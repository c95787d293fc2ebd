"""Entries of a frontend become few rules that answer as the entries would, first match first.

Two drafts merge only with a proof: equal answers, conditions that differ in one dimension only, the union within the
limits, and nothing in between that could take a moved request and answers it otherwise. No proof, no merge.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from providers.aws.conditions import Conditions, Kind, Path, cost, takes_port, unwritable, write
from providers.aws.config import Quotas
from reconciler.gatewayapi.hostnames import overlap

WINDOW = 64
"""How far a draft may move; bounds the work to n times this."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule in the making. `answer` is the digest of action and transforms, `entries` the ids that it carries."""

    conditions: Conditions
    answer: str
    entries: tuple[str, ...]


def pack(drafts: Sequence[Draft], quotas: Quotas) -> list[Draft]:
    """Return the rules, in order. Each draft alone has to be within the limits already."""
    packed: list[Draft] = []
    places: dict[Hashable, list[int]] = {}
    for draft in drafts:
        candidates = places.setdefault(place(draft), [])
        near = takewhile(lambda at: len(packed) - at <= WINDOW, reversed(candidates))
        at, union = next(_merges(packed, near, draft, quotas), (len(packed), None))
        if union is None:
            candidates.append(at)
            packed.append(draft)
        else:
            packed[at] = union
    return packed


def place(draft: Draft) -> Hashable:
    """Return what two drafts have to have in common to be merged."""
    return draft.answer, draft.conditions.headers, draft.conditions.query


def _merges(
    packed: Sequence[Draft], places: Iterable[int], draft: Draft, quotas: Quotas
) -> Iterator[tuple[int, Draft]]:
    """Yield the places of rules that may take a draft in, with what they become."""
    for at in places:
        union = merged(packed[at], draft, quotas)
        if union is not None and _may_move(draft, packed[at + 1 :]):
            yield at, union


def _may_move(draft: Draft, between: Sequence[Draft]) -> bool:
    return all(one.answer == draft.answer or disjoint(one.conditions, draft.conditions) for one in between)


def merged(one: Draft, other: Draft, quotas: Quotas) -> Draft | None:
    """Return the union of two drafts with equal answers, headers and query; None if it would mean something else."""
    a, b = one.conditions, other.conditions
    differing = [name for name in ("hosts", "paths", "methods") if getattr(a, name) != getattr(b, name)]
    if len(differing) > 1:
        return None
    conditions = a
    if differing:
        first, second = getattr(a, differing[0]), getattr(b, differing[0])
        if not first or not second:  # empty means any, which is no value to add
            return None
        conditions = replace(a, **{differing[0]: tuple(sorted({*first, *second}))})
    if len({takes_port(host) for host in conditions.hosts}) > 1 or fits(conditions, quotas):
        return None  # written together, hosts are compared alike: a long one would cost the others their ports
    return Draft(conditions, one.answer, one.entries + other.entries)


def fits(conditions: Conditions, quotas: Quotas) -> str:
    """Return why AWS refuses a rule with these conditions, as they are written; "" if it takes them."""
    written = write(conditions, quotas.values, alternation=quotas.alternation)
    needed = cost(written)
    if needed.values > quotas.values:
        return f"needs {needed.values} conditions, a rule of an ALB has {quotas.values}"
    if needed.wildcards > quotas.wildcards:
        return f"needs {needed.wildcards} wildcards, a rule of an ALB has {quotas.wildcards}"
    return unwritable(written)


def disjoint(one: Conditions, other: Conditions) -> bool:
    """Return whether it is proven that no request satisfies both: by hosts, methods or paths."""
    return (
        _all_apart(one.hosts, other.hosts, lambda a, b: overlap(a, b) is None)
        or _all_apart(one.methods, other.methods, lambda a, b: a != b)
        or _all_apart(one.paths, other.paths, _paths_apart)
    )


def _all_apart[T](one: Sequence[T], other: Sequence[T], apart: Callable[[T, T], bool]) -> bool:
    """Return whether every pair is apart; an empty side means any value, so it never is."""
    return bool(one and other) and all(apart(a, b) for a in one for b in other)


def _paths_apart(a: Path, b: Path) -> bool:
    if Kind.REGEX in (a.kind, b.kind):
        return False
    if a.kind is Kind.EXACT and b.kind is Kind.EXACT:
        return a.value != b.value
    if a.kind is Kind.EXACT:
        return not _takes(b, a.value)
    if b.kind is Kind.EXACT:
        return not _takes(a, b.value)
    return not (_below(a.value, b.value) or _below(b.value, a.value))


def _takes(path: Path, value: str) -> bool:
    return value.startswith(path.value + "/") or (path.kind is Kind.PREFIX and value == path.value)


def _below(broad: str, narrow: str) -> bool:
    return narrow == broad or narrow.startswith(broad + "/")
