"""Who gets the rules and target groups of a load balancer: at a quota the oldest Routes stay, whole or not at all.

Admission is by age, never by match precedence, so that no team's new Route evicts another's live one (Law 11). What a
Route costs is what it adds to those older than it: a newcomer that forces an older Route's rule apart pays for the
parts, and a Route that is refused shadows nobody. So no decision ever depends on a younger Route.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from providers.aws.config import Quotas
from providers.aws.packing import Draft, merged, pack, place
from reconciler.capabilities import Rejection
from reconciler.ir import Origin
from reconciler.keys import RouteKey

type Age = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A draft with whose it is (None: a fence, the listener's own) and what it costs.

    Attributes:
        match: what it answers; an equal one before it leaves it nothing.
        groups: names of the target groups that it needs.
    """

    draft: Draft
    origin: Origin | None
    match: Hashable
    groups: frozenset[str]

    @property
    def entry(self) -> str:
        """The id of the entry that it was drafted from."""
        return self.draft.entries[0]


@dataclass(slots=True)
class Usage:
    """What a set of Routes takes.

    Attributes:
        packed: rules, a list for each frontend.
        taken: what the Routes' entries match, a set for each frontend.
        rules: number of rules by namespace; "" for fences.
        groups: names of target groups.
        shadowed: entries that no request reaches.
    """

    packed: list[list[Draft]] = field(default_factory=list)
    taken: list[set[Hashable]] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)
    groups: set[str] = field(default_factory=set)
    shadowed: list[str] = field(default_factory=list)

    def short(self, more: Usage, limits: Limits) -> str:
        """Return which limit `more` exceeds, and by how much it grew beyond this usage; "" if none."""
        for what, limit, count in limits.of(more):
            used = count(self)
            if count(more) > limit:
                return f"{what}: needs {count(more) - used}, {limit - used} left of {limit}; older Routes keep theirs"
        return ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Quotas of the load balancer, and the bound on one namespace's rules (0: none)."""

    quotas: Quotas
    per_namespace: int

    def of(self, usage: Usage) -> Iterator[tuple[str, int, Callable[[Usage], int]]]:
        """Yield (what, limit, how to count it) of each limit that concerns a usage."""
        yield "rules of the load balancer", self.quotas.rules, lambda one: one.rules.total()
        yield "target groups of the load balancer", self.quotas.target_groups, lambda one: len(one.groups)
        for name in sorted(usage.rules) if self.per_namespace else ():
            if name:
                yield f"rules of namespace {name}", self.per_namespace, partial(_rules_of, name)


def _rules_of(namespace: str, usage: Usage) -> int:
    return usage.rules[namespace]


def admit(frontends: Sequence[Sequence[Claim]], limits: Limits) -> tuple[Usage, tuple[Rejection, ...]]:
    """Return what the Routes that fit take, and a rejection for each that does not; the oldest is asked first."""
    desk = _Desk.of(frontends, limits)
    queue = list(desk.by_route)
    kept: list[RouteKey] = []
    usage = desk.use(kept)
    found: list[Rejection] = []
    while queue:
        short = usage.short(desk.at_least(usage, queue[0]), limits)
        if not short:
            count, usage, short = desk.admit_first(queue, kept, usage)
            kept, queue = [*kept, *queue[:count]], queue[count:]
        if short:
            found.append(Rejection(str(queue[0]), "UnsupportedValue", short, queue[0]))
            queue = queue[1:]
    return usage, tuple(found)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the Routes ask: what is claimed on each frontend, the same by Route (the oldest first), and the limits."""

    frontends: Sequence[Sequence[Claim]]
    by_route: Mapping[RouteKey, Sequence[Sequence[Claim]]]
    limits: Limits

    @classmethod
    def of(cls, frontends: Sequence[Sequence[Claim]], limits: Limits) -> Self:
        ages: dict[RouteKey, Age] = {}
        claimed: dict[RouteKey, list[list[Claim]]] = {}
        for number, claims in enumerate(frontends):
            for claim in claims:
                if claim.origin is not None:
                    ages[claim.origin.route] = claim.origin.age
                    claimed.setdefault(claim.origin.route, [[] for _ in frontends])[number].append(claim)
        return cls(frontends, {route: claimed[route] for route in sorted(ages, key=lambda one: ages[one])}, limits)

    def use(self, routes: Iterable[RouteKey]) -> Usage:
        """Return what these Routes take together."""
        usage, kept = Usage(), set(routes)
        for claims in self.frontends:
            live = _live((one for one in claims if one.origin is None or one.origin.route in kept), usage.shadowed)
            packed = pack([one.draft for one in live], self.limits.quotas)
            usage.packed.append(packed)
            usage.taken.append({one.match for one in live if one.origin is not None})
            usage.rules.update(_owners(packed, live))
            usage.groups |= {name for one in live for name in one.groups}
        return usage

    def admit_first(self, queue: Sequence[RouteKey], kept: Sequence[RouteKey], usage: Usage) -> tuple[int, Usage, str]:
        """Return how many of the oldest fit beside those kept, what all take then, and why the next one does not fit.

        Found by halving: usually all fit, and one look says so.
        """
        low, high, most = 0, len(queue), self.use([*kept, *queue])
        short = usage.short(most, self.limits)
        if not short:
            return high, most, ""
        while high - low > 1:
            middle = (low + high) // 2
            tried = self.use([*kept, *queue[:middle]])
            if usage.short(tried, self.limits):
                high, most = middle, tried
            else:
                low, usage = middle, tried
        return low, usage, usage.short(most, self.limits)

    def at_least(self, usage: Usage, route: RouteKey) -> Usage:
        """Return a cheap estimate of the usage with one more, younger Route, in the rules that there are.

        Behind a quota that is used up stand any number of Routes; packing all rules anew for each would take minutes.
        """
        rules, groups = Counter(usage.rules), set(usage.groups)
        for claims, packed, taken in zip(self.by_route[route], usage.packed, usage.taken, strict=True):
            mine = [one for one in _live(claims, []) if one.match not in taken]
            groups |= {name for one in mine for name in one.groups}
            rules[route.namespace] += len(pack(_homeless(mine, packed, self.limits.quotas), self.limits.quotas))
        return Usage(usage.packed, usage.taken, rules, groups)


def _live(claims: Iterable[Claim], shadowed: list[str]) -> list[Claim]:
    """Return the claims that some request reaches; add the entries of the others to `shadowed`."""
    first: dict[Hashable, str] = {}
    live: list[Claim] = []
    for one in claims:
        if first.setdefault(one.match, one.entry) == one.entry:
            live.append(one)
        else:
            shadowed.append(one.entry)
    return live


def _owners(packed: Iterable[Draft], live: Iterable[Claim]) -> Iterator[str]:
    """Yield the namespace that each rule counts for: its oldest Route's, "" for a fence."""
    origins: Mapping[str, Origin | None] = {one.entry: one.origin for one in live}
    for draft in packed:
        known = [origin for name in draft.entries if (origin := origins[name]) is not None]
        yield min(known, key=lambda origin: origin.age).route.namespace if known else ""


def _homeless(claims: Iterable[Claim], packed: Iterable[Draft], quotas: Quotas) -> list[Draft]:
    """Return the drafts that no rule could take in."""
    rules: dict[Hashable, list[Draft]] = {}
    for draft in packed:
        rules.setdefault(place(draft), []).append(draft)
    drafts = [one.draft for one in claims]
    return [
        draft for draft in drafts if all(merged(rule, draft, quotas) is None for rule in rules.get(place(draft), ()))
    ]
