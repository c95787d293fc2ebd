"""Law 6: one call that fails for now costs what is built on it; the rest is applied, and the next run mends it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from emulators.aws.faults import Fault
from emulators.aws.inprocess import strict_aws
from providers.aws.clients import ATTEMPTS
from reconciler.errors import TransientError
from reconciler.events import Cause
from tests.aws_world import World
from tests.builders import backend, gateway, listener, prefix, route, rule, with_service
from tests.fakes import trigger

PORTS, SERVICES = (80, 81, 82), ("s0", "s1", "s2")


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A Gateway with three listeners and a Route on each of them, every one with a Service of its own."""
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the SDK waits between its tries
    with strict_aws() as account:
        yield prepared(World(account))


def prepared(world: World) -> World:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    world.cluster.put(gateway(listeners=[listener(f"p{port}", port) for port in PORTS]))
    for port, name in zip(PORTS, SERVICES, strict=True):
        rules = [rule(backend(name), matches=[prefix("/")])]
        parents = [{"name": "gw", "namespace": "infra", "port": port}]
        world.cluster.put(route(name, "a", rules, parents=parents), *with_service(name))
    return world


def settle(world: World) -> None:
    for _ in range(4):
        try:
            if world.run(trigger(cause=Cause.LATER)).retry_after is None:
                return
        except TransientError:
            continue
    pytest.fail("it does not settle")


def ports_that_serve(world: World) -> set[int]:
    """Return the ports with a rule whose target group has a target."""
    state = world.account.state()
    filled = {one["TargetGroupArn"] for one in state["targetGroups"] if one["Targets"]}
    return {
        found["Port"]
        for balancer in state["loadBalancers"]
        for found in balancer["Listeners"]
        for one in found["Rules"]
        for action in one["Actions"]
        if {group["TargetGroupArn"] for group in action.get("ForwardConfig", {}).get("TargetGroups", ())} & filled
    }


@pytest.mark.parametrize("operation", ["CreateTargetGroup", "RegisterTargets", "CreateListener", "CreateRule"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_call_that_fails_for_now_costs_one_listener_and_comes_back(world: World, operation: str, nth: int) -> None:
    world.account.faults.add(Fault("503", operation, nth=nth, count=ATTEMPTS))

    world.run()

    assert len(PORTS) - 1 == len(ports_that_serve(world))
    world.account.faults.clear()
    settle(world)
    assert set(PORTS) == ports_that_serve(world)
    assert {("True", "Accepted")} == {world.says("HTTPRoute", "a", name)["Accepted"] for name in SERVICES}
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_every_single_write_may_fail_and_the_next_runs_make_up_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    for nth in range(1, 40):
        with strict_aws() as account:
            world = prepared(World(account))
            account.faults.add(Fault("500", "write", nth=nth, count=ATTEMPTS))
            try:
                world.run()
            except TransientError:
                assert ("False", "Pending") == world.says()["Programmed"]
            struck = any(entry.fault for entry in account.journal.entries(0))
            account.faults.clear()
            settle(world)
            assert set(PORTS) == ports_that_serve(world)
            if not struck:
                assert nth > len(PORTS) * 4
                return
    pytest.fail("the writes never ended")
