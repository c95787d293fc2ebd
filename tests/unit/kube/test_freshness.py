"""How fresh the Routes of a run must be: never older than its trigger, nor than what an earlier run acted on."""

from __future__ import annotations

from typing import Any

import pytest

from kube.freshness import Need, need
from reconciler.config import Placement
from reconciler.events import Cause, Seen, Trigger
from reconciler.mark import Mark, State, annotation

type Plain = dict[str, Any]


def gateway(seen: dict[str, str] | None = None, version: str = "50") -> Plain:
    mark = Mark(State.CLEAN, Placement(), "n", seen=seen or {})
    annotations = {} if seen is None else {annotation("aws"): mark.text()}
    return {"metadata": {"name": "gw", "resourceVersion": version, "annotations": annotations}}


def needed(item: Plain | None, *seen: Seen, cause: Cause = Cause.EVENT, run: str = "") -> Need:
    return need("HTTPRoute", Trigger("c", "infra", "gw", cause=cause, seen=seen, run=run), item, "aws")


ROUTE, SLICE = Seen("HTTPRoute", "u1", "70"), Seen("EndpointSlice", "u2", "99")
KNOWN = {"HTTPRoute": "60"}


def test_the_trigger_bounds_what_it_tells_of() -> None:
    assert Need(event=70) == needed(gateway(KNOWN), ROUTE, Seen("HTTPRoute", "u3", "8"))


def test_a_trigger_of_another_kind_asks_for_no_more_than_earlier_runs_acted_on() -> None:
    """Each Route that came since has a trigger of its own."""
    assert Need(event=60) == needed(gateway(KNOWN), SLICE)


def test_a_late_trigger_brings_nothing_back() -> None:
    """What the mark's run acted on may be newer than what this trigger tells of."""
    assert Need(event=60) == needed(gateway(KNOWN), Seen("HTTPRoute", "u1", "20"))


def test_a_look_again_asks_for_what_earlier_runs_acted_on() -> None:
    assert Need(event=60) == needed(gateway(KNOWN), cause=Cause.LATER, run="r1")


@pytest.mark.parametrize("seen", [Seen(kind, "u4", "80") for kind in ("Gateway", "GatewayClass", "ListenerSet")])
def test_a_gateway_or_listener_set_that_changed_makes_older_routes_matter(seen: Seen) -> None:
    """They woke nobody when they came: no event tells of them."""
    assert Need(event=60, revision=80) == needed(gateway(KNOWN), seen)


@pytest.mark.parametrize("known", [None, {}])
def test_a_gateway_that_no_run_acted_on_asks_for_all_up_to_itself(known: dict[str, str] | None) -> None:
    assert Need(event=70, revision=50) == needed(gateway(known), ROUTE)


def test_a_gateway_that_is_gone_asks_for_all_up_to_its_end() -> None:
    assert Need(revision=80) == needed(None, Seen("Gateway", "u4", "80", deleted=True))


@pytest.mark.parametrize("cause", [Cause.RELIST, Cause.RESYNC, Cause.DEEP, Cause.BACKFILL])
def test_whoever_asks_whether_something_was_missed_sees_the_present(cause: Cause) -> None:
    assert Need(event=60, run="r1") == needed(gateway(KNOWN), cause=cause, run="r1")


def test_a_trigger_that_tells_nothing_about_a_gateway_unknown_sees_the_present() -> None:
    assert Need(revision=50, run="") == needed(gateway())


def test_what_the_watcher_knew_of_sets_and_policies_bounds_them_without_a_list() -> None:
    """They may have come while no Route named them, and so have woken nobody for it."""
    trigger = Trigger("c", "infra", "gw", seen=(ROUTE,), known=(("ListenerSet", "75"), ("BackendTLSPolicy", "40")))
    item = gateway({"HTTPRoute": "60", "ListenerSet": "30", "BackendTLSPolicy": "50"})

    asked = [need(kind, trigger, item, "aws") for kind in ("HTTPRoute", "ListenerSet", "BackendTLSPolicy")]
    assert [Need(event=70), Need(event=75), Need(event=50)] == asked
