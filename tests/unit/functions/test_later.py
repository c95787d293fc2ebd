"""The forwarder: what is due goes on, what waits is looked at together and waits on, and nothing is lost."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions import later, wiring
from functions.queue import SqsQueue
from functions.wiring import Settings
from providers.memory import MemoryProvider
from reconciler.errors import PermissionDenied, ReconcilerError, Throttled
from reconciler.events import MAX_BATCH, Trigger, batch_from_text, batch_to_text, from_text, to_text
from tests.fakes import trigger


@dataclass
class Cloud:
    """What it is still making, by id: seconds until the next look; `error` is what a look raises instead."""

    making: dict[str, float] = field(default_factory=dict)
    error: ReconcilerError | None = None
    looks: list[frozenset[str]] = field(default_factory=list)


class Making(MemoryProvider):
    """A provider whose cloud takes time."""

    cloud: Any

    def waits(self, ids: Collection[str]) -> Mapping[str, float]:
        """Return what is still being made."""
        self.cloud.looks.append(frozenset(ids))
        if self.cloud.error is not None:
            raise self.cloud.error
        return {one: self.cloud.making[one] for one in ids if one in self.cloud.making}


@dataclass
class World:
    """A cloud that takes time, and queues that note what they are sent; those named in `broken` take nothing."""

    cloud: Cloud = field(default_factory=Cloud)
    sent: list[dict[str, Any]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def send_message(self, **message: Any) -> None:
        """Take a message."""
        if message["QueueUrl"] in self.broken:
            raise OSError("no route to the queue")
        self.sent.append(message)

    def forward(self, *batches: list[Trigger] | str) -> list[str]:
        """Give the forwarder messages m0, m1, ...; return the ids it names as failed."""
        bodies = [one if isinstance(one, str) else batch_to_text(one) for one in batches]
        event = {"Records": [{"messageId": f"m{place}", "body": body} for place, body in enumerate(bodies)]}
        return [one["itemIdentifier"] for one in later.handler(event, None)["batchItemFailures"]]

    def on(self, url: str) -> list[Trigger]:
        """Return the triggers that a queue was sent."""
        bodies = [one["MessageBody"] for one in self.sent if one["QueueUrl"] == url]
        return [one for body in bodies for one in (batch_from_text(body) if url == "later" else [from_text(body)])]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    sqs: Any = made
    provider: Any = Making(made.cloud)  # type: ignore[arg-type]
    wiring.keep(wiring.Container(Settings(), provider, SqsQueue(sqs, "fifo", "later"), wiring.Deadline()))
    yield made
    wiring.keep(None)


def waiting(name: str, *ids: str) -> Trigger:
    return trigger(name=name).awaiting(ids or (f"lb-{name}",))


def test_what_waits_for_nothing_goes_on_without_a_look(world: World) -> None:
    again = trigger().again()

    assert [] == world.forward([again])
    assert [again] == world.on("fifo")
    assert [] == world.cloud.looks


def test_what_is_being_made_waits_on_and_what_is_there_goes_on(world: World) -> None:
    world.cloud.making = {"lb-a": 1.0}

    assert [] == world.forward([waiting("a")], [waiting("b")])
    assert ([waiting("b")], [waiting("a")]) == (world.on("fifo"), world.on("later"))


def test_all_that_came_at_once_is_looked_at_once_and_travels_on_in_one_message(world: World) -> None:
    names = [f"gw{number}" for number in range(MAX_BATCH)]
    world.cloud.making = {f"lb-{name}": 1.0 for name in names}

    world.forward(*([waiting(name)] for name in names))

    assert [frozenset(world.cloud.making)] == world.cloud.looks
    (message,) = world.sent
    assert ("later", 1) == (message["QueueUrl"], message["DelaySeconds"])
    assert names == [one.name for one in world.on("later")]


def test_a_message_never_carries_more_than_a_batch(world: World) -> None:
    names = [f"gw{number}" for number in range(MAX_BATCH + 1)]
    world.cloud.making = {f"lb-{name}": 1.0 for name in names}

    world.forward([waiting(name) for name in names[:-1]], [waiting(names[-1])])

    assert [MAX_BATCH, 1] == [len(batch_from_text(one["MessageBody"])) for one in world.sent]


def test_those_that_wait_longer_do_not_hold_up_the_others(world: World) -> None:
    world.cloud.making = {"lb-old": 30.0, "lb-new": 1.0}

    world.forward([waiting("old"), waiting("new")])

    assert [1, 30] == [one["DelaySeconds"] for one in world.sent]


def test_several_triggers_of_one_gateway_become_one(world: World) -> None:
    world.cloud.making = {"lb-a": 1.0}

    world.forward([waiting("a")], [waiting("a")])

    assert [waiting("a")] == world.on("later")


def test_a_trigger_that_has_work_to_do_takes_one_that_waits_along(world: World) -> None:
    world.cloud.making = {"lb-a": 1.0}
    unfinished = trigger(name="a", services=("a/web",)).again()

    world.forward([waiting("a")], [unfinished])

    (sent,) = world.on("fifo")
    assert ((), ("a/web",)) == (sent.waiting, sent.services)
    assert [] == world.on("later")


def test_one_of_two_that_is_there_is_enough_to_look(world: World) -> None:
    world.cloud.making = {"one": 1.0}

    world.forward([waiting("a", "one", "two")])

    assert ["a"] == [one.name for one in world.on("fifo")]


@pytest.mark.parametrize(("error", "delay"), [(Throttled("slow down"), 2), (Throttled("x", retry_after=7.0), 7)])
def test_a_look_that_was_not_answered_is_no_failure_of_the_messages(world: World, error: Throttled, delay: int) -> None:
    world.cloud.error = error

    assert [] == world.forward([waiting("a")])
    assert [("later", delay)] == [(one["QueueUrl"], one["DelaySeconds"]) for one in world.sent]


def test_what_may_not_be_looked_at_is_left_to_the_run_which_tells_in_status(world: World) -> None:
    world.cloud.error = PermissionDenied("may not")

    assert [] == world.forward([waiting("a")])
    assert [waiting("a")] == world.on("fifo")


@pytest.mark.parametrize("body", ["", "nonsense", "{}", "[]", to_text(trigger()), "[1]"])
def test_a_message_that_is_not_ours_is_named_and_the_others_go_on(world: World, body: str) -> None:
    assert ["m1"] == world.forward([trigger().again()], body)
    assert 1 == len(world.on("fifo"))


@pytest.mark.parametrize("broken", ["fifo", "later"])
def test_a_queue_that_takes_nothing_loses_nothing(world: World, broken: str) -> None:
    world.cloud.making = {"lb-a": 1.0}
    world.broken = {broken}

    assert ["m0", "m1"] == world.forward([waiting("a")], [waiting("b")])


def test_triggers_that_wait_for_the_same_are_one_message_whoever_sent_them() -> None:
    one, other = trigger(run="x").awaiting(["lb"]), trigger(run="y").awaiting(["lb"])

    assert one.deduplication == other.deduplication
    assert one.deduplication != one.awaiting(["lb"]).deduplication, "a run that found it unfinished waits anew"
    assert one.deduplication != trigger().awaiting(["other"]).deduplication
