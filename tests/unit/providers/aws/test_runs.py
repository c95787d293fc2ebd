"""Whole runs against the emulated AWS: what others did, what AWS refuses, what takes time, what is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.faults import Fault
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from reconciler.events import Cause
from tests.aws_world import World, hold, secret, secure
from tests.builders import (
    CLUSTER,
    backend,
    config,
    config_ref,
    exact,
    gateway,
    gateway_class,
    listener,
    parent,
    prefix,
    route,
    rule,
    with_service,
)
from tests.fakes import trigger


def test_a_rule_that_somebody_made_by_hand_stays_and_its_priority_is_avoided(world: World) -> None:
    world.run()
    elbv2, arn = world.account.client("elbv2"), world.balancer()["Listeners"][0]["ListenerArn"]
    action = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    theirs = [{"Field": "path-pattern", "Values": ["/theirs"]}]
    elbv2.create_rule(ListenerArn=arn, Priority=1, Conditions=theirs, Actions=action)
    world.cluster.put(route(rules=[rule(backend(), matches=[exact("/new")]), rule(backend())]))

    world.run()

    assert "1" in {one["Priority"] for one in world.rules()}
    assert 3 == len(world.rules())
    assert [] == world.deep()


@pytest.mark.parametrize("deed", ["delete", "change"])
def test_what_somebody_did_to_our_rule_is_mended_by_a_deep_look(world: World, deed: str) -> None:
    world.run()
    before = world.rules()
    elbv2, arn = world.account.client("elbv2"), before[0]["RuleArn"]
    if deed == "delete":
        elbv2.delete_rule(RuleArn=arn)
    else:
        action = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]
        elbv2.modify_rule(RuleArn=arn, Actions=action)

    world.run(trigger(cause=Cause.DEEP))

    assert [one["Actions"] for one in before] == [one["Actions"] for one in world.rules()]


def test_a_load_balancer_of_somebody_else_under_our_name_is_an_error_and_untouched(world: World) -> None:
    world.run()
    elbv2, arn = world.account.client("elbv2"), world.balancer()["LoadBalancerArn"]
    elbv2.remove_tags(ResourceArns=[arn], TagKeys=["routewright.dev/cluster"])
    world.forget()

    world.run(trigger(cause=Cause.DEEP))

    assert ("False", "Invalid") == world.says()["Programmed"]
    assert [] == world.operations()


def test_no_subnets_are_a_condition_that_says_what_to_do() -> None:
    with strict_aws() as account:
        world = World(account, network=False)
        world.run()

        told = world.cluster.get("Gateway", "infra", "gw")["status"]["conditions"]
        (programmed,) = [one for one in told if one["type"] == "Programmed"]
        assert "Invalid" == programmed["reason"]
        assert "kubernetes.io/role/internal-elb" in programmed["message"]
        assert [] == world.operations()


def test_while_aws_provisions_the_gateway_waits_without_failing() -> None:
    with strict_aws(Settings(provisioning=60, virtual_clock=True)) as account:
        world = World(account)

        first = world.run()
        assert first.retry_after is not None
        assert ("False", "Pending") == world.says()["Programmed"]
        assert "addresses" not in world.cluster.get("Gateway", "infra", "gw")["status"]

        account.clock.advance(61)
        world.forget()
        second = world.run(trigger(cause=Cause.LATER))
        assert second.retry_after is None
        assert ("True", "Programmed") == world.says()["Programmed"]
        assert [] == world.operations()


def test_a_quota_that_aws_enforces_is_told_where_it_belongs(world: World) -> None:
    world.account.limits.set("rules-per-application-load-balancer", 1)
    older = route("older", "a", [rule(backend(), matches=[exact("/a")])], creationTimestamp="2025-01-01T00:00:00Z")
    newer = route("web", "a", [rule(backend("api"), matches=[exact("/b")])])
    world.cluster.put(older, newer, *with_service("api"))

    world.run()

    refused = {name for name in ("older", "web") if world.says("HTTPRoute", "a", name)["Accepted"][0] == "False"}
    assert 1 == len(refused)
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_a_call_that_we_may_not_make_is_told_and_not_tried_for_ever(world: World) -> None:
    world.account.limits.set("application-load-balancers", 0)

    result = world.run()

    assert ("False", "NoResources") == world.says()["Programmed"]
    assert result.outcome.failed


@pytest.mark.parametrize("kind", ["throttle", "500", "503", "html500", "reset"])
def test_any_failure_of_one_read_is_outlived(world: World, kind: Any) -> None:
    world.account.faults.add(Fault(kind, "read", nth=2))

    world.run()
    world.account.faults.clear()
    world.run()

    assert ("True", "Programmed") == world.says()["Programmed"]


def test_changed_tags_reach_the_load_balancer_in_one_write_and_those_of_others_stay(world: World) -> None:
    item = gateway()
    item["spec"]["infrastructure"] = {"labels": {"team": "a", "kept": "yes"}}
    world.cluster.put(item)
    world.run()
    arn = world.balancer()["LoadBalancerArn"]
    world.account.client("elbv2").add_tags(ResourceArns=[arn], Tags=[{"Key": "theirs", "Value": "1"}])
    item["spec"]["infrastructure"] = {"labels": {"team": "b", "kept": "yes", "more": "2"}}
    world.cluster.put(item)
    world.forget()

    for _ in range(2):
        world.run()

    assert ["AddTags"] == world.operations()
    tags = world.balancer()["Tags"]
    assert {"team": "b", "kept": "yes", "more": "2", "theirs": "1"}.items() <= tags.items()


# --- disruption, deletion, sweep ----------------------------------------------------------------------------------


def test_a_scheme_change_waits_for_the_annotation_and_then_happens(world: World) -> None:
    world.cluster.put(gateway_class(parametersRef=config_ref()), config({"scheme": "internal"}))
    world.run()
    before = world.balancer()["LoadBalancerArn"]
    world.cluster.put(config({"scheme": "internet-facing"}))

    held = world.run()
    assert held.outcome.held
    assert before == world.balancer()["LoadBalancerArn"]
    assert ("False", "Pending") == world.says()["Programmed"]

    item = world.cluster.get("Gateway", "infra", "gw")
    item["metadata"]["annotations"]["routewright.dev/allow-disruption"] = "true"
    for _ in range(3):
        world.run()
    assert "internet-facing" == world.balancer()["Scheme"]
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_a_scheme_change_that_waits_holds_up_nothing_else(world: World) -> None:
    """Routes go on, revocations cut, and a second run has nothing to do."""
    world.cluster.put(gateway_class(parametersRef=config_ref()), config({"scheme": "internal"}))
    world.run()
    world.cluster.put(config({"scheme": "internet-facing"}))
    world.cluster.put(route("more", "a", [rule(backend(), matches=[prefix("/more")])]))

    held = world.run()

    assert "routewright.dev/allow-disruption" in held.outcome.held
    assert 2 == len(world.rules())
    assert ("False", "Pending") == world.says()["Programmed"]
    assert ("True", "Accepted") == world.says("HTTPRoute", "a", "more")["Accepted"]
    world.forget()
    world.cluster.writes.clear()
    world.run()
    assert ([], []) == (world.operations(), world.cluster.writes)


def test_a_plan_that_takes_most_rules_though_no_route_changed_is_refused(world: World) -> None:
    rules = [rule(backend(), matches=[{**prefix(f"/{n}"), "method": "GET"}]) for n in range(8)]
    world.cluster.put(*[route(f"r{n}", "a", [one], [f"h{n}.example.com"]) for n, one in enumerate(rules)])
    world.run()
    for n in range(8):
        item = world.cluster.get("HTTPRoute", "a", f"r{n}")
        item["spec"]["rules"] = []  # as a bug of ours would read it: the generation did not move

    result = world.run(trigger(cause=Cause.RESYNC))

    assert ["UnsafePlan"] == [type(one.error).__name__ for one in result.outcome.failed]
    assert len(world.rules()) > 8 / 2


def test_a_listener_that_takes_most_rules_along_though_nothing_changed_is_not_deleted(world: World) -> None:
    tls = {"certificateRefs": [{"name": "c"}]}
    hold(world, secret("c"))
    world.cluster.put(gateway(listeners=[listener(), listener("https", 443, "HTTPS", tls=tls)]))
    ref = parent(sectionName="https")
    for n in range(6):
        world.cluster.put(
            route(f"r{n}", "a", [rule(backend(), matches=[prefix(f"/{n}")])], [f"h{n}.example.com"], [ref])
        )
    world.run()
    world.cluster.certificates = []

    result = world.run(trigger(cause=Cause.RESYNC))

    assert ["UnsafePlan"] == [type(one.error).__name__ for one in result.outcome.failed]
    assert 7 == len(world.rules(443))  # one of them is the Route that the world begins with


def test_a_security_group_that_interfaces_still_hold_is_left_to_the_sweep() -> None:
    with strict_aws(Settings(interface_linger=60, virtual_clock=True)) as account:
        world = World(account)
        world.run()
        world.cluster.remove("Gateway", "infra", "gw")
        world.run()
        assert ("Gateway", "infra", "gw") not in world.cluster.objects

        assert {} == world.provider.sweep(CLUSTER, lambda *_: False, 0, 0)
        account.clock.advance(61)
        assert {"security groups": 1} == world.provider.sweep(CLUSTER, lambda *_: False, 0, 0)


def test_the_sweep_takes_nothing_of_a_live_gateway(world: World) -> None:
    world.run()
    world.forget()

    assert {} == world.provider.sweep(CLUSTER, lambda *_: True, 0, 0)
    assert [] == world.operations()


def test_the_sweep_takes_nothing_of_another_cluster(world: World) -> None:
    world.run()

    assert {} == world.provider.sweep("another", lambda *_: False, 0, 0)


def test_the_sweep_waits_for_its_grace_from_the_moment_it_first_saw_something_unused(world: World) -> None:
    world.run()

    assert {} == world.provider.sweep(CLUSTER, lambda *_: False, 3600, 1_000)
    assert {} == world.provider.sweep(CLUSTER, lambda *_: False, 3600, 2_000)
    found = world.provider.sweep(CLUSTER, lambda *_: False, 3600, 5_000)
    assert {"load balancers": 1, "target groups": 1, "security groups": 1} == found


def test_the_sweep_stops_where_it_cannot_know_who_lives(world: World) -> None:
    world.run()

    def unknown(*_: str) -> bool:
        raise LookupError("the API server did not answer")

    with pytest.raises(LookupError):
        world.provider.sweep(CLUSTER, unknown, 0, 0)
    assert world.account.state()["loadBalancers"]


def test_a_certificate_in_use_survives_the_sweep_and_goes_once_unused(world: World) -> None:
    hold(world, secret("one"))
    secure(world, "one")
    world.run()
    assert {} == world.provider.sweep(CLUSTER, lambda *_: True, 0, 0)

    world.cluster.remove("Gateway", "infra", "gw")
    world.run()
    assert {"certificates": 1} == world.provider.sweep(CLUSTER, lambda *_: True, 0, 0)
