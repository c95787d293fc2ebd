"""What AWS refuses for good costs the Route that asked for it: what it would replace stays, what is to close closes."""

from __future__ import annotations

from typing import Any

from emulators.aws.faults import Fault
from tests.aws_settings import backends
from tests.aws_world import World
from tests.builders import (
    backend,
    config,
    config_ref,
    gateway,
    gateway_class,
    listener,
    prefix,
    route,
    rule,
    with_service,
)

type Plain = dict[str, Any]
PARAMETERS = config_ref()


def at(*paths: str) -> Plain:
    return route(rules=[rule(backend(), matches=[prefix(path)]) for path in paths])


def paths(world: World) -> set[str]:
    return {value for one in world.rules() for c in one["Conditions"] for value in c["PathPatternConfig"]["Values"]}


def refuse(world: World, call: str) -> None:
    """Let AWS refuse a call for good."""
    world.account.faults.add(Fault("denied", call, "elbv2", nth=1, count=1000))


def refuse_rules(world: World) -> None:
    """Let AWS refuse every new rule for good."""
    refuse(world, "CreateRule")


def ports(world: World) -> list[int]:
    return [one["Port"] for one in world.balancer()["Listeners"]]


def opened(world: World) -> list[int]:
    """Return the ports that the security group of ours lets clients through to."""
    held = world.account.state()["securityGroups"]
    return sorted({one["FromPort"] for group in world.balancer()["SecurityGroups"] for one in held.get(group, ())})


def test_a_rule_that_would_be_replaced_by_a_refused_one_stays(world: World) -> None:
    world.cluster.put(at("/live"))
    world.run()
    world.cluster.put(at("/live/now"))
    refuse_rules(world)

    world.run()

    assert {"/live", "/live/*"} == paths(world)


def test_a_rule_that_nothing_refused_overlaps_goes_all_the_same(world: World) -> None:
    apart = rule(backend("api"), matches=[prefix("/other")])
    both = route(rules=[rule(backend(), matches=[prefix("/live")]), apart])
    world.cluster.put(both, *with_service("api"))
    world.run()
    world.cluster.put(at("/live/now"))
    refuse_rules(world)

    world.run()

    assert {"/live", "/live/*"} == paths(world)


def test_a_refused_rule_is_tried_once_a_run_and_nothing_else_is_written(world: World) -> None:
    world.cluster.put(at("/live"))
    world.run()
    world.cluster.put(at("/live/now"))
    refuse_rules(world)
    world.run()

    assert ["CreateRule"] == world.deep()


def test_clients_are_shut_out_whatever_rule_aws_refused(world: World) -> None:
    sources = [["0.0.0.0/0"], ["10.0.0.0/8"]]
    world.cluster.put(gateway_class(parametersRef=PARAMETERS), config({"sourceRanges": sources[0]}), at("/live"))
    world.run()
    world.cluster.put(config({"sourceRanges": sources[1]}), at("/live/now"))
    refuse_rules(world)

    world.run()

    (group,) = world.balancer()["SecurityGroups"]
    permissions = world.account.state()["securityGroups"][group]
    assert ["10.0.0.0/8"] == [one["CidrIp"] for found in permissions for one in found["IpRanges"]]


def test_a_listener_is_closed_whatever_rule_aws_refused(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener(), listener("more", 81)]), at("/live"))
    world.run()
    world.cluster.put(gateway(), at("/live/now"), *with_service("api"))
    refuse_rules(world)

    world.run()

    assert [80] == [one["Port"] for one in world.balancer()["Listeners"]]
    (group,) = world.balancer()["SecurityGroups"]
    assert [80] == [one["FromPort"] for one in world.account.state()["securityGroups"][group]]


def test_no_door_is_opened_where_aws_refused_the_listener_and_no_other_port_stays_open(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener(), listener("more", 81)]))
    world.run()
    world.cluster.put(gateway(listeners=[listener(), listener("other", 82)]))
    refuse(world, "CreateListener")

    world.run()

    assert ([80], [80]) == (ports(world), opened(world))
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_a_load_balancer_that_aws_refused_to_change_keeps_no_port_open(world: World) -> None:
    world.cluster.put(gateway_class(parametersRef=PARAMETERS), config({"addressType": "ipv4"}))
    world.cluster.put(gateway(listeners=[listener(), listener("more", 81)]))
    world.run()
    world.cluster.put(gateway(), config({"aws": {"securityGroups": [backends(world), "managed"]}}))
    refuse(world, "SetSecurityGroups")

    world.run()

    assert ([80], [80]) == (ports(world), opened(world))


def test_a_listener_stays_where_aws_refused_what_was_to_take_its_port(world: World) -> None:
    world.run()
    world.cluster.put(gateway(listeners=[listener("tcp", 80, "TCP"), listener("more", 81)]))
    refuse(world, "CreateListener")

    world.run()

    balancers = {one["Type"]: one for one in world.account.state()["loadBalancers"]}
    assert [80] == [one["Port"] for one in balancers["application"]["Listeners"]]
    (group,) = balancers["application"]["SecurityGroups"]
    assert [80] == [one["FromPort"] for one in world.account.state()["securityGroups"][group]]


def test_the_load_balancer_of_the_last_stream_goes_whatever_rule_aws_refused(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener(), listener("tcp", 9000, "TCP")]), at("/live"))
    world.run()
    world.cluster.put(gateway(), at("/live/now"))
    refuse_rules(world)

    world.run()

    assert ["application"] == [one["Type"] for one in world.account.state()["loadBalancers"]]


def test_a_rule_goes_that_sends_where_nobody_may_send_any_more_whatever_aws_refused(world: World) -> None:
    world.cluster.put(at("/live"), *with_service("api"))
    world.run()
    world.cluster.put(route(rules=[rule(backend("api"), matches=[prefix("/live/now")])]))
    refuse_rules(world)

    world.run()

    assert set() == paths(world)
