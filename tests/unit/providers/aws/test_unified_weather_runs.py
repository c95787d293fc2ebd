"""What goes wrong while an NLB in front of an ALB is replaced: what clients reach goes on until another one does."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.faults import Fault
from tests.builders import listener
from tests.unit.providers.aws.unified_world import ANY, Unified, unified_world

__all__ = ["unified_world"]

type Plain = dict[str, Any]
TWO = [listener(), listener("more", 8080)]


def led_to(world: Unified, nlb: str) -> dict[int, list[str]]:
    """Return the ids of the targets that each port of an NLB leads to."""
    state = world.account.state()
    groups = {one["TargetGroupArn"]: one for one in state["targetGroups"]}
    (found,) = [one for one in state["loadBalancers"] if one["LoadBalancerArn"] == nlb]
    return {
        on["Port"]: [one["Id"] for one in groups[pair["TargetGroupArn"]]["Targets"] if one["State"] != "draining"]
        for on in found["Listeners"]
        for pair in on["Rules"][-1]["Actions"][0]["ForwardConfig"]["TargetGroups"]
    }


@pytest.mark.parametrize(
    ("call", "nth"),
    [("CreateLoadBalancer", 1), ("CreateTargetGroup", 1), ("RegisterTargets", 1), ("CreateListener", 1)],
)
def test_an_nlb_leads_to_the_alb_until_another_one_does(world: Unified, call: str, nth: int) -> None:
    world.ask(ANY)
    alb, former = (world.balancers()[kind]["LoadBalancerArn"] for kind in ("application", "network"))
    published = world.published()
    world.account.faults.add(Fault("denied", operation=call, nth=nth, count=9))

    world.ask(world.elastic(), allow=True)

    assert {80: [alb]} == led_to(world, former)
    assert published == world.published()
    world.account.faults.clear()
    world.settle()
    assert {80: [alb]} == led_to(world, world.balancers()["network"]["LoadBalancerArn"])
    assert former not in {one["LoadBalancerArn"] for one in world.account.state()["loadBalancers"]}
    assert [] == world.quiet()


def test_a_port_that_closes_while_an_nlb_cannot_be_replaced_leads_nowhere_and_the_other_goes_on(world: Unified) -> None:
    world.ask(ANY, listeners=TWO)
    alb, former = (world.balancers()[kind]["LoadBalancerArn"] for kind in ("application", "network"))
    world.account.faults.add(Fault("denied", operation="CreateLoadBalancer", count=9))

    world.ask(world.elastic(), allow=True)

    assert {80: [alb], 8080: []} == led_to(world, former)
    ((_, opened),) = world.account.state()["securityGroups"].items()
    assert {80} == {one["FromPort"] for one in opened}


def test_one_port_whose_listener_aws_refuses_keeps_neither_another_port_nor_the_leaving_nlb(world: Unified) -> None:
    world.ask(ANY, listeners=TWO)
    world.account.faults.add(Fault("denied", operation="CreateListener", count=9))

    world.ask(listeners=[listener(), listener("other", 8081)], allow=True)

    assert ["application"] == list(world.balancers())
    assert {80: "HTTP"} == world.ports("application")
