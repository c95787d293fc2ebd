"""What the mark remembers of what the cloud refused: when it may, and until when it is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.config import Placement
from reconciler.errors import Misconfigured, QuotaExceeded, TerminalError, Throttled
from reconciler.events import Cause
from reconciler.mark import Mark, State, parse
from reconciler.plan import Failure, Outcome, Rendered, Resource, ResourceKey
from reconciler.refusals import MAX_MESSAGE, MOST, recall, remember

RULE, GROUP, OTHER = (ResourceKey(kind, "", name) for kind, name in (("rule", "r"), ("group", "g"), ("rule", "o")))
WANT = Rendered(
    {
        RULE: Resource(RULE, {"Path": "/a"}, ("route/a", "pool/a"), listeners=("http", "")),
        GROUP: Resource(GROUP, {"Port": 80}, ("pool/a",)),
        OTHER: Resource(OTHER, {"Path": "/o"}, ("route/o",)),
    }
)
FAILED = Failure(
    RULE,
    Misconfigured("CreateRule: no"),
    ("route/a", "pool/a"),
    last_good=True,
    listeners=("http", ""),
    call="CreateRule",
    missing=True,
    keeps=("old",),
)
LEFT = Outcome(failed=(FAILED,), complete=False, settled=True)


def marked(outcome: Outcome = LEFT) -> Mark:
    refused = remember(outcome, WANT)
    assert refused is not None
    found = parse(Mark(State.DIRTY, Placement(), "n").clean({"p": "1"}, refused).text())
    assert found is not None
    return found


def changed(key: ResourceKey) -> Rendered:
    resources = dict(WANT.resources)
    resources[key] = replace(resources[key], spec={"Path": "/b"})
    return Rendered(resources)


def test_what_was_refused_is_told_again_as_it_was() -> None:
    mark = marked()

    (found,) = recall(mark, WANT, Cause.EVENT) or ()

    assert State.REFUSED is mark.state
    assert (type(FAILED.error), FAILED.error.message) == (type(found.error), found.error.message)
    assert replace(FAILED, error=found.error) == found


def test_a_change_of_anything_else_leaves_a_refusal_as_it_is() -> None:
    assert recall(marked(), changed(OTHER), Cause.EVENT)


@pytest.mark.parametrize("key", [RULE, GROUP])
def test_a_change_of_what_is_wanted_for_the_same_origins_makes_it_worth_another_try(key: ResourceKey) -> None:
    assert recall(marked(), changed(key), Cause.EVENT) is None


def test_what_is_not_wanted_any_more_lets_all_be_looked_at() -> None:
    assert recall(marked(), Rendered({OTHER: WANT.resources[OTHER]}), Cause.EVENT) is None


@pytest.mark.parametrize("cause", [one for one in Cause if one is not Cause.EVENT])
def test_only_an_event_believes_a_refusal(cause: Cause) -> None:
    assert recall(marked(), WANT, cause) is None


def test_without_any_refusal_nothing_is_recalled() -> None:
    assert () == remember(Outcome(), WANT)
    assert () == recall(marked(Outcome()), WANT, Cause.DEEP)
    assert State.CLEAN is marked(Outcome()).state


@pytest.mark.parametrize(
    "outcome",
    [
        replace(LEFT, settled=False),
        replace(LEFT, held="paused"),
        replace(LEFT, failed=(replace(FAILED, error=Throttled("slow down")),)),
        replace(LEFT, failed=(replace(FAILED, key=ResourceKey("rule", "", "gone")),)),
        replace(LEFT, failed=(replace(FAILED, call=""),)),
        replace(LEFT, failed=(replace(FAILED, error=Misconfigured("x" * (MAX_MESSAGE + 1))),)),
        replace(LEFT, failed=(FAILED,) * (MOST + 1)),
        replace(LEFT, failed=(), settled=True),
    ],
    ids=["open", "held", "for now", "a deletion", "no call", "a long message", "too many", "skipped"],
)
def test_a_mark_is_left_dirty_where_more_is_open_than_it_could_tell(outcome: Outcome) -> None:
    assert remember(outcome, WANT) is None


@pytest.mark.parametrize("error", [Misconfigured("a"), QuotaExceeded("a")])
def test_the_kind_of_an_error_survives(error: TerminalError) -> None:
    (found,) = recall(marked(replace(LEFT, failed=(replace(FAILED, error=error),))), WANT, Cause.EVENT) or ()

    assert type(error) is type(found.error)


def test_a_refusal_that_somebody_wrote_into_the_mark_by_hand_is_no_crash() -> None:
    text = marked().text()

    assert parse(text.replace('"call":', '"cull":')) is None
    odd = parse(text.replace("Misconfigured", "SystemExit"))
    assert odd is not None
    assert recall(odd, WANT, Cause.EVENT) is None
