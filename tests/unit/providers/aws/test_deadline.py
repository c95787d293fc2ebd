"""Runs that the deadline cuts: what was done stays done, the next goes on, and one that got nowhere is a failure."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulators.aws.records import LoadBalancer
from providers import provider_for
from reconciler.errors import Throttled
from reconciler.events import Cause, Trigger
from reconciler.reconcile import Result, Room, reconcile
from tests.aws_world import World
from tests.builders import CONTROLLER, backend, endpoints, exact, gateway, route, rule, with_service
from tests.fakes import trigger


def run_until(world: World, over: Callable[[], bool], one: Trigger) -> Result:
    """Reconcile in an invocation whose time is up as soon as something is true."""
    provider = provider_for(CONTROLLER, left=lambda: 0.0 if over() else 100.0, rate=1000)
    return reconcile(one, Room(world.cluster, provider, lambda: "nonce"))


def after(world: World, writes: int) -> Callable[[], bool]:
    """Tell whether so many writes were made since now."""
    world.forget()
    return lambda: len(world.operations()) >= writes


def marked(world: World) -> Callable[[], bool]:
    """Tell whether the mark stands: reading is over, writing begins."""
    return lambda: "mark dirty" in world.cluster.writes


def test_a_run_without_time_for_its_first_write_is_tried_again_and_counted(world: World) -> None:
    with pytest.raises(Throttled, match="no time is left"):
        run_until(world, marked(world), trigger())

    assert [] == world.operations()
    assert ("False", "Pending") == world.says()["Programmed"]


def test_a_run_without_time_for_a_read_is_tried_again_and_counted(world: World) -> None:
    with pytest.raises(Throttled, match="no time is left"):
        run_until(world, lambda: True, trigger())


def test_a_run_that_made_a_write_goes_on_later_and_repeats_none(world: World) -> None:
    result = run_until(world, after(world, 3), trigger())

    assert (3, (), False) == (result.outcome.done, result.outcome.failed, result.outcome.complete)
    again = result.follow_up(trigger())
    assert (Cause.LATER, 1, ()) == (again.cause, again.attempt, again.waiting)
    done = world.operations()
    assert world.run(again).retry_after is None
    assert sorted(set(world.operations())) == sorted(world.operations())
    assert len(done) == 3


def test_a_cut_run_that_may_have_missed_events_still_compares_every_pool_when_it_goes_on(world: World) -> None:
    """Endpoints stand outside of the mark: only the cause asks for them, and it has to survive the later queue."""
    world.cluster.put(
        route(rules=[rule(backend("web")), rule(backend("shop"), matches=[exact("/shop")])]), *with_service("shop", "a")
    )
    world.run()
    for name in ("web", "shop"):
        world.cluster.put(endpoints(name, "a", ["10.244.9.9"]))

    relist = trigger(cause=Cause.RELIST, run="r")
    result = run_until(world, after(world, 1), relist)
    world.run(result.follow_up(relist))

    groups = world.account.state()["targetGroups"]
    filled = [one for one in groups if one["TargetGroupArn"] and one["Targets"]]
    assert 2 == len(filled)
    assert {"10.244.9.9"} == {t["Id"] for one in filled for t in one["Targets"] if t["State"] != "draining"}


def test_a_paused_gateway_is_told_when_its_load_balancer_is_there(world: World) -> None:
    """Held changes do not hold up the look at what was made before."""
    balancers = world.account.region("us-east-1").load_balancers
    world.run()
    for one in balancers.values():
        one.active_at = world.account.clock.now() + 1000
    world.cluster.put(gateway(annotations={**_annotations(world), "routewright.dev/paused": "true"}))
    world.cluster.put(route(rules=[rule(backend(), matches=[exact("/new")])]))

    result = world.run()

    assert result.outcome.held
    assert tuple(balancers) == result.follow_up(trigger()).waiting


def test_a_load_balancer_that_aws_could_not_make_is_told_and_waited_for_no_longer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()
    monkeypatch.setattr(LoadBalancer, "state", lambda *_: "failed")

    result = world.run(trigger(cause=Cause.LATER))

    assert result.retry_after is None
    assert ("False", "Invalid") == world.says()["Programmed"]
    (failure,) = result.outcome.failed
    assert "AWS could not make it" in failure.error.message
    world.cluster.remove("Gateway", "infra", "gw")
    world.run()
    assert [] == world.account.state()["loadBalancers"], "its Gateway can be deleted all the same"


def _annotations(world: World) -> dict[str, str]:
    return dict(world.cluster.get("Gateway", "infra", "gw")["metadata"]["annotations"])
