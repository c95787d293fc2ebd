"""What travels on the queue."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.errors import Misconfigured
from reconciler.events import (
    MAX_BATCH,
    MAX_BYTES,
    Cause,
    Seen,
    Trigger,
    batch_from_text,
    batch_to_text,
    from_text,
    to_text,
)

TRIGGER = Trigger(
    cluster="abcdefghij",
    namespace="infra",
    name="shared-gw",
    seen=(Seen("HTTPRoute", "uid-1", "42"), Seen("EndpointSlice", "uid-2", "7", deleted=True)),
    services=("a/shop",),
    known=(("ListenerSet", "40"),),
)


def test_a_trigger_survives_the_queue() -> None:
    """Text and back gives the same trigger."""
    assert TRIGGER == from_text(to_text(TRIGGER))


def test_the_message_is_a_cloudevent() -> None:
    """Other tools can read the envelope."""
    event = json.loads(to_text(TRIGGER))

    assert ("1.0", "Gateway/infra/shared-gw", "/clusters/abcdefghij") == (
        event["specversion"],
        event["subject"],
        event["source"],
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        '{"type": "dev.routewright.trigger", "dataschema": "1"}',
        to_text(TRIGGER).replace('"dataschema":"1"', '"dataschema":"99"'),
        to_text(TRIGGER).replace('"cause":"event"', '"cause":"whim"'),
        to_text(TRIGGER).replace("Gateway/infra/shared-gw", "Pod/infra/shared-gw"),
        to_text(TRIGGER).replace("Gateway/infra/shared-gw", "Gateway/infra/"),
        "[" * 100_000,
        " " * (MAX_BYTES + 1),
    ],
)
def test_a_message_that_is_not_ours_is_refused_with_a_clear_error(text: str) -> None:
    """Foreign, broken, deep or huge: one exception, no crash."""
    with pytest.raises(Misconfigured, match="not a"):
        from_text(text)


def test_a_gateway_has_one_message_group_whatever_its_cause() -> None:
    """One Gateway is serial."""
    assert TRIGGER.group == replace(TRIGGER, cause=Cause.RESYNC, run="r", seen=()).group


def test_names_of_any_length_fit_the_ids_of_the_queue() -> None:
    """SQS's ids end at 128 characters, Gateway names at 253."""
    long = Trigger("abcdefghij", "n" * 63, "g" * 253, run="x" * 300, cause=Cause.BACKFILL)

    assert (52, 52) == (len(long.group), len(long.deduplication))


def test_the_same_change_twice_is_one_message() -> None:
    """A watch that was repeated sends the same versions again, in any order."""
    assert TRIGGER.deduplication == replace(TRIGGER, seen=TRIGGER.seen[::-1]).deduplication


def test_another_version_another_run_and_another_attempt_are_new_messages() -> None:
    """An unchanged Gateway may be resynced twice within SQS's five minutes."""
    resync = Trigger("c", "ns", "gw", cause=Cause.RESYNC, run="1")
    ids = {
        TRIGGER.deduplication,
        replace(TRIGGER, seen=(Seen("HTTPRoute", "uid-1", "43"),)).deduplication,
        resync.deduplication,
        replace(resync, run="2").deduplication,
        resync.again().deduplication,
        resync.again().again().deduplication,
    }

    assert 6 == len(ids)


def test_versions_name_the_highest_of_each_kind() -> None:
    """Versions compare as numbers: 10 is after 9."""
    trigger = replace(TRIGGER, seen=(Seen("HTTPRoute", "a", "9"), Seen("HTTPRoute", "b", "10")))

    assert {"HTTPRoute": "10"} == trigger.versions


def test_merging_two_triggers_loses_nothing_of_either() -> None:
    """Debounce keeps every version and every Service; a relist outweighs an event."""
    other = Trigger("abcdefghij", "infra", "shared-gw", cause=Cause.RELIST, services=("b/pay",))
    merged = TRIGGER.merge(other)

    assert (Cause.RELIST, TRIGGER.seen[::-1], ("a/shop", "b/pay")) == (merged.cause, merged.seen, merged.services)


def test_only_endpoint_changes_are_told_apart() -> None:
    """They write nothing to the Gateway."""
    slices = replace(TRIGGER, seen=(Seen("EndpointSlice", "u", "1"),))

    assert (True, False) == (slices.only_endpoints, TRIGGER.only_endpoints)


WAITING = TRIGGER.awaiting(["lb-2", "lb-1"])


def test_triggers_travel_together() -> None:
    """A batch and back gives the same triggers, what they wait for included."""
    batch = (TRIGGER, TRIGGER.again(), WAITING)

    assert batch == batch_from_text(batch_to_text(batch))
    assert ("lb-1", "lb-2") == WAITING.waiting


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        to_text(TRIGGER),
        "[1]",
        batch_to_text([TRIGGER] * (MAX_BATCH + 1)),
        batch_to_text([WAITING]).replace('["lb-1","lb-2"]', '"lb-1"'),
        batch_to_text([WAITING]).replace('["lb-1","lb-2"]', '["lb-1",2]'),
        batch_to_text([WAITING]).replace('"waiting":["lb-1","lb-2"]', '"more":[]'),
    ],
)
def test_a_batch_that_is_not_ours_is_refused_whole(text: str) -> None:
    """Empty, too long, not a batch, or with something in it that is no trigger."""
    with pytest.raises(Misconfigured, match="not a"):
        batch_from_text(text)


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.EVENT])
def test_going_on_asks_for_all_that_was_asked_for(cause: Cause) -> None:
    """A relist compares every pool, a deep look everything: also in their second run."""
    again = replace(TRIGGER, cause=cause, run="r").again()

    assert (cause, TRIGGER.seen, TRIGGER.services) == (again.cause, again.seen, again.services)


def test_an_event_that_goes_on_is_never_taken_for_its_own_repetition() -> None:
    """Its deduplication id would be the same again."""
    assert (Cause.LATER, TRIGGER.services) == (TRIGGER.again().cause, TRIGGER.again().services)


def test_what_only_waits_asks_for_nothing_more() -> None:
    """All was done: two reads are enough to tell that the load balancer is there."""
    assert (Cause.LATER, ()) == (WAITING.cause, WAITING.services)


@pytest.mark.parametrize(
    ("causes", "stronger"),
    [
        ((Cause.EVENT, Cause.LATER), Cause.LATER),
        ((Cause.RELIST, Cause.RESYNC), Cause.RELIST),
        ((Cause.RELIST, Cause.LATER), Cause.RELIST),
        ((Cause.DEEP, Cause.RELIST), Cause.DEEP),
    ],
)
def test_of_two_causes_the_one_that_asks_for_more_stands(causes: tuple[Cause, Cause], stronger: Cause) -> None:
    """In either order."""
    one, other = (replace(TRIGGER, cause=cause) for cause in causes)

    assert {stronger} == {one.merge(other).cause, other.merge(one).cause}


def test_merged_triggers_wait_only_if_both_can() -> None:
    """And then for any of what either waits for."""
    other = TRIGGER.awaiting(["lb-3"])

    assert ("lb-1", "lb-2", "lb-3") == WAITING.merge(other).waiting
    assert () == WAITING.merge(TRIGGER.again()).waiting == TRIGGER.again().merge(WAITING).waiting


def test_what_the_watcher_knew_is_no_change_and_makes_no_other_message() -> None:
    """It grows with every status that anybody writes."""
    other = replace(TRIGGER, known=(("ListenerSet", "99"),))

    assert TRIGGER.deduplication == other.deduplication
    assert {"HTTPRoute": "42", "EndpointSlice": "7"} == dict(other.versions)


def test_of_what_two_triggers_knew_the_newer_counts() -> None:
    other = replace(TRIGGER, known=(("BackendTLSPolicy", "7"), ("ListenerSet", "100")))

    assert other.known == TRIGGER.merge(other).known == other.merge(TRIGGER).known


def test_a_message_of_an_earlier_release_says_nothing_of_what_the_watcher_knew() -> None:
    event = json.loads(to_text(TRIGGER))
    del event["data"]["known"]

    assert replace(TRIGGER, known=()) == from_text(json.dumps(event))
