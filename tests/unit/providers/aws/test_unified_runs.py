"""An NLB in front of the ALB in whole runs against the emulated AWS: addresses, order, changes, deletion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emulators.aws.faults import Fault
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from reconciler.events import Cause
from reconciler.reconcile import Room, reconcile
from tests.builders import CLUSTER, backend, listener, parent, route, route_of, rule
from tests.fakes import trigger
from tests.unit.providers.aws.unified_world import ANY, Unified, told, unified_world

__all__ = ["unified_world"]

type Plain = dict[str, Any]
TCP = listener("tcp", 9000, "TCP")


def stream(port: int = 9000) -> Plain:
    return route_of("TCPRoute", "t", spec={"parentRefs": [parent(port=port)], "rules": [rule(backend())]})


# --- making -------------------------------------------------------------------------------------------------------


def test_an_elastic_ip_stands_in_front_of_the_requests_and_is_published(world: Unified) -> None:
    address = world.elastic()

    world.ask(address)

    balancers = world.balancers()
    assert {80: "TCP"} == world.ports("network")
    assert [balancers["application"]["LoadBalancerArn"]] == world.behind(80)
    assert [("IPAddress", address)] == world.published()
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert [] == world.deep()


def test_only_the_addresses_asked_for_are_bound(world: Unified) -> None:
    address = world.elastic()

    world.ask(address)

    assert [address] == world.balancers()["network"]["Addresses"]
    assert 2 == len(world.balancers()["application"]["AvailabilityZones"])


def test_any_address_is_one_a_zone_of_awss_choice(world: Unified) -> None:
    world.ask(ANY)

    bound = world.balancers()["network"]["Addresses"]
    assert 2 == len(bound)
    assert [("IPAddress", one) for one in sorted(bound)] == world.published()
    assert [] == world.account.client("ec2").describe_addresses()["Addresses"]
    assert [] == world.deep()


def test_a_class_may_say_unified_without_any_address(world: Unified) -> None:
    world.of_class(aws={"addressMode": "unified"})

    world.settle()

    assert {80: "TCP"} == world.ports("network")
    assert {"IPAddress"} == {kind for kind, _ in world.published()}


def test_streams_and_requests_share_the_address(world: Unified) -> None:
    world.cluster.put(stream())
    address = world.elastic()

    world.ask(address, listeners=[listener(), TCP])

    assert {80: "TCP", 9000: "TCP"} == world.ports("network")
    assert ["10.244.0.1"] == world.behind(9000)
    assert [("IPAddress", address)] == world.published()
    assert [] == world.deep()


def test_streams_alone_need_no_application_load_balancer(world: Unified) -> None:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    world.cluster.put(stream())
    address = world.elastic()

    world.ask(address, listeners=[TCP])

    assert ["network"] == list(world.balancers())
    assert [("IPAddress", address)] == world.published()


def test_a_stream_on_a_port_of_requests_is_told_that_the_port_is_taken(world: Unified) -> None:
    world.ask(world.elastic(), listeners=[listener(), listener("udp", 80, "UDP")])

    listeners = world.cluster.get("Gateway", "infra", "gw")["status"]["listeners"]
    told_of = {one["name"]: {c["reason"] for c in one["conditions"]} for one in listeners}
    assert "PortUnavailable" in told_of["udp"]
    assert {80: "TCP"} == world.ports("network")


def test_the_alb_is_ready_before_it_is_a_target_and_a_target_before_anything_leads_to_it(world: Unified) -> None:
    world.forget()
    world.ask(world.elastic())

    calls = [(one.operation, one.parameters) for one in world.account.journal.writes()]
    steps = [name for name, _ in calls]
    (registered,) = [n for n, (name, given) in enumerate(calls) if "loadbalancer/app" in str(given.get("Targets"))]
    first, second = (n for n, (name, _) in enumerate(calls) if name == "CreateListener")
    assert first < steps.index("CreateRule") < registered < second


def test_health_checks_of_the_nlb_may_reach_the_alb(world: Unified) -> None:
    world.of_class(sourceRanges=["198.51.100.0/24"])
    world.ask(world.elastic())

    ((group, (opened,)),) = world.account.state()["securityGroups"].items()
    assert ["198.51.100.0/24"] == [one["CidrIp"] for one in opened["IpRanges"]]
    assert [group] == [one["GroupId"] for one in opened["UserIdGroupPairs"]]
    assert [] == world.deep()


def test_an_internal_gateway_takes_a_private_address_of_its_subnets(world: Unified) -> None:
    world.of_class(scheme="internal")

    world.ask("10.0.17.9")

    assert [("IPAddress", "10.0.17.9")] == world.published()
    assert [] == world.deep()


def test_a_run_with_nothing_to_do_takes_two_reads_with_elastic_ips_and_three_without(world: Unified) -> None:
    for asked, most in ((world.elastic(), 2), (ANY, 3)):
        world.ask(asked, allow=True)
        world.settle()
        world.forget()

        world.run(trigger(cause=Cause.RESYNC))

        counts = world.account.journal.counts()
        assert (most, 0) == (counts.reads, counts.writes)


# --- addresses that cannot be had ---------------------------------------------------------------------------------


def test_an_address_of_another_type_is_refused_and_nothing_is_built(world: Unified) -> None:
    world.ask({"type": "Hostname", "value": "a.example.com"})

    assert ("False", "UnsupportedAddress") == world.says()["Accepted"]
    assert {} == world.balancers()


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1", "not-an-address"])
def test_an_address_that_nobody_can_use_is_told_and_the_others_serve(world: Unified, address: str) -> None:
    usable = world.elastic()

    world.ask(address, usable)

    assert ("True", "Accepted") == world.says()["Accepted"]
    assert ("False", "AddressNotUsable") == world.says()["Programmed"]
    assert [("IPAddress", usable)] == world.published()
    world.ask(usable)
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert [("IPAddress", usable)] == world.published()


def test_without_any_usable_address_nothing_stands_in_front_and_it_is_told(world: Unified) -> None:
    result = world.ask("203.0.113.9")

    assert "no Elastic IP" in told(result.outcome.failed)
    assert ("False", "AddressNotUsable") == world.says()["Programmed"]
    assert "network" not in world.balancers()
    assert [] == world.published()
    assert [] == world.deep()


def test_who_has_an_address_keeps_it_and_the_other_is_told(world: Unified) -> None:
    address = world.elastic()
    subnet = world.account.prepare_network().subnet_ids[0]
    world.account.client("elbv2").create_load_balancer(
        Name="theirs",
        Type="network",
        SubnetMappings=[
            {
                "SubnetId": subnet,
                "AllocationId": world.account.client("ec2").describe_addresses()["Addresses"][0]["AllocationId"],
            }
        ],
    )

    result = world.ask(address)

    assert "in use already" in told(result.outcome.failed)
    assert ("False", "AddressNotUsable") == world.says()["Programmed"]


def test_more_addresses_than_zones_leave_the_last_without_a_place(world: Unified) -> None:
    addresses = [world.elastic() for _ in range(3)]

    result = world.ask(*addresses)

    assert "has no place" in told(result.outcome.failed)
    assert 2 == len(world.published())


def test_a_zone_waits_for_an_address_that_cannot_be_had_yet(world: Unified) -> None:
    world.ask("203.0.113.9", ANY)
    (before,) = world.published()
    address = world.elastic()

    world.ask(address, ANY)

    assert {before, ("IPAddress", address)} == set(world.published())
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_private_addresses_outside_of_the_subnets_are_told(world: Unified) -> None:
    world.of_class(scheme="internal")

    result = world.ask("10.9.9.9")

    assert "no free subnet has it" in told(result.outcome.failed)
    assert ("False", "AddressNotUsable") == world.says()["Programmed"]


# --- changes ------------------------------------------------------------------------------------------------------


def test_split_becomes_unified_without_touching_what_serves(world: Unified) -> None:
    world.settle()
    before = world.balancers()["application"]["LoadBalancerArn"]

    world.forget()
    world.ask(world.elastic())

    assert before == world.balancers()["application"]["LoadBalancerArn"]
    assert not [one for one in world.operations() if one.startswith("Delete")]
    assert {"IPAddress"} == {kind for kind, _ in world.published()}


def test_the_former_address_is_published_until_the_new_one_serves() -> None:
    with strict_aws(Settings(virtual_clock=True, provisioning=60.0)) as account:
        world = Unified(account)
        world.of_class()
        world.run()
        account.clock.advance(61.0)
        world.run()
        former, address = world.published(), world.elastic()

        world.ask(address)

        assert {"Hostname"} == {kind for kind, _ in former}
        assert former == world.published()
        assert ("False", "Pending") == world.says()["Programmed"]
        account.clock.advance(61.0)
        world.run()
        assert [("IPAddress", address)] == world.published()


def test_what_stands_in_front_goes_only_where_that_is_allowed(world: Unified) -> None:
    address = world.elastic()
    world.ask(address)

    held = world.ask()

    assert "cut off" in held.outcome.held
    assert {80: "TCP"} == world.ports("network")
    assert [("IPAddress", address)] == world.published()
    world.ask(allow=True)
    assert ["application"] == list(world.balancers())
    assert {"Hostname"} == {kind for kind, _ in world.published()}
    assert [] == world.deep()


def test_while_the_front_stays_routes_go_on_changing(world: Unified) -> None:
    world.ask(world.elastic())
    world.cluster.put(route(hostnames=["new.example.com"]))

    held = world.ask()

    assert held.outcome.held
    (found,) = [one for one in world.balancers()["application"]["Listeners"] if one["Port"] == 80]
    assert "new" in str(found["Rules"])


def test_a_port_comes_and_goes_in_front_and_behind(world: Unified) -> None:
    address = world.elastic()
    world.ask(address, listeners=[listener(), listener("more", 8080)])
    assert {80: "TCP", 8080: "TCP"} == world.ports("network")

    world.ask(address)

    assert ({80: "TCP"}, {80: "HTTP"}) == (world.ports("network"), world.ports("application"))
    assert 1 == sum(one["TargetType"] == "alb" for one in world.account.state()["targetGroups"])
    assert [] == world.deep()


def test_another_address_comes_at_once_and_one_less_waits_for_the_annotation(world: Unified) -> None:
    one, other = world.elastic(), world.elastic()
    world.ask(one)

    world.ask(one, other)

    assert sorted([one, other]) == sorted(value for _, value in world.published())
    held = world.ask(other)
    assert "cut off" in held.outcome.held
    assert 2 == len(world.published())
    world.ask(other, allow=True)
    assert [("IPAddress", other)] == world.published()
    assert [] == world.deep()


def test_an_address_that_aws_chose_is_given_up_only_where_that_is_allowed(world: Unified) -> None:
    world.ask(ANY)
    former, address = world.published(), world.elastic()

    held = world.ask(address)

    assert "cut off" in held.outcome.held
    assert former == world.published()
    world.forget()
    world.ask(address, allow=True)
    calls = world.operations()
    assert calls.index("CreateLoadBalancer") < calls.index("DeleteLoadBalancer")
    assert [("IPAddress", address)] == world.published()
    assert 2 == len(world.account.state()["loadBalancers"])
    assert [] == world.deep()


def test_an_unusable_address_takes_nothing_away_from_the_usable_one_that_serves(world: Unified) -> None:
    address = world.elastic()
    world.ask(address)

    world.ask("203.0.113.9", allow=True)

    assert [("IPAddress", address)] == world.published()
    assert ("False", "AddressNotUsable") == world.says()["Programmed"]


# --- bad weather ---------------------------------------------------------------------------------------------------


def test_nothing_leads_to_an_alb_that_could_not_be_registered(world: Unified) -> None:
    world.account.faults.add(Fault("500", operation="RegisterTargets", nth=2, count=4))

    world.ask(world.elastic())

    assert {} == world.ports("network")
    assert ("False", "Pending") == world.says()["Programmed"]
    world.settle()
    assert {80: "TCP"} == world.ports("network")
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_an_alb_that_aws_does_not_see_listening_yet_is_registered_a_little_later() -> None:
    with strict_aws(Settings(virtual_clock=True, consistency_delay=1.5)) as account:
        world = Unified(account)
        account.clock.advance(60.0)
        world.of_class(aws={"addressMode": "unified"})
        provider = replace(world.provider, sleep=world.pass_time)

        for _ in range(3):
            result = reconcile(trigger(), Room(world.cluster, provider, lambda: "nonce"))
            account.clock.advance(2.0)

        assert () == result.outcome.failed
        assert world.behind(80)


# --- the end ------------------------------------------------------------------------------------------------------


def test_a_deleted_gateway_takes_all_along_and_leaves_the_elastic_ip_to_its_owner(world: Unified) -> None:
    world.ask(world.elastic(), listeners=[listener(), TCP])
    world.cluster.remove("Gateway", "infra", "gw")

    world.run()

    state = world.account.state()
    assert ([], []) == (state["loadBalancers"], state["targetGroups"])
    (left,) = world.account.client("ec2").describe_addresses()["Addresses"]
    assert not left.get("AssociationId")
    assert ("Gateway", "infra", "gw") not in world.cluster.objects


def test_the_sweep_removes_both_load_balancers_of_a_gateway_that_is_gone(world: Unified) -> None:
    world.ask(world.elastic())

    for _ in range(2):
        world.provider.sweep(CLUSTER, lambda _, __: False, 0.0, 0.0)

    state = world.account.state()
    assert ([], []) == (state["loadBalancers"], state["targetGroups"])
