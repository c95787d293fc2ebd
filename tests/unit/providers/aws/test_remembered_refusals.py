"""What AWS refused for good is asked again only when it may be answered otherwise, in whole runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from reconciler.events import Cause, Seen
from reconciler.mark import Mark, State, annotation, parse
from reconciler.reconcile import Result
from tests.aws_world import World
from tests.builders import backend, endpoints, exact, route, rule, with_service
from tests.fakes import trigger

type Plain = dict[str, Any]
BAD, GOOD = "/bad", "/good"


@pytest.fixture
def world() -> Iterator[World]:
    """A good Route, and a bad one whose rule AWS refuses."""
    with strict_aws() as account:
        found = World(account)
        found.cluster.put(*with_service("api", "b"))
        refuse(found, "CreateRule", BAD)
        found.cluster.put(at("good", GOOD), at("bad", BAD))
        found.run()
        found.forget()
        yield found


def refuse(world: World, operation: str, about: str, code: str = "ValidationError") -> None:
    world.account.faults.add(Fault("refused", operation, count=1000, about=about, code=code))


def at(name: str, *paths: str, service: str = "api") -> Plain:
    """Return a Route with a rule a path, none of which shares one of AWS's with another."""
    apart = [{"headers": [{"name": f"x-{name}{place}", "value": "1"}]} for place in range(len(paths))]
    matches = [exact(path) | header for path, header in zip(paths, apart, strict=True)]
    return route(name, "b", [rule(backend(service), matches=[match]) for match in matches])


def event(world: World, *objects: Plain, services: tuple[str, ...] = ()) -> Result:
    """Put objects of a team and let their event run."""
    world.cluster.put(*objects)
    return world.run(trigger(seen=(Seen("HTTPRoute", "uid-b-good", "10"),), services=services))


def mark(world: World) -> Mark:
    found = parse(world.cluster.get("Gateway", "infra", "gw")["metadata"]["annotations"][annotation("aws")])
    assert found is not None
    return found


def accepted(world: World, name: str) -> tuple[str, str]:
    return world.says("HTTPRoute", "b", name)["Accepted"]


def paths(world: World) -> set[str]:
    return {
        value
        for one in world.rules()
        for condition in one["Conditions"]
        for value in condition.get("PathPatternConfig", {}).get("Values", ())
    }


def test_a_later_change_of_another_route_asks_for_what_was_refused_no_more(world: World) -> None:
    event(world, at("good", GOOD, "/more"))

    assert ["CreateRule"] == world.operations()
    assert {GOOD, "/more"} <= paths(world)
    assert ("False", "UnsupportedValue") == accepted(world, "bad")
    assert State.REFUSED is mark(world).state


def test_an_event_that_changes_nothing_costs_two_reads_and_leaves_the_status(world: World) -> None:
    before = world.cluster.get("HTTPRoute", "b", "bad")["status"]

    event(world)

    assert ["elbv2.DescribeLoadBalancers", "elbv2.DescribeTags"] == [
        one.name for one in world.account.journal.entries()
    ]
    assert before == world.cluster.get("HTTPRoute", "b", "bad")["status"]


def test_a_change_of_the_refused_route_is_tried_at_once(world: World) -> None:
    event(world, at("bad", "/mended"))

    assert "/mended" in paths(world)
    assert ("True", "Accepted") == accepted(world, "bad")
    assert State.CLEAN is mark(world).state


@pytest.mark.parametrize("cause", [Cause.RESYNC, Cause.RELIST, Cause.DEEP])
def test_the_schedule_asks_again_and_nothing_is_left_of_a_refusal_that_ended(world: World, cause: Cause) -> None:
    world.run(trigger(cause=cause))
    assert ["CreateRule"] == world.operations()

    world.account.faults.clear()
    world.run(trigger(cause=cause))

    assert BAD in paths(world)
    assert ("True", "Accepted") == accepted(world, "bad")
    assert State.CLEAN is mark(world).state
    world.forget()
    world.run(trigger(cause=Cause.DEEP))
    assert [] == world.operations()


def test_a_route_that_shares_what_was_refused_is_told_the_same(world: World) -> None:
    refuse(world, "CreateTargetGroup", "-broken-")
    event(world, *with_service("broken", "b"), at("first", "/first", service="broken"))
    world.forget()

    event(world, at("second", "/second", service="broken"))

    assert "CreateTargetGroup" not in world.operations() or ("False", "UnsupportedValue") == accepted(world, "first")
    assert ("False", "UnsupportedValue") == accepted(world, "second")
    assert (
        "CreateTargetGroup"
        in world.cluster.get("HTTPRoute", "b", "second")["status"]["parents"][0]["conditions"][0]["message"]
    )


def test_room_that_was_made_lets_what_did_not_fit_be_tried_again(world: World) -> None:
    world.account.faults.clear()
    refuse(world, "CreateRule", BAD, "TooManyRules")
    world.run(trigger(cause=Cause.RESYNC))
    assert State.REFUSED is mark(world).state
    world.account.faults.clear()
    del world.cluster.objects["HTTPRoute", "b", "good"]

    result = event(world)
    assert result.retry_after is not None
    world.run(trigger(cause=Cause.LATER))

    assert BAD in paths(world)


def test_whom_a_refusal_keeps_in_is_shut_out_in_every_run(world: World) -> None:
    """Else what somebody took back would be served until the schedule looks."""
    refuse(world, "DeleteRule", "")
    del world.cluster.objects["HTTPRoute", "b", "good"]
    event(world)
    world.forget()

    event(world)

    assert "DeleteRule" in world.operations()
    assert State.DIRTY is mark(world).state


def test_the_last_good_rule_of_a_refused_change_goes_on_while_others_change(world: World) -> None:
    world.account.faults.clear()
    event(world, at("bad", "/live"), *with_service("new", "b", ["10.244.0.9"]))
    refuse(world, "ModifyRule", "-new-")
    event(world, at("bad", "/live", service="new"))
    world.forget()

    event(world, *with_service("other", "b", ["10.244.0.8"]), at("good", GOOD, service="other"))

    assert {"/live", GOOD} <= paths(world)
    assert ["CreateTargetGroup", "RegisterTargets", "ModifyRule"] == world.operations()
    found = world.cluster.get("HTTPRoute", "b", "bad")["status"]["parents"][0]["conditions"]
    assert [one["message"].startswith("Fall Back") for one in found if one["type"] == "PartiallyInvalid"] == [True]


def test_a_pod_replaced_behind_a_good_route_costs_two_writes(world: World) -> None:
    event(world, endpoints("api", "b", ["10.244.0.7"]), services=("b/api",))

    assert ["RegisterTargets", "DeregisterTargets"] == world.operations()


@pytest.mark.parametrize("nth", [1, 2])
def test_a_run_that_is_cut_beside_a_refusal_is_made_up_for(world: World, nth: int) -> None:
    world.account.faults.add(Fault("cut", "write", nth=nth, effect="after"))
    with pytest.raises(ProcessCut):
        event(world, *with_service("more", "b", ["10.244.0.6"]), at("good", GOOD, "/more", service="more"))
    assert State.DIRTY is mark(world).state
    world.account.faults.clear()

    event(world)

    assert {GOOD, "/more", BAD} <= paths(world)
    assert State.CLEAN is mark(world).state
