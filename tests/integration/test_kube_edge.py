"""The cluster edge against a real API server, with the rights of `infra/rbac.yaml` and nothing more."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from kube.cluster import KubeCluster
from kube.errors import NotFound
from reconciler.errors import Conflict, PermissionDenied, Unavailable
from reconciler.events import Trigger
from reconciler.gatewayapi.pods import read_pod
from reconciler.gatewayapi.resources import GROUP
from reconciler.gatewayapi.status import Condition, GatewayStatus, StatusUpdate
from reconciler.keys import SecretRef
from reconciler.mark import annotation, finalizer, parse
from tests.integration.kube_world import (
    CONTROLLER,
    ROUTES,
    V1,
    cluster_of,
    endpoints,
    foreign_entry,
    gateway,
    grant,
    https,
    mark,
    read,
    route,
    route_update,
    service,
    tls_secret,
    trigger,
)
from tests.kube_requests import Requests

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]


# --- reading ---------------------------------------------------------------------------------------------------------


def test_the_cluster_id_follows_from_kube_system_alone(plane: ControlPlane, cluster: KubeCluster) -> None:
    again = cluster_of(plane, "admin", ("system:masters",))
    assert again.cluster_id == cluster.cluster_id
    assert len(cluster.cluster_id) == 10


def test_a_snapshot_holds_what_the_gateway_needs_and_nothing_else(admin: Objects, cluster: KubeCluster) -> None:
    stranger = route("stranger", "elsewhere", service="lonely")
    for item in (gateway(), route("web", "gw"), stranger, service(), service("lonely"), endpoints(), grant()):
        admin.apply(item)
    found = cluster.snapshot(trigger(cluster))
    assert found.gateway is not None
    assert found.gateway_class is not None
    assert (found.gateway.meta.name, found.gateway_class.meta.name) == ("gw", "ours")
    assert [one.meta.name for one in found.routes] == ["web"]
    assert [one.meta.name for one in found.services] == ["web"]
    assert [one.endpoints[0].addresses for one in found.slices] == [("10.244.0.1",)]
    assert [one.meta.name for one in found.namespaces] == ["shop"]
    assert found.grants == ()
    assert found.bundle_version == "v1.7.0"


def test_of_the_pods_behind_a_service_the_one_that_speaks_is_read_once_and_by_name(
    plane: ControlPlane, admin: Objects, cluster: KubeCluster
) -> None:
    """What the API server fills into a probe is what the offline reading fills in; no Pod is read twice."""
    probe = {"httpGet": {"path": "/ready", "port": "http"}}
    ports = [{"name": "http", "containerPort": 8080}]
    container = {"name": "app", "image": "app", "ports": ports, "readinessProbe": probe}
    meta = {"namespace": "shop", "name": "web-1-a"}
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}}
    pod, slice_ = admin.apply(bare), endpoints()
    slice_["endpoints"][0]["targetRef"] = {"kind": "Pod", **meta, "uid": pod["metadata"]["uid"]}
    for item in (gateway(), route("web", "gw"), service(), slice_):
        admin.apply(item)
    asked = Requests(cluster.api)
    first, second = (cluster.snapshot(trigger(cluster)) for _ in range(2))
    stranger = cluster_of(plane, "routewright", ()).snapshot(trigger(cluster))
    admin.delete("v1", "Pod", "shop", "web-1-a")

    assert (read_pod(bare).containers,) == tuple(one.containers for one in first.pods)
    assert first.pods == second.pods == stranger.pods
    assert ["get"] == [one.verb for one in asked.made if "/pods" in one.path]


def test_a_gateway_that_is_not_there_gives_a_snapshot_without_it(cluster: KubeCluster) -> None:
    assert cluster.snapshot(trigger(cluster, "ghost")).gateway is None


def test_a_route_that_only_our_status_still_names_is_in_the_snapshot(admin: Objects, cluster: KubeCluster) -> None:
    admin.apply(gateway())
    item = admin.apply(route("web", "gw"))
    assert cluster.write_status([route_update(item)]) == 1
    admin.apply(route("web", "elsewhere"))
    assert [one.meta.name for one in cluster.snapshot(trigger(cluster)).routes] == ["web"]


def test_a_class_has_a_snapshot_of_its_own(cluster: KubeCluster) -> None:
    found = cluster.snapshot(Trigger(cluster.cluster_id, "", "ours", kind="GatewayClass"))
    assert found.gateway is None
    assert found.gateway_class is not None
    assert found.gateway_class.controller == CONTROLLER


def test_secrets_are_read_only_where_they_are_granted(admin: Objects, cluster: KubeCluster, tmp_path: Path) -> None:
    for item in (gateway(**https("cert", "certs")), tls_secret(tmp_path, namespace="certs")):
        admin.apply(item)
    assert cluster.snapshot(trigger(cluster)).certificates == ()
    admin.apply(grant())
    (facts,) = cluster.snapshot(trigger(cluster)).certificates
    assert (SecretRef("certs", "cert"), "") == (facts.ref, facts.problem)
    assert "PRIVATE KEY" in cluster.read_secret(facts.ref, facts.fingerprint).private_key


def test_a_secret_that_changed_since_the_plan_is_a_conflict(
    admin: Objects, cluster: KubeCluster, tmp_path: Path
) -> None:
    admin.apply(tls_secret(tmp_path))
    with pytest.raises(Conflict, match="another certificate"):
        cluster.read_secret(SecretRef("infra", "cert"), "0000000000000000")
    with pytest.raises(Conflict, match="is gone"):
        cluster.read_secret(SecretRef("infra", "ghost"), "0000000000000000")


def test_gateways_are_those_of_our_classes_and_those_that_carry_our_finalizer(
    admin: Objects, cluster: KubeCluster
) -> None:
    left = gateway("left", "other")
    left["metadata"]["finalizers"] = [finalizer("aws")]
    for item in (gateway("gw"), gateway("foreign", "other"), left):
        admin.apply(item)
    assert [("gw", "ours"), ("left", "other")] == [(ref.key.name, ref.class_name) for ref in cluster.gateways()]
    assert cluster.classes() == ["ours"]


def test_a_forbidden_list_is_never_an_empty_one(plane: ControlPlane, admin: Objects) -> None:
    admin.apply(gateway())
    nobody = cluster_of(plane, "nobody", ())
    with pytest.raises(PermissionDenied, match=r"forbidden: User .*nobody.* grant the right"):
        nobody.snapshot(Trigger("c", "infra", "gw"))


def test_our_identity_may_not_list_secrets(cluster: KubeCluster) -> None:
    with pytest.raises(PermissionDenied):
        cluster.api.list("/api/v1/secrets")


def test_a_kind_that_is_not_served_is_unavailable_not_empty(cluster: KubeCluster) -> None:
    with pytest.raises(Unavailable):
        cluster.api.list(f"/apis/{GROUP}/v9/gateways")


def test_a_404_for_an_object_is_told_from_one_for_its_kind(cluster: KubeCluster) -> None:
    """Absence is the API server's word on the object; of a kind that is not served nothing is absent."""
    for namespace in ("infra", "nowhere"):
        path = f"/apis/{V1}/namespaces/{namespace}/gateways/ghost"
        assert [None, None] == [cluster.api.get(path, metadata_only=only) for only in (False, True)]
    with pytest.raises(NotFound):
        cluster.api.get(f"/apis/{GROUP}/v9/namespaces/infra/gateways/gw")


def test_metadata_of_a_secret_comes_without_its_data(admin: Objects, cluster: KubeCluster, tmp_path: Path) -> None:
    admin.apply(tls_secret(tmp_path))
    found = cluster.api.get("/api/v1/namespaces/infra/secrets/cert", metadata_only=True)
    assert found is not None
    assert found["metadata"]["name"] == "cert"
    assert "data" not in found


# --- writing ---------------------------------------------------------------------------------------------------------


def test_the_mark_and_the_finalizer_come_and_go_together(admin: Objects, cluster: KubeCluster) -> None:
    item = gateway()
    item["metadata"] |= {"finalizers": ["example.com/theirs"], "annotations": {"example.com/note": "kept"}}
    admin.apply(item)
    key = cluster.snapshot(trigger(cluster)).key
    cluster.write_mark(key, mark(), finalizer=True)
    meta = read(admin)["metadata"]
    assert mark() == parse(meta["annotations"][annotation("aws")])
    assert meta["finalizers"] == ["example.com/theirs", finalizer("aws")]
    assert meta["generation"] == 1
    cluster.write_mark(key, None, finalizer=False)
    meta = read(admin)["metadata"]
    assert ["example.com/theirs"] == meta["finalizers"]
    assert meta["annotations"] == {"example.com/note": "kept"}


def test_the_same_mark_twice_is_one_write(admin: Objects, cluster: KubeCluster) -> None:
    admin.apply(gateway())
    key = cluster.snapshot(trigger(cluster)).key
    cluster.write_mark(key, mark(), finalizer=True)
    before = read(admin)["metadata"]["resourceVersion"]
    cluster.write_mark(key, mark(), finalizer=True)
    assert before == read(admin)["metadata"]["resourceVersion"]


def test_a_mark_for_a_gateway_that_was_created_anew_is_a_conflict(admin: Objects, cluster: KubeCluster) -> None:
    admin.apply(gateway())
    key = cluster.snapshot(trigger(cluster)).key
    admin.delete(V1, "Gateway", "infra", "gw")
    with pytest.raises(Conflict, match="gone or was created anew"):
        cluster.write_mark(key, mark(), finalizer=True)
    admin.apply(gateway())
    with pytest.raises(Conflict, match="gone or was created anew"):
        cluster.write_mark(key, mark(), finalizer=True)
    assert "annotations" not in read(admin)["metadata"]


def test_foreign_status_entries_stay_equal(admin: Objects, cluster: KubeCluster) -> None:
    item = admin.apply(route("web", "gw", "theirs"))
    admin.merge(item, {"status": {"parents": [foreign_entry()]}}, status=True)
    assert cluster.write_status([route_update(item)]) == 1
    parents = admin.call("GET", f"{ROUTES}/web")["status"]["parents"]
    assert foreign_entry() == parents[0]
    assert [CONTROLLER] == [entry["controllerName"] for entry in parents[1:]]


def test_an_unchanged_status_is_not_written(admin: Objects, cluster: KubeCluster) -> None:
    item = admin.apply(route("web", "gw"))
    assert [1, 0] == [cluster.write_status([route_update(item)]) for _ in range(2)]


def test_a_status_of_an_older_generation_or_another_object_is_dropped(admin: Objects, cluster: KubeCluster) -> None:
    item = admin.apply(route("web", "gw"))
    admin.apply(route("web", "gw", service="changed"))
    ghost = {"metadata": {"name": "ghost", "uid": "u", "generation": 1}}
    stranger = {"metadata": {**item["metadata"], "uid": "another", "generation": 9}}
    assert cluster.write_status([route_update(one) for one in (item, ghost, stranger)]) == 0


def test_two_writers_of_one_status_lose_nothing(admin: Objects, cluster: KubeCluster) -> None:
    """Both change the same object at the same time; who comes second reads and merges again."""
    item = admin.apply(route("web", "gw"))
    failures: list[Exception] = []

    def theirs() -> None:
        for number in range(10):
            entry = foreign_entry()
            entry["conditions"][0]["message"] = f"round {number}"
            current = admin.call("GET", f"{ROUTES}/web")
            mine = [one for one in current.get("status", {}).get("parents", []) if one["controllerName"] == CONTROLLER]
            version = {"metadata": {"resourceVersion": current["metadata"]["resourceVersion"]}}
            with contextlib.suppress(Exception):
                admin.merge(item, {**version, "status": {"parents": [entry, *mine]}}, status=True)

    thread = threading.Thread(target=theirs)
    thread.start()
    for number in range(10):
        try:
            cluster.write_status([route_update(item, f"round {number}")])
        except Conflict as error:
            failures.append(error)
    thread.join()
    cluster.write_status([route_update(item, "last")])
    parents = admin.call("GET", f"{ROUTES}/web")["status"]["parents"]
    assert {CONTROLLER, "example.com/other"} == {entry["controllerName"] for entry in parents}
    assert len(failures) < 10


def test_one_object_that_fails_does_not_stop_the_others(admin: Objects, cluster: KubeCluster) -> None:
    item = admin.apply(route("web", "gw"))
    bad_condition = Condition("Accepted", "Perhaps", "No", "not a status", 1)
    made = admin.apply(gateway())["metadata"]
    bad = StatusUpdate("Gateway", "infra", "gw", made["uid"], 1, GatewayStatus((), (bad_condition,), ()))
    with pytest.raises(Exception, match="refused with 422"):
        cluster.write_status([bad, route_update(item)])
    assert len(admin.call("GET", f"{ROUTES}/web")["status"]["parents"]) == 1
