"""Triggers and marks that others may have written: refused, or taken for none, whatever is in them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config import Placement
from reconciler.errors import Misconfigured
from reconciler.events import EVENT_TYPE, MAX_BYTES, SCHEMA, Trigger, from_text, to_text
from reconciler.mark import MAX_LENGTH, Mark, State, parse

MIB = 1024 * 1024


def event(subject: Any = "Gateway/infra/gw", source: Any = "/clusters/c", **data: Any) -> str:
    """Return a trigger's text with some of it replaced."""
    whole = {"cause": "event", "seen": [], "services": [], "run": "", "attempt": 0, "waiting": []} | data
    return json.dumps({"type": EVENT_TYPE, "dataschema": SCHEMA, "subject": subject, "source": source, "data": whole})


@pytest.mark.parametrize(
    "text",
    [
        event(attempt=float("inf")),
        event(attempt="9" * 5000),
        event(subject="Gateway/infra/\ud800"),
        event(subject="Gateway/infra/" + "n" * 254),
        event(subject="Gateway//gw"),
        event(subject="Gateway/infra/../../secrets/key"),
        event(subject="Gateway/infra/gw?watch=true"),
        event(subject=["Gateway", "infra", "gw"]),
        event(source="/clusters/\x00"),
        event(seen=[["HTTPRoute", "uid", "\u00b2", False, "more"]]),
        event(seen=[["HTTPRoute", {"nested": 1}, "1", False]]),
        event(run="r" * 601),
        event(services="infra/web\n" * 3),
        event(services=[["infra/web"]]),
        "[" * 200_000,
        '{"type":' * 30_000,
        "x" * (MAX_BYTES + 1),
        "x" * MIB,
        gzip.compress(to_text(Trigger("c", "infra", "gw")).encode(), mtime=0).decode("latin-1"),
        "",
        "null",
        "1" * 5000,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_a_message_that_no_trigger_of_ours_can_be_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        from_text(text)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists))
def test_whatever_stands_where_a_trigger_has_its_parts_it_is_read_or_refused(value: Any) -> None:
    for name in ("subject", "source", "cause", "seen", "services", "run", "attempt"):
        try:
            trigger = from_text(event(**{name: value}))
        except Misconfigured:
            continue
        assert (trigger.group, trigger.deduplication, dict(trigger.versions)) is not None
        assert from_text(to_text(trigger)) == trigger


def test_versions_that_are_no_numbers_are_older_than_any_number() -> None:
    strange = event(seen=[["Gateway", "u", one, False] for one in ("1" * 500, "abc", "7")])

    assert {"Gateway": "7"} == dict(from_text(strange).versions)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        '{"state":' * 20_000,
        "x" * MIB,
        Mark(State.CLEAN, Placement(), "n", names=("rw-" + "x" * 60,) * 20_000).text(),
        '{"state":"clean","placement":{"account":"1"},"nonce":"n","parts":{},"names":[]}',
        '{"state":"clean","placement":[],"nonce":"n","parts":{},"names":[]}',
        '{"state":"clean","placement":{},"nonce":"n","parts":[1],"names":[]}',
        '{"state":"clean","placement":{},"nonce":"n","parts":{},"names":7}',
        "9" * 5000,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_a_mark_that_we_never_wrote_counts_as_none(text: str) -> None:
    assert parse(text) is None


def test_a_mark_whose_parts_are_of_the_wrong_kind_holds_texts_all_the_same() -> None:
    found = parse('{"state":"dirty","placement":{"region":["eu"]},"nonce":{},"parts":{"a":1},"names":[null]}')

    assert found is not None
    assert ("['eu']", "{}", ("None",)) == (found.placement.region, found.nonce, found.names)
    assert hash(found.placement) is not None


def test_the_longest_mark_that_is_read_is_far_longer_than_any_of_ours() -> None:
    names = tuple(f"rw-abcdef-service-{number:08}" for number in range(2000))

    assert len(Mark(State.DIRTY, Placement(), "n", names=names).text()) < MAX_LENGTH
