"""Policies and ListenerSets on a real API server: what a warm container finds, what it writes, what the CRDs refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from emulators.cluster.objects import Objects
from kube import kinds
from kube.cluster import KubeCluster
from providers import provider_for
from reconciler.events import Seen, Trigger
from reconciler.gatewayapi.backend_config import wrong_with
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.offline import plan_snapshot
from tests.integration.kube_world import (
    CONTROLLER,
    Plain,
    backend_config,
    endpoints,
    foreign_entry,
    gateway,
    listener_set,
    mark,
    on_set,
    open_to_sets,
    route,
    service,
    tls_policy,
    trigger,
)
from tests.kube_requests import Requests

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]
NAME = {"namespace": "shop", "name": "web"}
POLICIES = pytest.mark.parametrize("policy", [tls_policy(), backend_config()], ids=lambda item: item["kind"])


def held(admin: Objects, item: Plain) -> Plain:
    meta = item["metadata"]
    found = admin.get(item["apiVersion"], item["kind"], meta["namespace"], meta["name"])
    assert found is not None
    return found


def seen(item: Plain, *, deleted: bool = False) -> Seen:
    return Seen(item["kind"], item["metadata"]["uid"], item["metadata"]["resourceVersion"], deleted)


def about(cluster: KubeCluster, *told: Seen, known: tuple[Plain, ...] = ()) -> Trigger:
    """Return the trigger of a watcher that saw this happen, and these objects whoever they woke."""
    newest = tuple((item["kind"], item["metadata"]["resourceVersion"]) for item in known)
    return Trigger(cluster.cluster_id, "infra", "gw", seen=told, known=newest)


def tell(cluster: KubeCluster, found: Snapshot) -> int:
    """Write what a run would say; return the number of writes."""
    _, updates = plan_snapshot(found, provider_for(CONTROLLER))
    return cluster.write_status(updates)


def marked(cluster: KubeCluster) -> None:
    """Leave the mark of a run that acted."""
    found = cluster.snapshot(trigger(cluster))
    cluster.write_mark(found.key, replace(mark(), seen=found.versions), finalizer=True)


def foreign_ancestor(name: str = "theirs") -> Plain:
    entry = foreign_entry()
    return {"ancestorRef": entry.pop("parentRef") | {"name": name}} | entry


def ancestors(admin: Objects, policy: Plain) -> list[Plain]:
    return list(held(admin, policy).get("status", {}).get("ancestors", ()))


# --- what we say on policies -----------------------------------------------------------------------------------------


@POLICIES
def test_our_entry_comes_and_goes_beside_those_of_others(admin: Objects, cluster: KubeCluster, policy: Plain) -> None:
    for item in (gateway(), service(), endpoints(), policy):
        admin.apply(item)
    on_it = admin.apply(route("web", "gw"))
    admin.merge(policy, {"status": {"ancestors": [foreign_ancestor()]}}, status=True)
    marked(cluster)

    assert 0 < tell(cluster, cluster.snapshot(trigger(cluster)))
    theirs, ours = ancestors(admin, policy)
    assert (foreign_ancestor(), CONTROLLER, "gw") == (theirs, ours["controllerName"], ours["ancestorRef"]["name"])
    assert {"Accepted", "ResolvedRefs"} == {one["type"] for one in ours["conditions"]}
    assert 0 == tell(cluster, cluster.snapshot(trigger(cluster)))

    moved = admin.apply(on_it | {"spec": on_it["spec"] | {"parentRefs": []}, "metadata": NAME})
    tell(cluster, cluster.snapshot(about(cluster, seen(moved), known=(held(admin, policy),))))
    assert [foreign_ancestor()] == ancestors(admin, policy)


@POLICIES
def test_a_full_list_of_ancestors_gets_none_of_ours(admin: Objects, cluster: KubeCluster, policy: Plain) -> None:
    for item in (gateway(), service(), route("web", "gw"), policy):
        admin.apply(item)
    full = [foreign_ancestor(f"gw{number}") for number in range(16)]
    admin.merge(policy, {"status": {"ancestors": full}}, status=True)

    tell(cluster, cluster.snapshot(trigger(cluster)))

    assert full == ancestors(admin, policy)


# --- what a warm container finds -------------------------------------------------------------------------------------


@pytest.fixture(name="warm")
def _warm(admin: Objects, cluster: KubeCluster) -> Requests:
    """The cluster has answered once for Gateway `gw`, which takes ListenerSets; what it asks from now on is noted."""
    admin.apply(open_to_sets(gateway()))
    cluster.snapshot(trigger(cluster))
    return Requests(cluster.api)


def test_a_set_and_a_policy_that_came_before_their_route_come_by_watch(
    admin: Objects, cluster: KubeCluster, warm: Requests
) -> None:
    """Their own events woke nobody, or another container."""
    marked(cluster)
    warm.forget()
    early = (admin.apply(listener_set()), admin.apply(tls_policy()))

    found = cluster.snapshot(about(cluster, seen(admin.apply(on_set())), known=early))

    assert (["web"], ["extra"], ["tls"]) == (
        [one.meta.name for one in found.routes],
        [one.meta.name for one in found.listener_sets],
        [one.meta.name for one in found.tls_policies],
    )
    assert ["watch backendtlspolicies", "watch httproutes", "watch listenersets"] == sorted(warm.wide())


def test_a_set_that_comes_after_its_routes_finds_them(admin: Objects, cluster: KubeCluster, warm: Requests) -> None:
    """They woke nobody when they came: no event tells of them."""
    marked(cluster)
    admin.apply(on_set())
    warm.forget()

    found = cluster.snapshot(about(cluster, seen(admin.apply(listener_set()))))

    assert (["web"], 1) == ([one.meta.name for one in found.routes], len(found.listener_sets))
    assert {f"list {kind.plural}" for kind in kinds.ROUTES} <= set(warm.wide())


def test_namespaces_of_listener_sets_are_in_the_snapshot(admin: Objects, cluster: KubeCluster, warm: Requests) -> None:
    """Who may join is told by their labels."""
    assert () == cluster.snapshot(trigger(cluster)).namespaces
    made = admin.apply(listener_set())

    found = cluster.snapshot(about(cluster, seen(made)))

    assert (["shop"], True) == ([one.meta.name for one in found.namespaces], bool(warm.made))


# --- what the CRD refuses --------------------------------------------------------------------------------------------

GOOD: list[Plain] = [
    {"healthCheck": {"protocol": "HTTP", "path": "/ok", "port": 8080, "intervalSeconds": 5, "timeoutSeconds": 4}},
    {"healthCheck": {"healthyThreshold": 2, "unhealthyThreshold": 10, "matcher": "200-299"}},
    {"targetType": "instance", "drainingSeconds": 0, "stickySeconds": 604_800, "protocol": "GRPC", "aws": {"x": 1}},
    {"drainingSeconds": 3600, "stickySeconds": 1, "healthCheck": {"intervalSeconds": 300, "timeoutSeconds": 120}},
]
BAD: list[Plain] = [
    {"drainingSeconds": 3601},
    {"drainingSeconds": -1},
    {"stickySeconds": 0},
    {"stickySeconds": 604_801},
    {"protocol": "SMTP"},
    {"targetType": "lambda"},
    {"healthCheck": {"path": "no-slash"}},
    {"healthCheck": {"port": 65_536}},
    {"healthCheck": {"intervalSeconds": 4}},
    {"healthCheck": {"timeoutSeconds": 121, "intervalSeconds": 300}},
    {"healthCheck": {"timeoutSeconds": 10, "intervalSeconds": 10}},
    {"healthCheck": {"healthyThreshold": 1}},
    {"healthCheck": {"unhealthyThreshold": 11}},
    {"healthCheck": {"protocol": "ICMP"}},
    {"healthCheck": {"matcher": ""}},
]


@pytest.mark.parametrize("spec", GOOD, ids=str)
def test_what_our_reading_takes_the_schema_takes(admin: Objects, spec: Plain) -> None:
    made = admin.apply(backend_config(**spec))

    assert () == wrong_with(made["spec"])


@pytest.mark.parametrize("spec", BAD, ids=str)
def test_what_our_reading_refuses_the_schema_refuses_first(admin: Objects, spec: Plain) -> None:
    assert () != wrong_with(backend_config(**spec)["spec"])
    with pytest.raises(ApiException) as refused:
        admin.apply(backend_config(**spec))
    assert 422 == refused.value.status


@pytest.mark.parametrize(
    "targets",
    [
        [],
        [{"group": "", "kind": "Service", "name": "a"}] * 2,
        [{"group": "", "kind": "Service", "name": f"s{number}"} for number in range(17)],
        [{"group": "apps", "kind": "Deployment", "name": "a"}],
        [{"group": "", "kind": "Service", "name": ""}],
    ],
    ids=["none", "one twice", "17", "no Service", "no name"],
)
def test_targets_that_cannot_be_are_refused(admin: Objects, targets: list[Any]) -> None:
    with pytest.raises(ApiException) as refused:
        admin.apply(backend_config(targetRefs=targets))
    assert 422 == refused.value.status


def test_a_service_and_one_of_its_ports_may_stand_side_by_side(admin: Objects) -> None:
    ref = {"group": "", "kind": "Service", "name": "a"}

    assert 2 == len(admin.apply(backend_config(targetRefs=[ref, ref | {"sectionName": "http"}]))["spec"]["targetRefs"])
