"""What a LoadBalancerConfig says, where an NLB stands in front of the ALB, in whole runs against the emulated AWS."""

from __future__ import annotations

from typing import Any

from reconciler.reconcile import ALLOW_DELETE
from tests.aws_settings import backends
from tests.aws_world import authority, hold, secret, validating
from tests.builders import gateway, listener
from tests.unit.providers.aws.unified_world import Unified, unified_world

__all__ = ["unified_world"]

type Plain = dict[str, Any]


def in_front(world: Unified) -> Plain:
    """Return the listener of the NLB."""
    (found,) = world.balancers()["network"]["Listeners"]
    return dict(found)


def groups_in_front(world: Unified) -> list[Plain]:
    return [one for one in world.account.state()["targetGroups"] if one["TargetType"] == "alb"]


def teams(world: Unified) -> list[str | None]:
    """Return the user's tag of what stands in front: load balancer, listener, target group."""
    arns = [world.balancers()["network"]["LoadBalancerArn"], in_front(world)["ListenerArn"]]
    arns += [one["TargetGroupArn"] for one in groups_in_front(world)]
    found = world.account.client("elbv2").describe_tags(ResourceArns=arns)["TagDescriptions"]
    return [next((tag["Value"] for tag in one["Tags"] if tag["Key"] == "team"), None) for one in found]


def allow_delete(world: Unified) -> None:
    world.cluster.get("Gateway", "infra", "gw")["metadata"]["annotations"][ALLOW_DELETE] = "true"
    world.settle()


def test_all_that_a_class_sets_is_made_once_and_then_left_alone(world: Unified) -> None:
    access = {"backendSecurityGroups": [backends(world)]}
    block = {"tcpIdleSeconds": 600, "serverHeader": False, "tags": {"team": "web"}, **access}
    world.of_class(deletionProtection=True, aws={"addressMode": "unified", **block})

    made = world.ask()

    assert () == made.outcome.failed
    assert {"true"} == {one["Attributes"]["deletion_protection.enabled"] for one in world.balancers().values()}
    assert "600" == in_front(world)["Attributes"]["tcp.idle_timeout.seconds"]
    assert [] == world.deep()


def test_health_checks_between_the_two_are_no_access_to_backends_that_nobody_asked_for(world: Unified) -> None:
    world.ask(world.elastic())
    world.of_class(aws={"tags": {"team": "web"}})
    world.ask(world.elastic())

    assert "RevokeSecurityGroupIngress" not in world.operations()
    assert [] == world.deep()


def test_the_idle_time_of_what_stands_in_front_changes_and_goes_back_in_place(world: Unified) -> None:
    world.of_class(aws={"addressMode": "unified", "tcpIdleSeconds": 600})
    world.ask()
    there = in_front(world)["ListenerArn"]

    world.of_class(aws={"addressMode": "unified"})
    world.ask()

    assert (there, "350") == (in_front(world)["ListenerArn"], in_front(world)["Attributes"]["tcp.idle_timeout.seconds"])


def test_the_idle_time_is_set_in_the_run_that_makes_the_listener_in_front_and_after_it(world: Unified) -> None:
    world.of_class(aws={"tcpIdleSeconds": 600})
    address = world.elastic()
    world.forget()

    made = world.ask(address)

    steps = world.operations()
    assert () == made.outcome.failed
    assert 1 == steps.count("CreateLoadBalancer") - 1 == steps.count("ModifyListenerAttributes")
    front = max(place for place, one in enumerate(steps) if one == "CreateListener")
    assert front < steps.index("ModifyListenerAttributes")


def test_tags_reach_what_stands_in_front_and_go_again(world: Unified) -> None:
    world.of_class(aws={"addressMode": "unified"})
    world.ask()
    world.of_class(aws={"addressMode": "unified", "tags": {"team": "web"}})

    world.ask()

    assert ["web", "web", "web"] == teams(world)
    world.of_class(aws={"addressMode": "unified"})
    world.ask()
    assert [None, None, None] == teams(world)


def test_a_protected_nlb_in_front_stays_without_a_listener_until_the_gateway_lets_it_go(world: Unified) -> None:
    world.of_class(deletionProtection=True, aws={"addressMode": "unified"})
    world.ask()
    world.of_class(deletionProtection=True)

    held = world.ask(allow=True)

    assert "protected against deletion" in held.outcome.held
    assert () == held.outcome.failed
    assert ({}, {80: "HTTP"}) == (world.ports("network"), world.ports("application"))
    allow_delete(world)
    assert (["application"], []) == (list(world.balancers()), groups_in_front(world))
    assert [] == world.deep()


def test_what_a_protected_nlb_leads_to_stays_when_another_takes_its_place(world: Unified) -> None:
    world.of_class(deletionProtection=True, aws={"addressMode": "unified"})
    world.ask(listeners=[listener(), listener("more", 8080)])

    held = world.ask(world.elastic(), allow=True)

    assert "protected against deletion" in held.outcome.held
    assert () == held.outcome.failed
    assert ["application", "network", "network"] == sorted(
        one["Type"] for one in world.account.state()["loadBalancers"]
    )
    assert {80: "HTTP", 8080: "HTTP"} == world.ports("application")
    assert [1, 1, 1] == [len(one["Targets"]) for one in groups_in_front(world)]
    allow_delete(world)
    assert ({80: "HTTP"}, {80: "TCP"}) == (world.ports("application"), world.ports("network"))
    assert 1 == len(groups_in_front(world))
    assert [] == world.deep()


# --- clients that show a certificate -------------------------------------------------------------------------------


def verified(world: Unified, tls: Plain, *listeners: Plain) -> None:
    """Let the Gateway have these listeners and this `spec.tls`, behind an NLB in front."""
    world.of_class(aws={"addressMode": "unified"})
    world.open_bucket()
    hold(world, secret("one"))
    world.cluster.bundles = [authority("ca")]
    item = gateway(listeners=list(listeners))
    item["spec"]["tls"] = tls
    world.cluster.put(item)
    world.settle()
    world.pass_time(600)


def https(port: int) -> Plain:
    ends = {"mode": "Terminate", "certificateRefs": [{"name": "one"}]}
    return listener(f"https-{port}", port, "HTTPS", tls=ends)


def health(world: Unified) -> dict[int, str]:
    """Return the state of the ALB as a target, by port."""
    return {one["Port"]: one["Targets"][0]["State"] for one in groups_in_front(world)}


def checked(world: Unified) -> dict[int, tuple[str, str]]:
    """Return protocol and port of the health checks, by port."""
    return {one["Port"]: (one["HealthCheckProtocol"], one["HealthCheckPort"]) for one in groups_in_front(world)}


def test_a_port_that_demands_client_certificates_is_judged_by_one_that_does_not(world: Unified) -> None:
    verified(world, validating("ca"), https(443), listener("web", 80), listener("more", 8080))

    assert {443: ("HTTP", "80"), 80: ("HTTP", "traffic-port"), 8080: ("HTTP", "traffic-port")} == checked(world)
    assert {443: "healthy", 80: "healthy", 8080: "healthy"} == health(world)
    assert [] == world.deep()


def test_a_port_that_only_asks_for_client_certificates_is_judged_by_itself(world: Unified) -> None:
    verified(world, validating("ca", mode="AllowInsecureFallback"), https(443), listener("web", 80))

    assert {443: ("HTTPS", "traffic-port"), 80: ("HTTP", "traffic-port")} == checked(world)
    assert {443: "healthy", 80: "healthy"} == health(world)


def test_where_every_port_demands_client_certificates_the_nlb_sends_to_its_only_target_all_the_same(
    world: Unified,
) -> None:
    verified(world, validating("ca"), https(443))

    assert ({443: "unhealthy"}, {443: "TCP"}) == (health(world), world.ports("network"))
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_the_port_that_judges_another_is_replaced_in_place_when_it_closes(world: Unified) -> None:
    verified(world, validating("ca"), https(443), listener("web", 80), listener("more", 8080))
    before = {one["Port"]: one["TargetGroupArn"] for one in groups_in_front(world)}

    verified(world, validating("ca"), https(443), listener("more", 8080))

    assert ("HTTP", "8080") == checked(world)[443]
    assert before[443] == {one["Port"]: one["TargetGroupArn"] for one in groups_in_front(world)}[443]
    assert [] == world.deep()
