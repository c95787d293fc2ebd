"""The rules of one listener: which are kept, and the order of calls in which no request is ever answered wrongly.

Create from the top, then modify, then delete from the bottom. At each moment a new rule has all wanted rules before it,
and an old one all old rules before it, so that every request meets its new answer or its old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from providers.aws import calls
from providers.aws.overlap import disjoint
from providers.aws.priorities import HIGHEST, LOWEST, Layout, NoRoomError, longest_kept, place, spread
from providers.aws.resources import RULE, order_key, scope_of
from providers.aws.steps import creation, deletion, setting, update
from reconciler.errors import Misconfigured
from reconciler.ir import Json
from reconciler.plan import Change, Op, Resource, ResourceKey, canonical

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
    built = _Build(draft, dict(layout.added), list(draft.leaving), draft.limits.room)
    steps = (*_respacing(port, draft, layout, got), *built.steps())
    return RuleSteps(steps, tuple(_modifications(draft)), tuple(_deletions(built.leaving)))


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


def _deletions(leaving: list[_Rule]) -> Iterator[Change]:
    return (deletion(calls.DELETE_RULE, rule.got) for rule in reversed(leaving))


def _settings(want: Resource, got: Resource) -> tuple[str, ...]:
    """Return which settings of a rule differ; absent means empty."""
    return tuple(name for name in _SET if canonical(want.spec.get(name, [])) != canonical(got.spec.get(name, [])))


@dataclass(slots=True)
class _Build:
    """Step by step from the top: the new rules come, and where the quota is full, leaving rules make room.

    Attributes:
        draft: the listener.
        numbers: of the new rules.
        leaving: rules that are still there.
        room: how many rules can still be created.
    """

    draft: _Draft
    numbers: dict[str, int]
    leaving: list[_Rule]
    room: int

    def steps(self) -> Iterator[Change]:
        """Yield a step for each new rule, and the deletions that had to come before it."""
        for index, rule in enumerate(self.draft.wanted):
            if rule.key.name not in self.draft.kept:
                yield from self._make(index, rule)

    def _make(self, index: int, rule: Resource) -> Iterator[Change]:
        if self.room <= 0 and (old := self._turning(index)) is not None:
            yield self._turn(index, old)
            return
        if self.room <= 0 and (old := next((r for r in reversed(self.leaving) if self._free(r, index)), None)):
            self.leaving.remove(old)
            self.room += 1
            why = f"nothing wants {old.got.key} any more, and the quota of rules leaves no room for {rule.key}"
            yield deletion(calls.DELETE_RULE, old.got, why)
        self.room -= 1
        spec = {**rule.spec, "Priority": self.numbers[rule.key.name]}
        yield creation(calls.CREATE_RULE, replace(rule, spec=spec))

    def _pending(self, index: int) -> Iterator[Resource]:
        return (rule for rule in self.draft.wanted[index:] if rule.key.name not in self.draft.kept)

    def _free(self, old: _Rule, index: int) -> bool:
        """Return whether a rule can go before the wanted rules from `index` on are there.

        Whatever it takes, no old rule below it, no rule still to come and no rule still to change may take as well.
        """
        below = (rule.got for rule in self.leaving if rule.number > old.number)
        others = (*below, *self._pending(index), *self.draft.changing)
        return not self.draft.limits.default_changes and all(_apart(old.got, other) for other in others)

    def _turning(self, index: int) -> _Rule | None:
        """Return a leaving rule that may turn into the wanted one where it stands."""
        above, below = self._number(index - 1), self._next_kept(index)
        for old in self.leaving:
            if above < old.number < below and self._free(old, index + 1) and self._renumbered(index, old) is not None:
                return old
        return None

    def _turn(self, index: int, old: _Rule) -> Change:
        self.numbers.update(self._renumbered(index, old) or {})
        self.leaving.remove(old)
        rule = self.draft.wanted[index]
        spec = {"Conditions": rule.spec["Conditions"], **{name: rule.spec.get(name, []) for name in _SET}}
        step = setting(calls.MODIFY_RULE, replace(rule, spec=spec), old.got, spec)
        why = f"the quota of rules is full: {old.got.key}, which nothing wants any more, turns into {rule.key}"
        return replace(step, why=why)

    def _renumbered(self, index: int, old: _Rule) -> dict[str, int] | None:
        """Return numbers for the run of new rules that starts with the one that takes over `old`'s; None if none."""
        run: list[str] = []
        for rule in self.draft.wanted[index:]:
            if rule.key.name in self.draft.kept:
                break
            run.append(rule.key.name)
        held = {*self.draft.taken, *(rule.number for rule in self.leaving)}
        numbers = spread(len(run) - 1, old.number, self._next_kept(index), held)
        return None if numbers is None else dict(zip(run, (old.number, *numbers), strict=True))

    def _number(self, index: int) -> int:
        if index < 0:
            return LOWEST - 1
        name = self.draft.wanted[index].key.name
        return self.draft.kept[name].number if name in self.draft.kept else self.numbers[name]

    def _next_kept(self, index: int) -> int:
        names = (rule.key.name for rule in self.draft.wanted[index:])
        return next((self.draft.kept[name].number for name in names if name in self.draft.kept), HIGHEST + 1)


def _apart(one: Resource, other: Resource) -> bool:
    return disjoint(one.spec.get("Conditions"), other.spec.get("Conditions"))


def _list(resource: Resource | None, name: str) -> list[Json]:
    value = resource.spec.get(name) if resource else None
    return list(value) if isinstance(value, (list, tuple)) else []


def _numbers(resource: Resource | None, name: str) -> list[int]:
    return [number for number in _list(resource, name) if isinstance(number, int)]
