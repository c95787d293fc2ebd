"""The functions behind queues that behave as SQS: what is lost, repeated, late, reordered, or not ours at all."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from emulators.aws.event_source import EventSource
from emulators.aws.faults import Fault
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings as AwsSettings
from functions import backfill, later, reconcile, resync, wiring
from functions.queue import SqsQueue
from functions.wiring import Settings
from kube.debounce import MAX_SEEN, MAX_SERVICES, Debounce
from providers.memory import MemoryCloud, MemoryProvider
from reconciler.errors import Throttled
from reconciler.events import MAX_BYTES, Cause, Seen, Trigger, to_text
from reconciler.reconcile import Result
from reconciler.reconcile import reconcile as reconcile_once
from tests.builders import CLUSTER, gateway, gateway_class, parent, route, with_service
from tests.fakes import trigger
from tests.unit.emulators.aws.queue_world import QueueWorld
from tests.unit.functions.local_world import LocalCluster, Wired

RECEIVES = 3
MIB = 1_048_576
SQS_ID = 128


@dataclass
class World:
    """Both queues, the functions behind them, a cluster and a cloud in memory; `runs` names what was reconciled."""

    queues: QueueWorld
    cluster: LocalCluster
    cloud: MemoryCloud
    fifo: str
    dead: str
    later: str
    runs: list[Trigger]

    def __post_init__(self) -> None:
        clock = self.queues.account.clock
        self._sources = (
            EventSource(self.queues.sqs, self.fifo, reconcile.handler, clock=clock),
            EventSource(self.queues.sqs, self.later, later.handler, clock=clock),
        )

    @property
    def queue(self) -> SqsQueue:
        """The product's own view of the queues."""
        return wiring.container().queue

    def send(self, *triggers: Trigger) -> None:
        """Put triggers on the FIFO queue."""
        for one in triggers:
            self.queue.send(one)

    def put(self, body: str, group: str) -> None:
        """Put any text on the FIFO queue, as somebody else might."""
        self.queues.send(self.fifo, body, group, f"{len(body)}-{group}")

    def drain(self) -> list[Trigger]:
        """Let the functions do what is there; return the triggers that were reconciled."""
        self.runs.clear()
        for _ in range(100):
            if not any(source.poll() for source in self._sources):
                return list(self.runs)
        raise AssertionError("the queues never came to rest")

    def rest(self, seconds: float = 30) -> list[Trigger]:
        """Let a visibility timeout pass, then drain."""
        self.queues.later(seconds)
        return self.drain()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    runs: list[Trigger] = []

    def noted(one: Trigger, room: Any) -> Result:
        runs.append(one)
        return reconcile_once(one, room)

    monkeypatch.setattr(reconcile, "reconcile", noted)
    cluster, cloud = LocalCluster(), MemoryCloud()
    cluster.put(gateway_class(), gateway(), route(), *with_service())
    with strict_aws(AwsSettings(virtual_clock=True)) as account:
        queues = QueueWorld(account)
        fifo, dead = queues.with_dead_letters(RECEIVES)
        later_url = queues.queue("later")
        provider: Any = MemoryProvider(cloud)
        clusters: Any = {CLUSTER: cluster}
        wiring.keep(Wired(Settings(), provider, SqsQueue(queues.sqs, fifo, later_url), wiring.Deadline(), clusters))
        yield World(queues, cluster, cloud, fifo, dead, later_url, runs)
        wiring.keep(None)


def changed(version: str, **more: Any) -> Trigger:
    """Return the trigger of a new version of the Route."""
    return trigger(seen=(Seen("HTTPRoute", "uid-a-web", version),), **more)


def gateways(triggers: list[Trigger]) -> list[str]:
    return [one.name for one in triggers if one.kind == "Gateway"]


# --- within SQS's five minutes ------------------------------------------------------------------------------------


def test_a_resync_of_an_unchanged_gateway_goes_through_every_time(world: World) -> None:
    for number in range(3):
        resync.handler({"id": f"run-{number}"}, None)
        assert ["gw"] == gateways(world.drain())


def test_a_schedules_event_that_comes_twice_is_one_resync(world: World) -> None:
    for expected in (["gw"], []):
        resync.handler({"id": "the same"}, None)
        assert expected == gateways(world.drain())


def test_a_backfill_of_an_unchanged_gateway_goes_through_every_time_also_after_a_resync(world: World) -> None:
    resync.handler({"id": "one"}, None)
    world.drain()

    for _ in range(2):
        backfill.handler({"name": "gw"}, None)
        assert ["gw"] == gateways(world.drain())


def test_a_deep_resync_after_a_light_one_goes_through(world: World) -> None:
    for event in ({"id": "one"}, {"id": "one", "deep": True}):
        resync.handler(event, None)
        assert ["gw"] == gateways(world.drain())


def test_a_look_again_comes_as_often_as_it_takes(world: World) -> None:
    for attempt in range(1, 5):
        one = replace(changed("2"), cause=Cause.LATER, run="first", attempt=attempt)
        world.queue.send_later([one], 5)
        assert [] == world.drain()
        assert [attempt] == [run.attempt for run in world.rest(5)]


def test_a_watch_that_repeats_itself_is_one_run(world: World) -> None:
    world.send(changed("2"), changed("2"))
    assert 1 == len(world.drain())
    world.send(changed("2"))
    assert [] == world.drain()

    world.send(changed("3"))
    assert 1 == len(world.drain())


# --- names and sizes ----------------------------------------------------------------------------------------------


def test_the_longest_names_travel_and_their_gateways_stay_apart(world: World) -> None:
    names = ["g" * 252 + letter for letter in "ab"]
    for name in names:
        world.cluster.put(gateway(name, "n" * 63))
        world.send(Trigger(CLUSTER, "n" * 63, name, cause=Cause.BACKFILL, run="r" * 300))

    assert names == [one.name for one in world.drain()]
    for one in world.runs:
        assert len(one.group) <= SQS_ID
        assert len(one.deduplication) <= SQS_ID
    assert 2 == len({one.group for one in world.runs})


def test_the_largest_burst_fits_a_message(world: World) -> None:
    debounce = Debounce(1)
    for kind in range(30):
        for number in range(3 * MAX_SEEN):
            seen = Seen(f"SomeVeryLongKindOfObject{kind:02}", f"{number:036}", f"{number:020}")
            services = (f"{'n' * 63}/{number:063}",) if number < MAX_SERVICES else ()
            debounce.add(Trigger(CLUSTER, "infra", "gw", seen=(seen,), services=services), 0)
    (one,) = debounce.take(10, 1)

    world.send(one)

    assert len(to_text(one)) < 32 * 1024 < MAX_BYTES
    assert [one] == world.drain()


# --- lost, repeated, late, reordered ------------------------------------------------------------------------------


def settled(world: World) -> tuple[Any, Any]:
    """Return what cloud and cluster hold."""
    statuses = {key: item.get("status") for key, item in world.cluster.objects.items()}
    return json.dumps(sorted(map(str, world.cloud.held.items()))), statuses


def test_a_message_that_comes_again_after_its_run_writes_nothing(world: World) -> None:
    world.queues.account.faults.add(Fault("500", "DeleteMessage", service="sqs"))
    world.send(changed("2"))
    with pytest.raises(Exception, match="InternalFailure"):
        world.drain()
    before, calls, writes = settled(world), len(world.cloud.calls), len(world.cluster.writes)

    assert 1 == len(world.rest())

    assert (before, calls, writes) == (settled(world), len(world.cloud.calls), len(world.cluster.writes))
    assert (0, 0, 0) == world.queues.counts(world.fifo)


def test_reordered_and_repeated_messages_end_in_the_same_state(world: World) -> None:
    world.cluster.put(route(hostnames=["new.example.com"]))
    for version in ("3", "2", "4", "3"):
        world.send(changed(version))
        world.drain()
    one = settled(world)

    world.send(changed("5"))
    world.drain()

    assert one == settled(world)


def test_a_lost_message_is_made_good_by_the_next_resync(world: World) -> None:
    world.send(changed("2"))
    world.queues.sqs.purge_queue(QueueUrl=world.fifo)
    assert [] == world.drain()
    assert {} == world.cloud.held

    resync.handler({"id": "next"}, None)
    world.drain()

    assert world.cloud.held


def test_an_event_during_a_run_is_a_run_of_its_own_afterwards(world: World) -> None:
    def send_more(_: str) -> None:
        world.cloud.on_call = lambda _: None
        world.send(changed("3"))

    world.cloud.on_call = send_more
    world.send(changed("2"))

    assert ["2", "3"] == [one.versions["HTTPRoute"] for one in world.drain()]


def test_a_failed_run_keeps_its_place_before_later_events_of_its_gateway(world: World) -> None:
    def throttle(_: str) -> None:
        raise Throttled("slow down")

    world.cloud.on_call = throttle
    world.send(changed("2"), changed("3"))
    assert ["2"] == [one.versions["HTTPRoute"] for one in world.drain()]
    world.cloud.on_call = lambda _: None

    assert ["2", "3"] == [one.versions["HTTPRoute"] for one in world.rest()]


def test_a_gateway_that_fails_for_ever_ends_in_the_dead_letters_and_comes_back_by_redrive(world: World) -> None:
    def throttle(_: str) -> None:
        raise Throttled("slow down")

    world.cloud.on_call = throttle
    world.send(changed("2"))
    for _ in range(RECEIVES + 1):
        world.rest()
    assert (1, 0, 0) == world.queues.counts(world.dead)

    world.cloud.on_call = lambda _: None
    world.queues.sqs.start_message_move_task(SourceArn=world.queues.arn(world.dead))

    assert ["gw"] == gateways(world.drain())
    assert world.cloud.held


def test_a_forwarder_that_dies_after_sending_sends_the_same_trigger_once(world: World) -> None:
    world.queue.send_later([changed("2").again()], 1)
    world.queues.later(1)
    world.queues.account.faults.add(Fault("500", "DeleteMessage", service="sqs"))
    with pytest.raises(Exception, match="InternalFailure"):
        world.drain()

    assert 1 == len(world.rest())
    assert [] == world.rest()


# --- not ours -----------------------------------------------------------------------------------------------------


def event(**changes: Any) -> str:
    """Return the text of a trigger with some members changed; those of `data` by the name `data_...`."""
    found = json.loads(to_text(changed("2")))
    for name, value in changes.items():
        if name.startswith("data_"):
            found["data"][name.removeprefix("data_")] = value
        else:
            found[name] = value
    return json.dumps(found)


BOMB = base64.b64encode(gzip.compress(b"0" * 100 * MIB)).decode()
FOREIGN = {
    "deep list": "[" * MIB,
    "deep object": '{"a":' * (MIB // 6),
    "deep inside": '{"type":"dev.routewright.trigger","dataschema":"1","data":' + "[" * 100_000,
    "largest body": "x" * MIB,
    "largest json": json.dumps({"data": "x" * (MIB - 100)}),
    "compressed": BOMB,
    "compressed data": event(data=BOMB, datacontenttype="application/gzip"),
    "a long number": event().replace('"attempt": 0', '"attempt": ' + "9" * 100_000),
    "no number": event(data_attempt="many"),
    "infinity": event(data_attempt=float("inf")),
    "a negative attempt": event(data_attempt=-1),
    "seen is a number": event(data_seen=7),
    "seen is too short": event(data_seen=[["HTTPRoute", "uid"]]),
    "services are a number": event(data_services=7),
    "data is missing": event(data=None),
    "half a surrogate": event(subject="Gateway/infra/\ud800"),
    "path in a name": event(subject="Gateway/infra/..%2f..%2fsecrets"),
    "name too long": event(subject=f"Gateway/infra/{'g' * 254}"),
    "namespace too long": event(subject=f"Gateway/{'n' * 64}/gw"),
    "gateway without namespace": event(subject="Gateway//gw"),
    "another cluster": event(source="/clusters/elsewhere"),
    "another schema": event(dataschema="2"),
    "another type": event(type="com.example.order"),
    "a list": "[]",
    "null": "null",
    "text": "hello",
}


@pytest.mark.parametrize("body", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_message_that_is_not_ours_ends_in_the_dead_letters_and_holds_up_nobody(world: World, body: str) -> None:
    world.put(body, "foreign")
    world.send(changed("2"))

    assert ["gw"] == gateways(world.drain())
    for _ in range(RECEIVES):
        assert [] == world.rest()

    assert (0, 0, 0) == world.queues.counts(world.fifo)
    assert (1, 0, 0) == world.queues.counts(world.dead)
    assert [RECEIVES, 0, 0] == [getattr(world._sources[0].counts, name) for name in ("failed", "raised", "timed_out")]


@pytest.mark.parametrize("body", [FOREIGN["deep list"], FOREIGN["half a surrogate"]])
def test_a_foreign_message_in_the_group_of_a_gateway_delays_it_and_no_more(world: World, body: str) -> None:
    world.put(body, changed("2").group)
    world.send(changed("2"))

    assert [] == world.drain()
    found = [gateways(world.rest()) for _ in range(RECEIVES)]

    assert [[], [], ["gw"]] == found
    assert (1, 0, 0) == world.queues.counts(world.dead)


@pytest.mark.parametrize("body", [FOREIGN["deep list"], FOREIGN["largest body"], FOREIGN["half a surrogate"]])
def test_the_forwarder_leaves_a_foreign_message_and_forwards_the_rest(world: World, body: str) -> None:
    world.queues.sqs.send_message(QueueUrl=world.later, MessageBody=body)
    world.queue.send_later([changed("2").again()], 1)

    assert ["gw"] == gateways(world.rest(1))
    assert (0, 1, 0) == world.queues.counts(world.later)


def test_a_route_of_a_hostile_name_reaches_no_other_gateway(world: World) -> None:
    world.cluster.put(gateway("other", "b"), route("x", "a", parents=[parent("other", "b")]))
    world.send(trigger(seen=(Seen("HTTPRoute", "gw/../other", "1"),)))

    assert ["gw"] == gateways(world.drain())
    assert 1 == len(world.cloud.held)
