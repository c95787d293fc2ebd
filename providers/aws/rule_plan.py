"""The rules of one listener: which are kept, and the order of calls in which no request is ever answered wrongly.

Create from the top, then modify, then delete from the bottom. At each moment a new rule has all wanted rules before it,
and an old one all old rules before it, so that every request meets its new answer or its old one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from providers.aws import calls
from providers.aws.blockers import Blockers
from providers.aws.priorities import HIGHEST, LOWEST, Layout, NoRoomError, longest_kept, place, spread
from providers.aws.resources import RULE, order_key, scope_of
from providers.aws.steps import creation, deletion, setting, update
from reconciler.errors import Misconfigured
from reconciler.plan import Change, Op, Resource, ResourceKey, canonical
from reconciler.values import Json

type Resources = Mapping[ResourceKey, Resource]

_SET = ("Actions", "Transforms")
"""What one ModifyRule sets of a rule that stays the same rule."""


@dataclass(frozen=True, slots=True)
class RuleSteps:
    """The steps of one listener, in this order; a change of its default action belongs before `delete`."""

    build: tuple[Change, ...] = ()
    modify: tuple[Change, ...] = ()
    delete: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Quota:
    """How many more rules the load balancer takes, and whether the listener's default action is about to change."""

    room: int = HIGHEST
    default_changes: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of ours that is there. `name` is the observed one, `digest` without the mark of a repetition."""

    name: str
    number: int
    got: Resource

    @property
    def digest(self) -> str:
        return self.name.partition("~")[0]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A listener's rules sorted out.

    Attributes:
        wanted: the wanted rules, highest precedence first.
        kept: rules that stay, by name (which is their digest).
        leaving: rules to delete, highest precedence first.
        taken: numbers of rules of others.
        limits: see `Quota`.
    """

    wanted: tuple[Resource, ...]
    kept: Mapping[str, _Rule]
    leaving: tuple[_Rule, ...]
    taken: frozenset[int]
    limits: Quota = field(default_factory=Quota)

    @property
    def changing(self) -> tuple[Resource, ...]:
        """The kept rules whose answer is to change, as wanted."""
        kept = (rule for rule in self.wanted if rule.key.name in self.kept)
        return tuple(rule for rule in kept if _settings(rule, self.kept[rule.key.name].got))


def rule_steps(port: int, want: Resources, got: Resources, quota: Quota | None = None) -> RuleSteps:
    """Return the calls that bring a listener's rules into the wanted form and order.

    Raises Misconfigured if rules of others leave no free number.
    """
    draft = _draft(port, want, got, quota or Quota())
    try:
        layout = _layout(draft)
    except NoRoomError as error:
        raise Misconfigured(f"listener {port}: {error}; delete rules that others added to the listener") from error
    draft = _moved(draft, layout)
    built = _Build(draft, dict(layout.added), {rule.name: rule for rule in draft.leaving}, draft.limits.room)
    steps = (*_respacing(port, draft, layout, got), *built.steps())
    return RuleSteps(steps, tuple(_modifications(draft)), tuple(_deletions(built.leaving.values())))


def observed_rules(port: int, got: Resources) -> int:
    """Return how many rules a listener has, those of others included."""
    order = got.get(order_key(port))
    return len(_list(order, "Rules")) + len(_list(order, "Taken"))


def _draft(port: int, want: Resources, got: Resources, quota: Quota) -> _Draft:
    names = [str(name) for name in _list(want.get(order_key(port)), "Rules")]
    wanted = tuple(want[ResourceKey(RULE, scope_of(port), name)] for name in names)
    order = got.get(order_key(port))
    current = list(_observed(port, order, got))
    ours = [rule for rule in current if rule.got.owned]
    staying = set(longest_kept([rule.digest for rule in ours], names))
    foreign = [rule.number for rule in current if not rule.got.owned]
    return _Draft(
        wanted=wanted,
        kept={rule.digest: rule for index, rule in enumerate(ours) if index in staying},
        leaving=tuple(rule for index, rule in enumerate(ours) if index not in staying),
        taken=frozenset([*_numbers(order, "Taken"), *foreign]),
        limits=quota,
    )


def _observed(port: int, order: Resource | None, got: Resources) -> Iterator[_Rule]:
    for name, number in zip(_list(order, "Rules"), _numbers(order, "Priorities"), strict=True):
        yield _Rule(str(name), number, got[ResourceKey(RULE, scope_of(port), str(name))])


def _layout(draft: _Draft) -> Layout:
    """Number the new rules. Names of leaving rules are set apart: a rule that moves is both new and leaving."""
    kept = {rule.digest: rule.number for rule in draft.kept.values()}
    leaving = {f"-{rule.name}": rule.number for rule in draft.leaving}
    return place([rule.key.name for rule in draft.wanted], kept, leaving, draft.taken)


def _moved(draft: _Draft, layout: Layout) -> _Draft:
    """Give the rules that are there the numbers they will have when the first new one is made."""
    kept = {name: replace(rule, number=layout.moved.get(name, rule.number)) for name, rule in draft.kept.items()}
    leaving = (replace(rule, number=layout.moved.get(f"-{rule.name}", rule.number)) for rule in draft.leaving)
    return replace(draft, kept=kept, leaving=tuple(leaving))


def _respacing(port: int, draft: _Draft, layout: Layout, got: Resources) -> Iterator[Change]:
    if not layout.moved:
        return
    moved: dict[str, Json] = {
        name[1:] if name.startswith("-") else draft.kept[name].name: number for name, number in layout.moved.items()
    }
    key = order_key(port)
    why = f"{len(moved)} rules of listener {port} give way, in their order: there is no free number where a rule is new"
    yield Change(
        Op.UPDATE, key, Resource(key, {"Priorities": moved}), got.get(key), why, call=calls.SET_RULE_PRIORITIES
    )


def _modifications(draft: _Draft) -> Iterator[Change]:
    for rule in draft.changing:
        got = draft.kept[rule.key.name].got
        spec = {name: rule.spec.get(name, []) for name in _SET}
        yield update(calls.MODIFY_RULE, replace(rule, spec=spec), got, _settings(rule, got))


def _deletions(leaving: Collection[_Rule]) -> Iterator[Change]:
    return (deletion(calls.DELETE_RULE, rule.got) for rule in reversed(tuple(leaving)))


def _settings(want: Resource, got: Resource) -> tuple[str, ...]:
    """Return which settings of a rule differ; absent means empty."""
    return tuple(name for name in _SET if canonical(want.spec.get(name, [])) != canonical(got.spec.get(name, [])))


@dataclass(slots=True)
class _Build:
    """Step by step from the top: the new rules come, and where the quota is full, leaving rules make room.

    Attributes:
        draft: the listener.
        numbers: of the new rules.
        leaving: rules that are still there, by name, highest precedence first.
        room: how many rules can still be created.
        stale: a leaving rule turned into a new one: the numbers of the run of new rules after it are to be given anew.
    """

    draft: _Draft
    numbers: dict[str, int]
    leaving: dict[str, _Rule]
    room: int
    stale: bool = False
    _blockers: Blockers | None = None
    _held: list[int] = field(default_factory=list)

    def steps(self) -> Iterator[Change]:
        """Yield a step for each new rule, and the deletions that had to come before it."""
        below = _kept_below(self.draft)
        for index, rule in enumerate(self.draft.wanted):
            if rule.key.name in self.draft.kept:
                self.stale = False
            else:
                yield from self._make(_Spot(index, self._number(index - 1), *below[index]), rule)

    def _make(self, spot: _Spot, rule: Resource) -> Iterator[Change]:
        if self.room <= 0 and (old := self._turning(spot)) is not None:
            yield self._turn(rule, old)
            return
        if self.room <= 0 and (
            old := next((r for r in reversed(self.leaving.values()) if self._free(r, spot.index)), None)
        ):
            self._remove(old)
            self.room += 1
            why = f"nothing wants {old.got.key} any more, and the quota of rules leaves no room for {rule.key}"
            yield deletion(calls.DELETE_RULE, old.got, why)
        self.room -= 1
        self._renumber(spot)
        spec = {**rule.spec, "Priority": self.numbers[rule.key.name]}
        yield creation(calls.CREATE_RULE, replace(rule, spec=spec))

    def _free(self, old: _Rule, index: int) -> bool:
        """Return whether a rule can go before the wanted rules from `index` on are there.

        Whatever it takes, no old rule below it, no rule still to come and no rule still to change may take as well.
        """
        if self.draft.limits.default_changes:
            return False
        if self._blockers is None:
            self._blockers = _blockers(self.draft)
        return self._blockers.free(old.name, index, self.leaving)

    def _turning(self, spot: _Spot) -> _Rule | None:
        """Return a leaving rule that may turn into the wanted one where it stands."""
        for old in self.leaving.values():
            if spot.above < old.number < spot.below and self._free(old, spot.index + 1) and self._fits(spot, old):
                return old
        return None

    def _turn(self, rule: Resource, old: _Rule) -> Change:
        self.numbers[rule.key.name], self.stale = old.number, True
        self._remove(old)
        spec = {"Conditions": rule.spec["Conditions"], **{name: rule.spec.get(name, []) for name in _SET}}
        step = setting(calls.MODIFY_RULE, replace(rule, spec=spec), old.got, spec)
        why = f"the quota of rules is full: {old.got.key}, which nothing wants any more, turns into {rule.key}"
        return replace(step, why=why)

    def _fits(self, spot: _Spot, old: _Rule) -> bool:
        """Return whether the rest of the run of new rules finds numbers below those of a rule that is turned."""
        return spot.below - old.number - 1 - len(self._between(old.number, spot.below)) >= spot.run - 1

    def _renumber(self, spot: _Spot) -> None:
        """Give the run of new rules that starts here numbers below the rule that was turned above it."""
        if not self.stale:
            return
        run = self.draft.wanted[spot.index : spot.index + spot.run]
        numbers = spread(spot.run, spot.above, spot.below, self._between(spot.above, spot.below)) or ()
        self.numbers.update(zip((rule.key.name for rule in run), numbers, strict=True))
        self.stale = False

    def _between(self, above: int, below: int) -> list[int]:
        """Return the numbers between two others that leaving rules and rules of others hold."""
        if not self._held:
            self._held = sorted({*self.draft.taken, *(rule.number for rule in self.leaving.values())})
        return self._held[bisect_right(self._held, above) : bisect_left(self._held, below)]

    def _remove(self, old: _Rule) -> None:
        del self.leaving[old.name]
        if self._held:
            self._held.remove(old.number)

    def _number(self, index: int) -> int:
        if index < 0:
            return LOWEST - 1
        name = self.draft.wanted[index].key.name
        return self.draft.kept[name].number if name in self.draft.kept else self.numbers[name]


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a new rule comes: its index, the numbers around it, and how many new ones come in a row from here."""

    index: int
    above: int
    below: int
    run: int


def _kept_below(draft: _Draft) -> list[tuple[int, int]]:
    """Return for each wanted rule the number of the next kept one, and how many new ones come before that."""
    found: list[tuple[int, int]] = []
    below, run = HIGHEST + 1, 0
    for rule in reversed(draft.wanted):
        kept = draft.kept.get(rule.key.name)
        below, run = (kept.number, 0) if kept else (below, run + 1)
        found.append((below, run))
    found.reverse()
    return found


def _blockers(draft: _Draft) -> Blockers:
    return Blockers.of(
        [(rule.name, rule.got.spec.get("Conditions")) for rule in draft.leaving],
        [None if rule.key.name in draft.kept else rule.spec.get("Conditions", []) for rule in draft.wanted],
        [rule.spec.get("Conditions") for rule in draft.changing],
    )


def _list(resource: Resource | None, name: str) -> list[Json]:
    value = resource.spec.get(name) if resource else None
    return list(value) if isinstance(value, (list, tuple)) else []


def _numbers(resource: Resource | None, name: str) -> list[int]:
    return [number for number in _list(resource, name) if isinstance(number, int)]
