"""Where a load balancer cannot be replaced, or not yet: what clients reach goes on until another one serves them."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.faults import Fault
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from reconciler.events import Cause
from tests.aws_settings import message
from tests.builders import backend, listener, parent, route, route_of, rule
from tests.fakes import trigger
from tests.unit.providers.aws.unified_world import ANY, Unified, unified_world

__all__ = ["unified_world"]

type Plain = dict[str, Any]
TCP = listener("tcp", 9000, "TCP")
STREAM = route_of("TCPRoute", "t", spec={"parentRefs": [parent(port=9000)], "rules": [rule(backend())]})
TWO = [listener(), listener("more", 8080)]


def led_to(world: Unified, nlb: str) -> Any:
    """Return the ids of the targets that each port of an NLB leads to."""
    (found,) = [one["Ports"] for one in world.serving() if one["Arn"] == nlb]
    return found


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
    assert [] == world.deep()


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


@pytest.mark.parametrize("scheme", ["internet-facing", "internal"])
def test_a_former_load_balancer_serves_until_its_successor_is_active(scheme: str) -> None:
    with strict_aws(Settings(virtual_clock=True, provisioning=60.0)) as account:
        world = Unified(account)
        world.of_class()
        world.ask(ANY)
        account.clock.advance(61.0)
        world.run()
        former, published = world.serving(), world.published()
        world.of_class(scheme=scheme)
        address = world.elastic() if scheme == "internet-facing" else "10.0.17.9"

        for _ in range(2):
            world.ask(address, allow=True)
            assert former == [one for one in world.serving() if one in former]
            assert published == world.published()

        account.clock.advance(61.0)
        world.settle()
        assert [("IPAddress", address)] == world.published()
        assert not [one for one in world.serving() if one in former and one["Scheme"] != scheme]
        assert 2 == len(world.account.state()["loadBalancers"])
        assert [] == world.deep()


def test_a_load_balancer_that_cannot_be_had_costs_the_other_one_no_deep_look(world: Unified) -> None:
    """Without an address there is no NLB; a run with nothing to do asks for both, and then for what there is."""
    world.ask("2001:db8::1", allow=True)
    world.settle()
    assert {"application"} == set(world.balancers())
    world.forget()

    world.run(trigger(cause=Cause.RESYNC))

    counts = world.account.journal.counts()
    assert (3, 0) == (counts.reads, counts.writes)


@pytest.mark.parametrize("asked", ["203.0.113.9", "2001:db8::1"])
def test_streams_alone_keep_the_nlb_they_have_when_no_address_asked_for_can_be_had(world: Unified, asked: str) -> None:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    world.cluster.put(STREAM)
    world.ask(listeners=[TCP])
    before, nlb = world.published(), world.balancers()["network"]["LoadBalancerArn"]

    world.ask(asked, listeners=[TCP], allow=True)

    assert ({"Hostname"}, before) == ({kind for kind, _ in before}, world.published())
    assert nlb == world.balancers()["network"]["LoadBalancerArn"]
    assert {9000: "TCP"} == world.ports("network")
    assert ("False", "AddressNotUsable") == world.says()["Programmed"]


@pytest.mark.parametrize("asked", ["203.0.113.9", "2001:db8::1"])
@pytest.mark.parametrize("before", [[], [ANY]])
def test_what_serves_is_published_while_no_address_asked_for_can_be_had(
    world: Unified, asked: str, before: list[Plain]
) -> None:
    world.ask(*before)
    published = world.published()

    for cause in (Cause.EVENT, Cause.RESYNC, Cause.DEEP):
        world.ask(asked)
        world.run(trigger(cause=cause))

        assert published == world.published()
        assert ("False", "AddressNotUsable") == world.says()["Programmed"]


# --- addresses of other teams -------------------------------------------------------------------------------------


def test_an_elastic_ip_of_another_team_is_not_taken_and_not_even_looked_up(world: Unified) -> None:
    mine, theirs = world.elastic(), world.elastic()
    world.of_class(aws={"allowedAddresses": [mine]})
    world.forget()

    world.ask(mine, theirs)

    asked = [one.parameters for one in world.account.journal.entries() if one.operation == "DescribeAddresses"]
    assert asked
    assert theirs not in str(asked)
    assert [("IPAddress", mine)] == world.published()
    assert ("False", "AddressNotUsable") == world.says()["Programmed"]
    assert "allowedAddresses of the GatewayClass" in message(world)


@pytest.mark.parametrize("allowed", [[], ["198.51.100.0/24"]])
def test_a_class_may_allow_no_address_at_all_and_any_of_awss_choice_stays_possible(
    world: Unified, allowed: list[str]
) -> None:
    world.of_class(aws={"allowedAddresses": allowed})

    world.ask(world.elastic())

    assert "network" not in world.balancers()
    world.ask(ANY)
    assert 2 == len(world.published())


def test_an_address_that_a_class_allows_no_more_is_cut_off_only_where_that_is_allowed(world: Unified) -> None:
    one, other = world.elastic(), world.elastic()
    world.ask(one, other)
    world.of_class(aws={"allowedAddresses": [one]})
    world.cluster.put(route(hostnames=["new.example.com"]))

    held = world.ask(one, other)

    assert "cut off" in held.outcome.held
    assert 2 == len(world.published())
    assert "new" in str(world.balancers()["application"]["Listeners"])
    world.ask(one, other, allow=True)
    assert [("IPAddress", one)] == world.published()


@pytest.mark.parametrize("wrong", ["203.0.113.0/28", ["nonsense"], ["203.0.113.9/28"], ["2001:db8::/64"], [7], None])
def test_an_allow_list_that_holds_no_addresses_refuses_the_gateway(world: Unified, wrong: Any) -> None:
    world.of_class(aws={"allowedAddresses": wrong})

    world.ask(ANY)

    assert ("False", "InvalidParameters") == world.says()["Accepted"]
    assert {} == world.balancers()
