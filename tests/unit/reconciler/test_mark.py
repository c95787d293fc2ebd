"""The mark on the Gateway."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.config import Placement
from reconciler.mark import Mark, State, annotation, finalizer, parse

MARK = Mark(State.CLEAN, Placement("123456789012", "eu-west-1", "vpc-1", ""), "n0nce", {"base": "1f"}, ())


def test_a_mark_survives_its_annotation() -> None:
    """Text and back gives the same mark."""
    assert MARK == parse(MARK.text())


@pytest.mark.parametrize("text", ["", "{}", "null", "[]", '{"state":"odd"}', MARK.text().replace("clean", "tidy")])
def test_a_mark_that_cannot_be_read_counts_as_none(text: str) -> None:
    """An annotation that somebody edited costs a full observe, no crash."""
    assert parse(text) is None


def test_a_dirty_mark_keeps_what_an_earlier_cut_run_was_about_to_create() -> None:
    """Else a run that was cut, and then wanted something else, would leak."""
    cut = MARK.dirty(("rw-a",)).dirty(("rw-b",))

    assert (State.DIRTY, ("rw-a", "rw-b"), {}) == (cut.state, cut.names, dict(cut.parts))


def test_a_clean_mark_forgets_the_names() -> None:
    """Everything was made: there is nothing to look for."""
    clean = MARK.dirty(("rw-a",)).clean({"base": "2f"})

    assert (State.CLEAN, (), {"base": "2f"}) == (clean.state, clean.names, dict(clean.parts))


def test_placement_and_nonce_survive_both_ways() -> None:
    """They are fixed for the Gateway's life."""
    clean = MARK.dirty(()).clean({})

    assert (MARK.placement, MARK.nonce) == (clean.placement, clean.nonce)


def test_annotation_and_finalizer_carry_the_provider() -> None:
    """Two clouds may hold one Gateway's class in turn."""
    assert ("aws.routewright.dev/mark", "aws.routewright.dev/cleanup") == (annotation("aws"), finalizer("aws"))


def test_a_mark_tells_what_its_run_knew_of_and_is_none_the_less_equal() -> None:
    """The versions bound what later runs must know; they say nothing of the cloud."""
    told = replace(MARK, seen={"HTTPRoute": "7"})

    assert told == MARK
    assert {"HTTPRoute": "7"} == dict(parse(told.text()).seen)  # type: ignore[union-attr]


def test_a_mark_of_an_older_release_tells_of_no_versions() -> None:
    body = json.loads(MARK.text())
    del body["seen"]

    assert MARK == parse(json.dumps(body))
