"""The functions, driven with Lambda's events: what is acknowledged, what goes back, what comes later."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions import backfill, log, reconcile, resync, sweep, wiring
from functions.queue import SqsQueue
from functions.wiring import Settings, read_settings
from providers.memory import MemoryCloud
from reconciler.config import Placement
from reconciler.errors import Misconfigured, PermissionDenied, Throttled, Unavailable
from reconciler.events import Cause, Trigger, batch_from_text, from_text, to_text
from reconciler.ports import KeyPair
from tests.builders import (
    CLUSTER,
    endpoints,
    gated_pod,
    gateway,
    gateway_class,
    of_pods,
    route,
    with_service,
)
from tests.fakes import trigger
from tests.unit.functions.local_world import LocalCluster, Sweeping, Wired


@dataclass
class FakeSqs:
    """Takes messages, or refuses them."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    broken: bool = False

    def send_message(self, **message: Any) -> None:
        """Take a message."""
        if self.broken:
            raise OSError("no route to the queue")
        self.sent.append(message)


@dataclass
class World:
    """Fakes behind the functions."""

    cluster: LocalCluster
    cloud: MemoryCloud
    sqs: FakeSqs

    def handle(self, body: str) -> list[str]:
        """Give the reconcile function one message; return the ids it names as failed."""
        event = {"Records": [{"messageId": "m1", "body": body}]}
        answer = reconcile.handler(event, object())
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


@pytest.fixture
def world() -> Iterator[World]:
    cluster, cloud, sqs = LocalCluster(), MemoryCloud(), FakeSqs()
    cluster.put(gateway_class(), gateway(), route(), *with_service())
    provider: Any = Sweeping(cloud)
    clusters: Any = {CLUSTER: cluster}
    queue: Any = SqsQueue(sqs, "fifo", "later")  # type: ignore[arg-type]
    wiring.keep(Wired(Settings(sweep_grace=60), provider, queue, wiring.Deadline(), clusters))
    yield World(cluster, cloud, sqs)
    wiring.keep(None)


def test_a_trigger_that_went_well_is_acknowledged(world: World) -> None:
    assert [] == world.handle(to_text(trigger()))
    assert world.cloud.held


@pytest.mark.parametrize("body", ["", "nonsense", "{}", "[]", '{"type": "other"}', "x" * 300_000])
def test_a_message_that_is_not_ours_is_refused_and_changes_nothing(world: World, body: str) -> None:
    assert ["m1"] == world.handle(body)
    assert ([], []) == (world.cloud.calls, world.cluster.writes)


def test_a_trigger_of_a_cluster_that_is_not_ours_is_refused(world: World) -> None:
    assert ["m1"] == world.handle(to_text(Trigger("elsewhere", "infra", "gw")))


def test_a_transient_failure_goes_back_to_the_queue(world: World) -> None:
    def throttle(_: str) -> None:
        raise Throttled("slow down")

    world.cloud.on_call = throttle
    assert ["m1"] == world.handle(to_text(trigger()))


def test_a_lasting_failure_is_acknowledged_with_its_status_written(world: World) -> None:
    def refuse(_: str) -> None:
        raise PermissionDenied("may not")

    world.cloud.on_call = refuse
    assert [] == world.handle(to_text(trigger()))
    assert ("False", "Invalid") == world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]


def test_a_bug_is_not_swallowed(world: World) -> None:
    def bug(_: str) -> None:
        raise ZeroDivisionError

    world.cloud.on_call = bug
    with pytest.raises(ZeroDivisionError):
        world.handle(to_text(trigger()))


def test_progress_that_is_not_finished_comes_back_later_and_is_acknowledged(world: World) -> None:
    calls = iter(range(10))

    def second_fails(_: str) -> None:
        if next(calls) == 1:
            raise Throttled("slow down")

    world.cloud.on_call = second_fails

    assert [] == world.handle(to_text(trigger()))
    (sent,) = world.sqs.sent
    (again,) = batch_from_text(sent["MessageBody"])
    assert ("later", 1, Cause.LATER, 1) == (sent["QueueUrl"], sent["DelaySeconds"], again.cause, again.attempt)


def test_a_pod_that_waits_for_its_gate_is_looked_at_again_through_the_later_queue(world: World) -> None:
    new = gated_pod()
    world.cluster.put(new, of_pods(endpoints(ready=False), new))

    assert [] == world.handle(to_text(trigger(services=("a/web",))))
    (sent,) = world.sqs.sent
    (again,) = batch_from_text(sent["MessageBody"])
    assert ("later", 12, Cause.LATER, (), 0) == (
        sent["QueueUrl"],
        sent["DelaySeconds"],
        again.cause,
        again.services,
        again.attempt,
    )
    assert [] == world.handle(to_text(again))
    assert "gate a/web-1-a True" == world.cluster.writes[-1]


def test_a_status_that_nobody_lets_us_write_does_not_cost_the_look_again(world: World) -> None:
    calls = iter(range(10))

    def second_fails(_: str) -> None:
        if next(calls) == 1:
            raise Throttled("slow down")

    def deny(what: str) -> None:
        if what.startswith("status"):
            raise PermissionDenied("an admission webhook denied the request")

    world.cloud.on_call, world.cluster.on_write = second_fails, deny

    assert [] == world.handle(to_text(trigger()))
    assert ["later"] == [one["QueueUrl"] for one in world.sqs.sent]


def test_a_cluster_that_may_not_be_read_fails_its_own_message_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_: Trigger) -> None:
        raise PermissionDenied("gateways may not be read")

    monkeypatch.setattr(world.cluster, "snapshot", forbidden)

    assert ["m1"] == world.handle(to_text(trigger()))


def test_a_resync_looks_at_every_gateway_and_class_each_time_anew(world: World) -> None:
    resync.handler({"id": "one"}, None)
    resync.handler({"id": "two"}, None)

    ids = [one["MessageDeduplicationId"] for one in world.sqs.sent]
    subjects = {from_text(one["MessageBody"]).kind for one in world.sqs.sent}
    assert len(set(ids)) == len(ids) == 4
    assert {"Gateway", "GatewayClass"} == subjects


def test_a_deep_resync_asks_for_a_whole_look(world: World) -> None:
    resync.handler({"deep": True}, None)

    assert {Cause.DEEP} == {from_text(one["MessageBody"]).cause for one in world.sqs.sent}


@pytest.mark.parametrize(
    ("event", "names"),
    [
        ({}, ["gw", "other"]),
        ({"name": "gw"}, ["gw"]),
        ({"namespace": "b"}, ["other"]),
        ({"class": "nobody"}, []),
        ({"cluster": "elsewhere"}, []),
    ],
)
def test_a_backfill_selects_by_cluster_namespace_class_and_name(
    world: World, event: dict[str, str], names: list[str]
) -> None:
    world.cluster.put(gateway("other", "b"))

    answer = backfill.handler(event, None)

    assert sorted(names) == sorted(from_text(one["MessageBody"]).name for one in world.sqs.sent)
    assert len(names) == answer["sent"]


@pytest.mark.usefixtures("world")
def test_the_sweep_is_told_the_grace_and_who_lives() -> None:
    Sweeping.asked.clear()

    assert {"target groups": 2} == sweep.handler({}, None)
    assert [(CLUSTER, 60, True)] == Sweeping.asked


def test_a_placement_that_cannot_be_swept_costs_none_of_the_others(world: World) -> None:
    Sweeping.asked.clear()
    world.cluster.places = (Placement(), Placement(role="theirs"), Placement(region="eu-west-1"))

    with pytest.raises(Misconfigured, match="theirs"):
        sweep.handler({}, None)
    assert 2 * [(CLUSTER, 60, True)] == Sweeping.asked


def test_the_sweep_ends_before_it_begins_where_gateways_cannot_be_listed(world: World) -> None:
    Sweeping.asked.clear()
    world.cluster.dead = True

    with pytest.raises(Unavailable):
        sweep.handler({}, None)
    assert [] == Sweeping.asked


# --- settings and logs --------------------------------------------------------------------------------------------


def test_settings_have_defaults() -> None:
    assert Settings() == read_settings({"PATH": "/bin"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROUTEWRIGHT_MODE", "dry-run"),
        ("ROUTEWRIGHT_SWEEP_GRACE", "-1"),
        ("ROUTEWRIGHT_SWEEP_GRACE", "soon"),
        ("ROUTEWRIGHT_LOG_LEVEL", "LOUD"),
        ("ROUTEWRIGHT_CONCURRENCY", "0"),
        ("ROUTEWRIGHT_SETTLE", "a while"),
        ("ROUTEWRIGHT_QEUE_URL", "typo"),
    ],
)
def test_a_setting_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        read_settings({name: value})


def test_settings_are_read_as_what_they_are() -> None:
    given = {"KUBECONFIGS": "a:b", "ALLOWED_ROLES": "r1, r2", "TRUST_STORE_BUCKET": "authorities"}
    found = read_settings({f"ROUTEWRIGHT_{name}": text for name, text in given.items()})

    assert (("a", "b"), ("r1", "r2"), "authorities") == (found.kubeconfigs, found.roles, found.bucket)


def test_a_deadline_keeps_time_for_the_status() -> None:
    class Context:
        """Lambda's context."""

        def get_remaining_time_in_millis(self) -> int:
            """Return eight seconds."""
            return 8_000

    deadline = wiring.Deadline()
    assert float("inf") == deadline()
    deadline.start(Context())
    assert 3.0 == deadline()


def test_a_log_line_carries_bound_fields_and_those_of_the_call() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.JsonLines())
    logger = logging.getLogger("routewright-test")
    logger.addHandler(handler)
    logger.setLevel("INFO")

    log.bound("routewright-test", {"gateway": "infra/gw"}).info("done", extra={"changes": 3})

    line = json.loads(stream.getvalue())
    assert ("infra/gw", 3, "done") == (line["gateway"], line["changes"], line["message"])


def test_a_key_pair_prints_without_its_key() -> None:
    assert "PRIVATE" not in repr(KeyPair("CERT", "CHAIN", "PRIVATE"))
