"""Readiness gates in whole runs against the emulated AWS: registered, looked at again, opened, left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from reconciler.events import Cause, Trigger
from reconciler.gatewayapi.pods import GATE
from reconciler.reconcile import POLL, Result
from tests.aws_world import World
from tests.builders import endpoints, gated_pod, gateway, listener, of_pods, parent, pod, route
from tests.fakes import trigger

type Plain = dict[str, Any]
OLD, NEW = pod("web-1-old"), gated_pod("web-2-new")
CONDITION = ("Pod", "a", "web-2-new")


@pytest.fixture
def world() -> Iterator[World]:
    with strict_aws(Settings(target_initial=30.0)) as account:
        made = World(account)
        made.run()
        yield made


def roll_out(world: World, new: Plain = NEW) -> None:
    """Put a new Pod, not ready, beside the old one."""
    slice_ = of_pods(endpoints(addresses=["10.244.0.1", "10.244.0.2"]), OLD, new)
    slice_["endpoints"][1]["conditions"] = {"ready": False}
    world.cluster.put(new, slice_)


def poll(world: World, result: Result, now: float = 0.0) -> Result:
    """Run as the later queue would let it, once the time has come."""
    assert result.retry_after == POLL
    world.account.clock.advance(POLL)
    world.forget()
    return world.run(result.follow_up(trigger(), now))


def condition(world: World, key: tuple[str, str, str] = CONDITION) -> tuple[str, str, str]:
    conditions = world.cluster.objects[key]["status"]["conditions"]
    found = [one for one in conditions if one["type"] == GATE]
    return next(((one["status"], one["reason"], one["message"]) for one in found), ("", "", ""))


def ready(world: World) -> None:
    """Do as kubelet and controllers do once all gates of the Pod are open."""
    world.cluster.put(of_pods(endpoints(addresses=["10.244.0.1", "10.244.0.2"]), OLD, NEW))


def targets(world: World) -> list[str]:
    (found,) = [one for one in world.account.state()["targetGroups"] if "no-backend" not in one["TargetGroupName"]]
    return sorted(one["Id"] for one in found["Targets"])


def test_a_gate_opens_when_the_target_is_healthy_and_then_nobody_looks_any_more(world: World) -> None:
    roll_out(world)
    result = world.run(trigger(services=("a/web",)))
    assert ["10.244.0.1", "10.244.0.2"] == targets(world)

    result = poll(world, result)
    waiting = "waiting for targets of Gateways: infra/gw (Elb.InitialHealthChecking)"
    assert ("False", "TargetNotHealthy", waiting) == condition(world)
    assert [] == world.operations()
    assert {"elbv2.DescribeTargetHealth": 1} == {
        name: count for name, count in world.account.journal.counts().operations.items() if "Health" in name
    }
    result = poll(world, result)
    assert "False" == condition(world)[0]
    result = poll(world, result)
    assert ("True", "TargetHealthy", "healthy in all target groups in use") == condition(world)

    world.cluster.writes.clear()
    ready(world)
    result = poll(world, result)
    assert (None, []) == (result.retry_after, world.cluster.writes)
    assert ["10.244.0.1", "10.244.0.2"] == targets(world)


def test_a_pod_whose_containers_are_not_ready_is_looked_at_until_they_are(world: World) -> None:
    """No event tells of it: a slice calls the Pod not ready before and after."""
    roll_out(world, gated_pod("web-2-new", ready=False))
    result = poll(world, world.run(trigger(services=("a/web",))))
    assert (["10.244.0.1"], ("", "", "")) == (targets(world), condition(world))

    world.cluster.objects[CONDITION]["status"] = NEW["status"] | {"conditions": [*NEW["status"]["conditions"]]}
    poll(world, result)
    assert ["10.244.0.1", "10.244.0.2"] == targets(world)


def test_a_pod_behind_a_route_that_is_refused_is_not_held_up(world: World) -> None:
    bad = [{"backendRefs": [{"name": "web", "port": 80}], "timeouts": {"request": "1s"}}]
    world.cluster.put(route(rules=bad))
    roll_out(world)
    world.run()

    assert "True" == condition(world)[0]


def test_a_pod_behind_two_gateways_waits_for_both(world: World) -> None:
    world.cluster.put(gateway("other", listeners=[listener()]), route(parents=[parent(), parent("other")]))
    for name in ("gw", "other"):
        world.run(trigger(name=name, cause=Cause.DEEP))
    roll_out(world)
    runs: dict[str, Result] = {}
    for name in ("gw", "other"):
        runs[name] = world.run(trigger(name=name, services=("a/web",)))
    world.account.clock.advance(31)
    world.run(runs["gw"].follow_up(trigger()))
    assert ("False", "TargetNotHealthy") == condition(world)[:2]
    assert "infra/gw" not in condition(world)[2]

    world.run(runs["other"].follow_up(trigger(name="other")))
    assert "True" == condition(world)[0]


def test_looks_that_many_events_began_become_one(world: World) -> None:
    roll_out(world)
    result = world.run(trigger(services=("a/web",)))
    first, second = trigger(services=("a/web",)), trigger(run="other", cause=Cause.RESYNC)

    def sent(one: Trigger, now: float) -> str:
        return result.follow_up(one, now).deduplication

    assert sent(first, 24.0) == sent(second, 35.9)
    assert sent(first, 24.0) != sent(first, 36.0)


def test_a_service_whose_pods_have_no_gate_is_not_looked_at_again(world: World) -> None:
    roll_out(world, pod("web-2-new") | {"status": NEW["status"]})
    result = world.run(trigger(services=("a/web",)))

    assert (None, ["10.244.0.1"]) == (result.retry_after, targets(world))
