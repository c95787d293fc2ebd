"""Policies on Services: which is in force, what is told of each, and what becomes of the backends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.certificates import CaBundle
from reconciler.gatewayapi.report import build_status
from reconciler.gatewayapi.status import PolicyStatus, StatusUpdate, merge_status
from reconciler.ir import BackendSettings, FixedResponse, Forward
from reconciler.keys import ConfigMapRef
from reconciler.plan import Outcome
from tests.builders import (
    CONTROLLER,
    backend,
    backend_config,
    gateway,
    gateway_class,
    route,
    rule,
    service,
    tls_policy,
    with_service,
)
from tests.unit.reconciler.gatewayapi.graphs import CA, EVERYTHING, KEY, AnyCloud, World

type Plain = dict[str, Any]
BASE = (gateway_class(), gateway(), route(), *with_service())


NO_BUNDLE = {"group": "", "kind": "ConfigMap", "name": "no"}
ODD_BUNDLE = {"group": "x.io", "kind": "Odd", "name": "ca"}


def told(world: World, name: str = "tls") -> dict[str, tuple[str, str]]:
    """Return {condition: (status, reason)} of a policy."""
    updates = build_status(world.graph(), CONTROLLER, EVERYTHING, (), Outcome())
    body = next(one.body for one in updates if one.name == name)
    assert isinstance(body, PolicyStatus)
    return {one.type: (one.status, one.reason) for one in body.conditions}


def changed(policy: Plain, **validation: Any) -> Plain:
    spec = policy["spec"]
    return policy | {"spec": spec | {"validation": spec["validation"] | validation}}


def test_a_valid_policy_is_accepted_and_its_service_is_spoken_to_by_tls() -> None:
    world = World((*BASE, tls_policy()))

    assert {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("True", "ResolvedRefs")} == told(world)
    (pool,) = world.lb().pools
    assert pool.tls is not None
    assert ("web.a.svc", (CA,)) == (pool.tls.hostname, pool.tls.bundles)


@pytest.mark.parametrize(
    ("policy", "accepted", "resolved"),
    [
        (
            changed(tls_policy(), caCertificateRefs=[{"group": "", "kind": "ConfigMap", "name": "no"}]),
            "NoValidCACertificate",
            "InvalidCACertificateRef",
        ),
        (
            changed(tls_policy(), caCertificateRefs=[{"group": "x.io", "kind": "Odd", "name": "ca"}]),
            "NoValidCACertificate",
            "InvalidKind",
        ),
        (changed(tls_policy(), caCertificateRefs=[], wellKnownCACertificates="Mine"), "Invalid", "ResolvedRefs"),
        (tls_policy(section="nowhere"), "TargetNotFound", "ResolvedRefs"),
    ],
)
def test_what_is_wrong_with_a_policy_is_told_on_it(policy: Plain, accepted: str, resolved: str) -> None:
    found = told(World((*BASE, policy)))

    assert (accepted, resolved) == (found["Accepted"][1], found["ResolvedRefs"][1])


def test_one_bad_bundle_of_two_is_told_and_the_good_one_used() -> None:
    refs = [{"group": "", "kind": "ConfigMap", "name": name} for name in ("ca", "no")]
    world = World((*BASE, changed(tls_policy(), caCertificateRefs=refs)))

    assert {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("False", "InvalidCACertificateRef")} == told(world)
    assert isinstance(world.lb().frontends[0].entries[0].action, Forward)


def test_a_policy_that_is_not_valid_closes_its_service_and_is_never_spoken_around() -> None:
    broken = CaBundle(ConfigMapRef("a", "ca"), problem="holds no certificate")
    world = World((*BASE, tls_policy()), bundles=(broken,))

    assert FixedResponse(500) == world.lb().frontends[0].entries[0].action


def test_a_cloud_that_cannot_verify_backends_refuses_the_policy_and_sends_nothing() -> None:
    world = World((*BASE, tls_policy()), cloud=AnyCloud(replace(EVERYTHING, backend_tls=False)))

    assert ("False", "Invalid") == told(world)["Accepted"]
    assert FixedResponse(500) == world.lb().frontends[0].entries[0].action


def test_the_older_of_two_policies_for_one_service_is_in_force() -> None:
    old = changed(tls_policy("old", creationTimestamp="2025-01-01T00:00:00Z"), hostname="old.example.com")
    world = World((*BASE, tls_policy("young"), old))

    assert ("False", "Conflicted") == told(world, "young")["Accepted"]
    assert ("True", "Accepted") == told(world, "old")["Accepted"]
    assert ["old.example.com"] == [pool.tls.hostname for pool in world.lb().pools if pool.tls]


def test_a_policy_for_a_port_goes_before_an_older_one_for_the_service_and_is_no_conflict() -> None:
    whole = changed(tls_policy("whole", creationTimestamp="2025-01-01T00:00:00Z"), hostname="whole.example.com")
    world = World((*BASE, whole, tls_policy("port", section="p80")))

    assert ("True", "Accepted") == told(world, "whole")["Accepted"] == told(world, "port")["Accepted"]
    assert ["web.a.svc"] == [pool.tls.hostname for pool in world.lb().pools if pool.tls]


def test_a_policy_on_a_service_that_nobody_sends_to_gets_no_entry() -> None:
    graph = World((*BASE, service("other"), tls_policy(target="other"))).graph()

    assert () == graph.policies


def test_an_entry_of_ours_goes_when_the_gateway_no_longer_sends_there() -> None:
    policy = tls_policy(target="other")
    foreign = {"ancestorRef": {"name": "gw", "namespace": "infra"}, "controllerName": "x.io/y", "conditions": []}
    policy["status"] = {"ancestors": [foreign, foreign | {"controllerName": CONTROLLER}]}

    (node,) = World((*BASE, policy)).graph().former_policies
    update = StatusUpdate(node.kind, "a", "tls", "", 1, PolicyStatus(CONTROLLER, KEY, ()))

    assert {"ancestors": [foreign]} == merge_status(update, policy["status"], "now")


def test_a_full_list_of_ancestors_gets_none_of_ours_and_keeps_its_own() -> None:
    foreign = [{"ancestorRef": {"name": f"g{i}"}, "controllerName": "x.io/y", "conditions": []} for i in range(16)]
    policy = tls_policy() | {"status": {"ancestors": foreign}}
    updates = build_status(World((*BASE, policy)).graph(), CONTROLLER, EVERYTHING, (), Outcome())

    assert merge_status(next(one for one in updates if one.name == "tls"), policy["status"], "now") is None


def test_a_backend_config_says_how_endpoints_are_checked_and_drained() -> None:
    config = backend_config({"healthCheck": {"path": "/up", "port": 9090}, "drainingSeconds": 30, "protocol": "HTTP2"})
    world = World((*BASE, config))
    (pool,) = world.lb().pools

    assert {"path": "/up", "port": "9090"} == dict(pool.settings.health)
    assert (30, "HTTP2") == (pool.settings.draining, pool.settings.protocol)
    assert ("True", "Accepted") == told(world, "settings")["Accepted"]


@pytest.mark.parametrize(
    "spec",
    [{"odd": 1}, {"healthCheck": {"path": "up"}}, {"healthCheck": {"timeoutSeconds": 15}}, {"drainingSeconds": 3601}],
)
def test_a_backend_config_with_a_mistake_is_told_and_counts_as_absent(spec: Plain) -> None:
    world = World((*BASE, backend_config(spec)))

    assert ("False", "Invalid") == told(world, "settings")["Accepted"]
    assert BackendSettings() == world.lb().pools[0].settings


def test_a_mirror_that_leads_nowhere_is_told_and_the_requests_go_on() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("nowhere")}}
    world = World((gateway_class(), gateway(), route(rules=[rule(backend(), filters=[mirror])]), *with_service()))

    assert ["BackendNotFound"] == [one.reason for one in world.graph().attachments[0].unresolved]
    assert isinstance(world.lb().frontends[0].entries[0].action, Forward)


def test_a_mirror_gets_the_share_that_it_asks_for() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("copy"), "percent": 20}}
    objects = (route(rules=[rule(backend(), filters=[mirror])]), *with_service(), *with_service("copy"))
    action = World((gateway_class(), gateway(), *objects)).lb().frontends[0].entries[0].action

    assert isinstance(action, Forward)
    assert [("service/a/copy:80", 0.2)] == [(one.pool, one.share) for one in action.mirrors]


def test_an_extension_that_nobody_knows_is_answered_with_an_error_and_told() -> None:
    odd = {"type": "ExtensionRef", "extensionRef": {"group": "x.io", "kind": "Odd", "name": "o"}}
    world = World((gateway_class(), gateway(), route(rules=[rule(backend(), filters=[odd])]), *with_service()))

    assert ["InvalidKind"] == [one.reason for one in world.graph().attachments[0].unresolved]
    assert FixedResponse(500) == world.lb().frontends[0].entries[0].action
