"""Snapshots of a warm container against a real API server: nothing is listed twice, and nothing is too old."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulators.cluster.build import crds
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from kube import kinds
from kube.cluster import KubeCluster
from reconciler.errors import Unavailable
from reconciler.events import Cause, Seen, Trigger
from reconciler.gatewayapi.snapshot import Snapshot
from tests.integration.cluster_world import eventually
from tests.integration.kube_world import V1, Plain, cluster_of, endpoints, gateway, mark, route, service, trigger
from tests.kube_requests import Requests

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]
LISTED_ONCE = sorted(f"list {kind.plural}" for kind in kinds.SEARCHED)


def seen(item: Plain, *, deleted: bool = False) -> Seen:
    meta = item["metadata"]
    return Seen(item["kind"], meta["uid"], meta["resourceVersion"], deleted)


def about(cluster: KubeCluster, *items: Plain, **more: object) -> Trigger:
    found = tuple(seen(item) for item in items)
    return Trigger(cluster.cluster_id, "infra", "gw", seen=found, **more)  # type: ignore[arg-type]


def names(found: Snapshot) -> list[str]:
    return [one.meta.name for one in found.routes]


def act(cluster: KubeCluster, found: Snapshot) -> None:
    """Leave the mark that a run leaves which changed something in the cloud."""
    cluster.write_mark(found.key, replace(mark(), seen=found.versions), finalizer=True)


@pytest.fixture(name="warm")
def _warm(admin: Objects, cluster: KubeCluster) -> Requests:
    """The cluster has answered for Gateway `gw`, which an earlier run has marked; what it asks from now on is noted."""
    admin.apply(gateway())
    act(cluster, cluster.snapshot(trigger(cluster)))
    return Requests(cluster.api)


def test_a_cold_container_lists_what_it_has_to_search_for_once(admin: Objects, cluster: KubeCluster) -> None:
    admin.apply(gateway())
    asked = Requests(cluster.api)

    cluster.snapshot(trigger(cluster))

    assert LISTED_ONCE == sorted(asked.wide())


def test_a_new_route_comes_by_watch(admin: Objects, cluster: KubeCluster, warm: Requests) -> None:
    made = admin.apply(route("web", "gw"))

    assert ["web"] == names(cluster.snapshot(about(cluster, made)))
    assert ["watch httproutes"] == warm.wide()


def test_nothing_is_asked_of_the_whole_cluster_while_no_route_changes(
    admin: Objects, cluster: KubeCluster, warm: Requests
) -> None:
    made = admin.apply(endpoints())

    cluster.snapshot(about(cluster, made))

    assert [] == warm.wide()


def test_a_route_that_was_deleted_or_moved_leaves(admin: Objects, cluster: KubeCluster, warm: Requests) -> None:
    made = [admin.apply(route(name, "gw")) for name in ("a", "b", "c")]
    assert ["a", "b", "c"] == names(cluster.snapshot(about(cluster, *made)))
    admin.delete(V1, "HTTPRoute", "shop", "a")
    moved = admin.apply(route("b", "elsewhere"))

    assert ["c"] == names(cluster.snapshot(about(cluster, moved)))
    assert ["watch httproutes"] * 2 == warm.wide()


def test_a_container_that_slept_does_not_bring_back_what_others_acted_on(
    plane: ControlPlane, admin: Objects, cluster: KubeCluster, warm: Requests
) -> None:
    """Its trigger tells of endpoints only; the mark tells that there is more to know."""
    other = cluster_of(plane, "routewright", ())
    made = admin.apply(route("web", "gw"))
    act(other, other.snapshot(about(other, made)))

    assert ["web"] == names(cluster.snapshot(about(cluster, admin.apply(endpoints()))))
    assert "watch httproutes" in warm.wide()


def test_routes_that_were_there_before_their_gateway_are_found(
    admin: Objects, cluster: KubeCluster, warm: Requests
) -> None:
    """No event told of them: they woke nobody when they came."""
    admin.apply(route("early", "late"))
    made = admin.apply(gateway("late"))
    late = Trigger(cluster.cluster_id, "infra", "late", seen=(seen(made),))

    assert ["early"] == names(cluster.snapshot(late))
    assert LISTED_ONCE == sorted(warm.wide())


@pytest.mark.parametrize("cause", [Cause.RELIST, Cause.RESYNC, Cause.DEEP, Cause.BACKFILL])
def test_a_resync_sees_what_no_event_told_of(
    admin: Objects, cluster: KubeCluster, warm: Requests, cause: Cause
) -> None:
    admin.apply(route("web", "gw"))

    assert [] == names(cluster.snapshot(about(cluster, admin.apply(endpoints()))))
    assert ["web"] == names(cluster.snapshot(about(cluster, cause=cause, run=f"run-{cause}")))
    assert ["web"] == names(cluster.snapshot(about(cluster, cause=cause, run=f"run-{cause}")))
    assert LISTED_ONCE == sorted(warm.wide())


def test_a_version_in_the_future_costs_a_list_and_no_error(
    admin: Objects, cluster: KubeCluster, warm: Requests
) -> None:
    made = admin.apply(route("web", "gw"))
    made["metadata"]["resourceVersion"] = str(int(made["metadata"]["resourceVersion"]) + 10**6)

    assert ["web"] == names(cluster.snapshot(about(cluster, made)))
    assert "list httproutes" in warm.wide()


@pytest.mark.usefixtures("warm")
def test_names_that_nothing_can_have_cost_only_themselves(admin: Objects, cluster: KubeCluster) -> None:
    """The CRD takes any text as the name of a Service."""
    odd = ("A/b", "..", "a,b)", "x" * 250, "a.b")
    made = [admin.apply(route(f"odd-{place}", "gw", service=name)) for place, name in enumerate(odd)]
    made += [admin.apply(item) for item in (route("web", "gw"), service(), endpoints())]

    found = cluster.snapshot(about(cluster, *made))

    assert (len(odd) + 1, ["web"]) == (len(found.routes), [one.meta.name for one in found.services])


@pytest.mark.usefixtures("warm")
def test_a_class_name_that_nothing_can_have_is_a_class_that_is_not_there(admin: Objects, cluster: KubeCluster) -> None:
    admin.apply(gateway(class_name="No/such"))

    assert cluster.snapshot(trigger(cluster)).gateway_class is None


@pytest.mark.usefixtures("warm")
def test_a_restart_of_the_api_server_loses_nothing(plane: ControlPlane, admin: Objects, cluster: KubeCluster) -> None:
    made = admin.apply(route("web", "gw"))
    plane.restart_apiserver()

    assert ["web"] == names(cluster.snapshot(about(cluster, made)))


def test_a_kind_that_is_removed_is_unavailable_and_comes_back_empty(
    plane: ControlPlane, admin: Objects, cluster: KubeCluster
) -> None:
    """Last in this file: it takes all HTTPRoutes away."""
    admin.apply(gateway())
    made = admin.apply(route("web", "gw"))
    assert ["web"] == names(cluster.snapshot(about(cluster, made)))
    admin.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "httproutes.gateway.networking.k8s.io")
    try:
        assert eventually(lambda: _unavailable(cluster))
    finally:
        plane.install_crds(crds())
    assert eventually(lambda: _empty(cluster))


def _unavailable(cluster: KubeCluster) -> bool:
    try:
        cluster.snapshot(about(cluster, cause=Cause.RELIST))
    except Unavailable:
        return True
    return False


def _empty(cluster: KubeCluster) -> bool:
    """Return whether a snapshot can be had again; it has no Route."""
    try:
        found = cluster.snapshot(about(cluster, cause=Cause.RELIST))
    except Unavailable:
        return False
    assert [] == names(found)
    return True
