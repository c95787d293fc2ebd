"""What AWS refuses is told where its owner looks, and nowhere else; the good rest is served."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from emulators.aws.faults import Fault
from providers.aws import certificates
from providers.aws.apply import MOST_SPLITS
from reconciler.errors import Misconfigured, TransientError
from reconciler.events import Cause
from tests.aws_world import World, hold, secret
from tests.builders import (
    backend,
    config,
    config_ref,
    endpoints,
    exact,
    gateway,
    gateway_class,
    listener,
    parent,
    prefix,
    route,
    rule,
    service,
    with_service,
)
from tests.fakes import trigger

type Plain = dict[str, Any]
CONFIG = config_ref()


def refuse(world: World, operation: str, nth: int = 1, count: int = 1) -> None:
    """Let AWS refuse calls of an operation for good."""
    world.account.faults.add(Fault("denied", operation, nth=nth, count=count))


def put(world: World, *matches: Plain) -> None:
    """Give the Route one rule a match."""
    world.cluster.put(route(rules=[rule(backend(), matches=[match]) for match in matches]))


def of_route(world: World, type_: str, name: str = "web", namespace: str = "a") -> Plain:
    """Return a condition of a Route's first parent entry."""
    conditions = world.cluster.get("HTTPRoute", namespace, name)["status"]["parents"][0]["conditions"]
    return next(dict(one) for one in conditions if one["type"] == type_)


def of_listeners(world: World, type_: str) -> dict[str, str]:
    """Return the status of a condition by listener."""
    listeners = world.cluster.get("Gateway", "infra", "gw")["status"]["listeners"]
    return {one["name"]: next(c["status"] for c in one["conditions"] if c["type"] == type_) for one in listeners}


def targets(world: World) -> set[str]:
    return {one["Id"] for group in world.account.state()["targetGroups"] for one in group["Targets"]}


def https(*secrets: str, port: int = 443) -> list[Plain]:
    """Return HTTPS listeners of one port, one a Secret, named after it, for hosts of their own."""
    found = []
    for name in secrets:
        tls = {"mode": "Terminate", "certificateRefs": [{"name": name}]}
        found.append(listener(name, port, "HTTPS", hostname=f"{name}.example.com", tls=tls))
    return found


# --- targets ------------------------------------------------------------------------------------------------------


def test_a_target_that_aws_refuses_is_told_on_its_routes_and_costs_no_other_target(world: World) -> None:
    world.cluster.put(service("evil", "b"), endpoints("evil", "b", ["10.244.0.1", "8.8.8.8", "10.244.0.2"]))
    world.cluster.put(route("evil", "b", rules=[rule(backend("evil"), matches=[exact("/evil")])]))

    world.run()

    assert {"10.244.0.1", "10.244.0.2"} <= targets(world)
    assert "8.8.8.8" not in targets(world)
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert ("True", "Accepted") == world.says("HTTPRoute", "b", "evil")["Accepted"]
    told = of_route(world, "ResolvedRefs", "evil", "b")
    assert ("False", "BackendNotFound") == (told["status"], told["reason"])
    assert told["message"].startswith("target 8.8.8.8:")
    assert ("True", "ResolvedRefs") == world.says("HTTPRoute", "a", "web")["ResolvedRefs"]
    world.forget()
    world.run(trigger(cause=Cause.RESYNC))
    assert ["RegisterTargets"] == world.operations()


def test_a_pool_full_of_bad_targets_costs_a_bounded_number_of_calls(world: World) -> None:
    addresses = [f"8.8.{number // 250}.{number % 250 + 1}" for number in range(400)]
    world.cluster.put(service("evil", "b"), endpoints("evil", "b", addresses))
    world.cluster.put(route("evil", "b", rules=[rule(backend("evil"), matches=[exact("/evil")])]))

    world.run()

    calls = world.operations().count("RegisterTargets")
    assert MOST_SPLITS < calls <= 2 * MOST_SPLITS + 4
    assert {"10.244.0.1"} == targets(world)


def test_a_target_that_is_gone_leaves_though_its_successor_is_refused(world: World) -> None:
    world.cluster.put(service("web", "a"), endpoints("web", "a", ["10.244.0.1", "10.244.0.2"]))
    world.run()
    world.cluster.put(endpoints("web", "a", ["10.244.0.2", "8.8.8.8"]))

    world.forget()

    world.run(trigger(cause=Cause.RELIST))

    assert ["RegisterTargets", "DeregisterTargets"] == world.operations()


def test_a_target_stays_while_its_right_successor_cannot_be_registered(world: World) -> None:
    world.run()
    world.cluster.put(endpoints("web", "a", ["10.244.0.9"]))
    refuse(world, "RegisterTargets")
    world.forget()

    world.run(trigger(cause=Cause.RELIST))

    assert "DeregisterTargets" not in world.operations()


# --- rules --------------------------------------------------------------------------------------------------------


def test_a_rule_whose_target_group_is_refused_fails_for_the_same_reason(world: World) -> None:
    world.cluster.put(*with_service("api"), route("api", rules=[rule(backend("api"), matches=[exact("/a")])]))
    refuse(world, "CreateTargetGroup")

    outcome = world.run().outcome

    assert 1 == len(world.rules())
    refused = "api" if world.says("HTTPRoute", "a", "api")["Accepted"][0] == "False" else "web"
    message = of_route(world, "Accepted", refused)["message"]
    assert "CreateTargetGroup: AccessDenied" in message
    assert outcome.retry_after is None


def test_a_refused_rule_leaves_its_route_accepted_for_the_others(world: World) -> None:
    put(world, exact("/a"), {**exact("/b"), "method": "GET"})
    refuse(world, "CreateRule")

    world.run()

    assert ("True", "Accepted") == world.says("HTTPRoute", "a", "web")["Accepted"]
    assert of_route(world, "PartiallyInvalid")["message"].startswith("Dropped Rule: rule ")


def test_a_rule_that_aws_refuses_on_one_port_is_told_for_that_port_alone(world: World) -> None:
    parents = [parent(), parent(sectionName="http"), parent(sectionName="more")]
    world.cluster.put(gateway(listeners=[listener(), listener("more", 81)]), route(parents=parents))
    refuse(world, "CreateRule", nth=2)

    world.run()

    entries = world.cluster.get("HTTPRoute", "a", "web")["status"]["parents"]
    both, good, bad = ({one["type"]: (one["status"], one["message"]) for one in e["conditions"]} for e in entries)
    assert "True" == both["Accepted"][0]
    assert both["PartiallyInvalid"][1].startswith("Dropped Rule: rule 0 on listener more: elbv2.CreateRule")
    assert ("True", "") == good["Accepted"]
    assert "PartiallyInvalid" not in good
    assert "False" == bad["Accepted"][0]


def test_a_rule_that_is_throttled_on_one_port_is_pending_for_that_port_alone(world: World) -> None:
    parents = [parent(sectionName="http"), parent(sectionName="more")]
    world.cluster.put(gateway(listeners=[listener(), listener("more", 81)]), route(parents=parents))
    world.account.faults.add(Fault("throttle", "CreateRule", nth=2, count=50))

    with suppress(TransientError):
        world.run()

    entries = world.cluster.get("HTTPRoute", "a", "web")["status"]["parents"]
    assert ["True", "Unknown"] == [entry["conditions"][0]["status"] for entry in entries]


def test_a_route_whose_last_good_rule_stays_says_so_and_speaks_of_what_is_served(world: World) -> None:
    put(world, exact("/live"))
    world.run()
    put(world, prefix("/live"))
    refuse(world, "CreateRule", count=2)

    for _ in range(2):
        world.run()
        generation = world.cluster.get("HTTPRoute", "a", "web")["metadata"]["generation"]
        accepted = of_route(world, "Accepted")
        assert ("True", generation - 1) == (accepted["status"], accepted["observedGeneration"])
        assert of_route(world, "PartiallyInvalid")["message"].startswith("Fall Back: rule 0: ")


def test_a_change_of_a_rule_that_aws_refuses_costs_no_other_route_of_the_listener(world: World) -> None:
    world.cluster.put(*with_service("api"), *with_service("more"))
    put(world, exact("/live"))
    world.cluster.put(route("gone", rules=[rule(backend("api"), matches=[exact("/gone")])]))
    world.run()
    world.cluster.put(route(rules=[rule(backend("more"), matches=[exact("/live")])]))
    del world.cluster.objects["HTTPRoute", "a", "gone"]
    refuse(world, "ModifyRule")

    world.run()

    assert 1 == len(world.rules())
    assert of_route(world, "PartiallyInvalid")["message"].startswith("Fall Back: rule 0: ")


# --- listeners and certificates -----------------------------------------------------------------------------------


def test_a_listener_that_aws_refuses_is_told_there_and_costs_no_other_listener(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener(), listener("more", 81)]))
    refuse(world, "CreateListener", nth=2)

    world.run()

    assert {"http": "True", "more": "False"} == of_listeners(world, "Programmed")
    assert ("True", "Programmed") == world.says()["Programmed"]


def test_a_gateway_is_not_programmed_if_none_of_its_listeners_is(world: World) -> None:
    refuse(world, "CreateListener")

    world.run()

    assert {"http": "False"} == of_listeners(world, "Programmed")
    assert ("False", "Invalid") == world.says()["Programmed"]


@pytest.mark.parametrize(("bad", "good"), [("early", "late"), ("late", "early")])
def test_a_certificate_that_acm_refuses_costs_only_its_own_listener(
    world: World, bad: str, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the two it is: the port's default certificate, or the other one."""
    hold(world, secret("early"), secret("late"))
    world.cluster.put(gateway(listeners=[listener(), *https("early", "late")]))
    really = certificates.import_anew

    def import_anew(clients: Any, cluster: str, want: Any, pair: Any) -> str:
        if want.key.name.endswith(bad):
            raise Misconfigured("acm.ImportCertificate: ValidationException: The certificate is not valid.")
        return really(clients, cluster, want, pair)

    monkeypatch.setattr(certificates, "import_anew", import_anew)

    for _ in range(2):
        world.run()

        assert {"http": "True", good: "True", bad: "False"} == of_listeners(world, "ResolvedRefs")
        assert {"http": "True", good: "True", bad: "False"} == of_listeners(world, "Programmed")
        assert ("True", "Programmed") == world.says()["Programmed"]
        assert [80, 443] == sorted(one["Port"] for one in world.balancer()["Listeners"])


# --- what may pass, and what goes ---------------------------------------------------------------------------------


def test_a_throttled_read_leaves_what_was_said_of_a_live_gateway(world: World) -> None:
    world.run()
    before = world.cluster.get("Gateway", "infra", "gw")["status"]
    world.account.faults.add(Fault("throttle", "DescribeLoadBalancers", count=50))

    with suppress(TransientError):
        world.run(trigger(cause=Cause.RESYNC))

    assert before == world.cluster.get("Gateway", "infra", "gw")["status"]


def test_a_throttled_change_leaves_a_live_route_accepted_as_it_was(world: World) -> None:
    world.run()
    before = of_route(world, "Accepted")
    put(world, exact("/more"))
    world.account.faults.add(Fault("throttle", "CreateRule", count=50))

    with suppress(TransientError):
        world.run()

    assert before == of_route(world, "Accepted")


def test_a_new_route_whose_rule_is_throttled_is_pending(world: World) -> None:
    world.account.faults.add(Fault("throttle", "CreateRule", count=50))

    with suppress(TransientError):
        world.run()

    assert ("Unknown", "Pending") == world.says("HTTPRoute", "a", "web")["Accepted"]


def test_a_deleted_gateway_that_cannot_go_says_what_holds_it(world: World) -> None:
    world.cluster.put(gateway_class(parametersRef=CONFIG), config({"scheme": "internal", "deletionProtection": True}))
    world.run()
    listeners = world.cluster.get("Gateway", "infra", "gw")["status"]["listeners"]
    world.cluster.remove("Gateway", "infra", "gw")

    world.run()

    status = world.cluster.get("Gateway", "infra", "gw")["status"]
    (programmed,) = [one for one in status["conditions"] if one["type"] == "Programmed"]
    assert "False" == programmed["status"]
    assert programmed["message"].startswith("it cannot be deleted: ")
    assert listeners == status["listeners"]
