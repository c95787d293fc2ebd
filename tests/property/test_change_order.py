"""The traffic law on a listener: each request is answered as before or as wanted, after every single call."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from providers.aws.priorities import first_layout
from reconciler.plan import Change, Op
from reconciler.values import Json
from tests.listener_model import Model, Rule, rendered

HOSTS = ("", "*.x.org", "a.x.org", "b.x.org", "c.org")
PREFIXES = ("/", "/a", "/a/b", "/c")
REQUESTS = tuple(itertools.product(("a.x.org", "b.x.org", "z.x.org", "c.org", "d.net"), ("/", "/a", "/a/b", "/c/d")))
POOLS = ("red", "green", "blue")
type Answers = dict[tuple[str, str], Json]


@st.composite
def rules(draw: st.DrawFn, hosts: Sequence[str] = HOSTS) -> list[Rule]:
    """Any rules in any order, their conditions distinct."""
    places = draw(st.lists(st.sampled_from(list(itertools.product(hosts, PREFIXES))), unique=True, max_size=9))
    return [(host, prefix, draw(st.sampled_from(POOLS))) for host, prefix in places]


@st.composite
def changed(draw: st.DrawFn, old: Sequence[Rule]) -> list[Rule]:
    """An edit of some rules: some leave, some come, some point elsewhere, and at times the order is another."""
    extra = [rule for rule in draw(rules()) if rule[:2] not in {other[:2] for other in old}]
    stay = [rule for rule in old if draw(st.integers(0, 3))]
    turned = [(host, prefix, draw(st.sampled_from((pool, *POOLS)))) for host, prefix, pool in stay]
    for rule in extra:
        turned.insert(draw(st.integers(0, len(turned))), rule)
    return draw(st.permutations(turned)) if draw(st.booleans()) else turned


@st.composite
def edits(draw: st.DrawFn) -> tuple[Model, list[Rule]]:
    """A listener with loose, tight or random numbers, some held by others, and what it shall become."""
    old = draw(rules())
    taken = draw(st.lists(st.integers(1, 40), unique=True, max_size=6))
    free = [number for number in range(1, 60) if number not in taken]
    layouts = (list(first_layout(len(old), taken)), free[: len(old)], sorted(draw(st.permutations(free))[: len(old)]))
    return Model.of(old, draw(st.sampled_from(layouts)), taken), draw(changed(old))


def _answers(model: Model) -> Answers:
    return {request: model.answer(*request) for request in REQUESTS}


def _wanted(new: Sequence[Rule]) -> Answers:
    return _answers(Model.of(new, first_layout(len(new))))


def _misrouted(model: Model, new: Sequence[Rule], changes: Iterable[Change]) -> list[tuple[str, str]]:
    """Apply changes one by one; return requests that were meanwhile answered neither as before nor as wanted."""
    before, after = _answers(model), _wanted(new)
    wrong: list[tuple[str, str]] = []
    for change in changes:
        for _ in model.apply(change):
            now = _answers(model)
            wrong += [request for request in REQUESTS if now[request] not in (before[request], after[request])]
    return wrong


@given(edits())
def test_after_every_call_each_request_is_answered_as_before_or_as_wanted(edit: tuple[Model, list[Rule]]) -> None:
    """Law 5, with SetRulePriorities taken pair by pair."""
    model, new = edit

    assert [] == _misrouted(model, new, model.plan(rendered(new)).changes)


@given(edits())
def test_a_plan_leads_to_what_is_wanted_and_then_there_is_nothing_to_do(edit: tuple[Model, list[Rule]]) -> None:
    """All requests get their new answer; rules and order are the wanted ones."""
    model, new = edit
    _misrouted(model, new, model.plan(rendered(new)).changes)

    assert (_wanted(new), ()) == (_answers(model), model.plan(rendered(new)).changes)


@given(edits(), st.data())
def test_a_plan_cut_anywhere_is_completed_by_the_next(edit: tuple[Model, list[Rule]], data: st.DataObject) -> None:
    """Law 4: also with a rule there twice, in its old and in its new place."""
    model, new = edit
    steps = model.plan(rendered(new)).changes
    _misrouted(model, new, steps[: data.draw(st.integers(0, len(steps)))])

    assert [] == _misrouted(model, new, model.plan(rendered(new)).changes)
    assert (_wanted(new), ()) == (_answers(model), model.plan(rendered(new)).changes)


@given(edits())
def test_numbers_are_set_at_most_once(edit: tuple[Model, list[Rule]]) -> None:
    """And before any rule is made."""
    calls = [change.call for change in edit[0].plan(rendered(edit[1])).changes]

    assert "SetRulePriorities" not in calls[1:]


@given(edits())
def test_rules_are_deleted_only_if_unwanted_or_moved(edit: tuple[Model, list[Rule]]) -> None:
    """Insertions alone delete nothing."""
    model, extra = edit
    old = [_rule(spec) for _, spec in model.in_order]
    new = list(old)
    for index, rule in enumerate(rule for rule in extra if rule[:2] not in {other[:2] for other in old}):
        new.insert(index * 2, rule)
    changes = model.plan(rendered(new)).changes

    assert len(new) - len(old) == sum(change.op is Op.CREATE for change in changes)
    assert set() == {change.call for change in changes} - {"CreateRule", "SetRulePriorities"}


@given(edits(), st.integers(0, 3))
def test_no_full_quota_misroutes(edit: tuple[Model, list[Rule]], spare: int) -> None:
    """Rules that turn into others, or leave early, take no request from its answer."""
    model, new = edit

    assert [] == _misrouted(model, new, model.plan(rendered(new, len(model.rules) + len(model.taken) + spare)).changes)


@given(rules(hosts=("a.x.org",)), rules(hosts=("b.x.org",)))
def test_rules_that_never_meet_replace_each_other_within_the_quota(left: list[Rule], right: list[Rule]) -> None:
    """Rules of one host give way to as many of another host, none too many at any moment."""
    count = min(len(left), len(right))
    old = [(host, f"/{index}", pool) for index, (host, _, pool) in enumerate(left[:count])]
    new = [(host, f"/{index}", pool) for index, (host, _, pool) in enumerate(right[:count])]
    assume(count)
    model = Model.of(old, first_layout(count))
    most = 0
    for change in model.plan(rendered(new, quota=count)).changes:
        list(model.apply(change))
        most = max(most, len(model.rules))

    assert (count, _wanted(new)) == (most, _answers(model))


def test_a_rule_on_top_of_a_hundred_is_one_call() -> None:
    """The budget of design: nothing is renumbered."""
    old = [(f"h{index}.org", "/", "red") for index in range(100)]
    model = Model.of(old, first_layout(100))
    changes = model.plan(rendered([("new.org", "/", "red"), *old], quota=200)).changes

    assert ["CreateRule"] == [change.call for change in changes]


# --- wrong orders: each is seen to misroute, so that the tests above can fail -------------------------------------


def _steps(old: Sequence[Rule], new: Sequence[Rule]) -> tuple[Model, dict[str, list[Change]]]:
    model = Model.of(old, first_layout(len(old)))
    steps: dict[str, list[Change]] = {"CreateRule": [], "ModifyRule": [], "DeleteRule": []}
    for change in model.plan(rendered(new)).changes:
        steps[change.call].append(change)
    return model, steps


def test_creating_from_the_bottom_misroutes() -> None:
    """The broad new rule takes what the narrow one shall have, while the old one is still below."""
    new: list[Rule] = [("a.x.org", "/a", "green"), ("a.x.org", "/", "blue"), ("", "/", "red")]
    model, steps = _steps([("", "/", "red")], new)

    assert [] != _misrouted(model, new, reversed(steps["CreateRule"]))


def test_modifying_before_creating_misroutes() -> None:
    """The kept rule's new answer reaches requests that a new rule above shall take."""
    new: list[Rule] = [("a.x.org", "/a", "green"), ("a.x.org", "/", "blue")]
    model, steps = _steps([("a.x.org", "/", "red")], new)

    assert [] != _misrouted(model, new, (*steps["ModifyRule"], *steps["CreateRule"]))


def test_deleting_from_the_top_misroutes() -> None:
    """Without the narrow old rule its requests fall to the broad old one."""
    new: list[Rule] = [("", "/", "blue")]
    model, steps = _steps([("a.x.org", "/a", "green"), ("a.x.org", "/", "red"), ("", "/", "blue")], new)

    assert [] != _misrouted(model, new, reversed(steps["DeleteRule"]))


def test_deleting_before_creating_misroutes() -> None:
    """In between nobody answers."""
    new: list[Rule] = [("a.x.org", "/", "green")]
    model, steps = _steps([("*.x.org", "/", "red")], new)

    assert [] != _misrouted(model, new, (*steps["DeleteRule"], *steps["CreateRule"]))


def _rule(spec: object) -> Rule:
    assert isinstance(spec, dict)
    fields = {item["Field"]: item["Values"] for item in spec["Conditions"]}
    prefix = min(fields["path-pattern"], key=lambda value: (value.endswith("*"), value))
    return (fields.get("host-header", [""])[0], prefix, spec["Actions"][0]["TargetGroups"][0][0])
