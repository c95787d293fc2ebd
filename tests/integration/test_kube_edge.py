"""The cluster edge against a real API server, with the rights of `infra/rbac.yaml` and nothing more."""

from __future__ import annotations

import base64
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulators.cluster.build import crds
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from emulators.cluster.pki import Authority
from kube.api import Api, WatchSpan
from kube.auth import connect
from kube.cluster import KubeCluster
from kube.watch import Lasting
from kube.watcher import Watched, Watcher
from reconciler.errors import Conflict, PermissionDenied, Unavailable
from reconciler.events import Cause, Trigger
from reconciler.gatewayapi.resources import GROUP, ParentRef
from reconciler.gatewayapi.status import Condition, GatewayStatus, ParentStatus, RouteStatus, StatusUpdate
from reconciler.ir import Placement
from reconciler.keys import GatewayKey, SecretRef
from reconciler.mark import Mark, State, annotation, finalizer, parse

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]

INFRA = Path(__file__).parents[2] / "infra"
CONTROLLER = "routewright.dev/aws"
V1 = f"{GROUP}/v1"
ROUTES = f"/apis/{V1}/namespaces/shop/httproutes"
type Plain = dict[str, Any]


@pytest.fixture(scope="module", name="plane")
def _plane() -> Iterator[ControlPlane]:
    with ControlPlane() as plane:
        plane.install_crds(crds(), INFRA / "crds")
        plane.apply(yaml.safe_load_all((INFRA / "rbac.yaml").read_text()))
        for name in ("infra", "shop", "certs"):
            plane.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
        spec = {"controllerName": CONTROLLER}
        plane.apply([{"apiVersion": V1, "kind": "GatewayClass", "metadata": {"name": "ours"}, "spec": spec}])
        other = {"controllerName": "example.com/other"}
        plane.apply([{"apiVersion": V1, "kind": "GatewayClass", "metadata": {"name": "other"}, "spec": other}])
        yield plane


@pytest.fixture(name="admin")
def _admin(plane: ControlPlane) -> Iterator[Objects]:
    """Give the administrator's client; take everything that the test made away again."""
    client = plane.client()
    yield client
    for version, kind in ((V1, "Gateway"), (V1, "HTTPRoute"), (f"{GROUP}/v1beta1", "ReferenceGrant"), ("v1", "Secret")):
        for item in client.list(version, kind):
            meta = item["metadata"]
            if meta.get("finalizers"):
                path = client.path(version, kind, meta["namespace"], meta["name"])
                patch = {"metadata": {"finalizers": None}}
                client.call("PATCH", path, patch, kind="application/merge-patch+json")
            client.delete(version, kind, meta["namespace"], meta["name"])


@pytest.fixture(name="cluster")
def _cluster(plane: ControlPlane) -> KubeCluster:
    return cluster_of(plane, "routewright", ())


def cluster_of(plane: ControlPlane, user: str, groups: tuple[str, ...]) -> KubeCluster:
    return KubeCluster(Api(connect(str(plane.kubeconfig(user, groups)))), CONTROLLER, "aws")


def gateway(name: str = "gw", class_name: str = "ours", **listener: Any) -> Plain:
    one = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    return {
        "apiVersion": V1,
        "kind": "Gateway",
        "metadata": {"namespace": "infra", "name": name},
        "spec": {"gatewayClassName": class_name, "listeners": [one | listener]},
    }


def https(secret: str, namespace: str = "infra") -> Plain:
    refs = [{"name": secret, "namespace": namespace}]
    return {"protocol": "HTTPS", "port": 443, "tls": {"mode": "Terminate", "certificateRefs": refs}}


def route(name: str = "web", *parents: str, service: str = "web") -> Plain:
    rules = [{"backendRefs": [{"name": service, "port": 80}]}]
    refs = [{"name": parent, "namespace": "infra"} for parent in parents]
    return {
        "apiVersion": V1,
        "kind": "HTTPRoute",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"parentRefs": refs, "rules": rules},
    }


def service(name: str = "web") -> Plain:
    spec = {"ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop", "name": name}, "spec": spec}


def endpoints(name: str = "web", address: str = "10.244.0.1") -> Plain:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"namespace": "shop", "name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }


def tls_secret(folder: Path, name: str = "cert", namespace: str = "infra") -> Plain:
    pair = Authority(folder).server("server")
    files = {"tls.crt": pair.certificate, "tls.key": pair.key}
    data = {key: base64.b64encode(path.read_bytes()).decode() for key, path in files.items()}
    meta = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": meta, "data": data}


def grant() -> Plain:
    spec = {
        "from": [{"group": GROUP, "kind": "Gateway", "namespace": "infra"}],
        "to": [{"group": "", "kind": "Secret"}],
    }
    meta = {"namespace": "certs", "name": "gateways"}
    return {"apiVersion": f"{GROUP}/v1beta1", "kind": "ReferenceGrant", "metadata": meta, "spec": spec}


def trigger(cluster: KubeCluster, name: str = "gw") -> Trigger:
    return Trigger(cluster.cluster_id, "infra", name)


def mark(nonce: str = "n1") -> Mark:
    return Mark(State.DIRTY, Placement("123456789012", "eu-west-1", "vpc-1", ""), nonce)


def accepted(generation: int, message: str = "ok") -> Condition:
    return Condition("Accepted", "True", "Accepted", message, generation)


def route_update(item: Plain, message: str = "ok") -> StatusUpdate:
    meta = item["metadata"]
    parents = (ParentStatus(ParentRef(GROUP, "Gateway", "infra", "gw"), (accepted(meta["generation"], message),)),)
    body = RouteStatus(CONTROLLER, GatewayKey("any", "infra", "gw"), parents)
    return StatusUpdate("HTTPRoute", "shop", meta["name"], meta["uid"], meta["generation"], body)


def foreign_entry() -> Plain:
    condition = {"type": "Accepted", "status": "True", "reason": "Odd", "message": "theirs", "observedGeneration": 1}
    return {
        "parentRef": {"group": GROUP, "kind": "Gateway", "namespace": "infra", "name": "theirs", "port": 8080},
        "controllerName": "example.com/other",
        "conditions": [condition | {"lastTransitionTime": "2026-01-01T00:00:00Z"}],
    }


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
    assert {one.meta.name for one in found.namespaces} == {"infra", "shop"}
    assert [one.meta.name for one in found.grants] == ["gateways"]
    assert found.bundle_version == "v1.7.0"


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


# --- watching --------------------------------------------------------------------------------------------------------


@dataclass
class Sent:
    """A queue in memory."""

    triggers: queue.Queue[Trigger] = field(default_factory=queue.Queue)

    def send(self, trigger: Trigger) -> None:
        """Take a trigger."""
        self.triggers.put(trigger)

    def send_later(self, trigger: Trigger, delay: float) -> None:
        """A watcher never asks for later."""
        raise AssertionError((trigger, delay))

    def wait(self, name: str, *, unless: Callable[[Trigger], bool] = lambda _: False) -> Trigger:
        """Return the next trigger of a subject, passing over others. Raises queue.Empty after 10 seconds."""
        deadline = time.monotonic() + 10
        while True:
            found = self.triggers.get(timeout=max(0.01, deadline - time.monotonic()))
            if found.name == name and not unless(found):
                return found

    def quiet(self, seconds: float = 1.0) -> list[Trigger]:
        """Return what comes within a time."""
        time.sleep(seconds)
        return [self.triggers.get_nowait() for _ in range(self.triggers.qsize())]


@contextlib.contextmanager
def watching(cluster: KubeCluster, quiet: float = 0.05) -> Iterator[Sent]:
    """Run a watcher; the RELIST triggers of its start are taken from the queue already."""
    sent, lasting = Sent(), Lasting()
    watched = Watched(cluster.api, cluster.cluster_id, CONTROLLER, "aws", quiet)
    thread = threading.Thread(target=Watcher(watched, sent, lambda: "run").run, args=(lasting,))
    thread.start()
    try:
        assert sent.wait("ours").cause is Cause.RELIST
        sent.quiet(0.3)
        yield sent
    finally:
        lasting.stop.set()
        thread.join(10)


def read(admin: Objects, name: str = "gw") -> Plain:
    """Return a Gateway."""
    found = admin.get(V1, "Gateway", "infra", name)
    assert found is not None
    return found


def test_a_start_wakes_every_gateway_and_class_of_ours(admin: Objects, cluster: KubeCluster) -> None:
    for item in (gateway("a"), gateway("b"), gateway("foreign", "other")):
        admin.apply(item)
    sent, lasting = Sent(), Lasting()
    watched = Watched(cluster.api, cluster.cluster_id, CONTROLLER, "aws", 0.0)
    thread = threading.Thread(target=Watcher(watched, sent, lambda: "run-1").run, args=(lasting,))
    thread.start()
    sent.wait("b")
    lasting.stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_new_route_wakes_its_gateway_and_tells_what_was_seen(admin: Objects, cluster: KubeCluster) -> None:
    for item in (gateway("gw"), gateway("other-gw")):
        admin.apply(item)
    with watching(cluster) as sent:
        item = admin.apply(route("web", "gw"))
        found = sent.wait("gw")
        assert [("HTTPRoute", item["metadata"]["uid"])] == [(seen.kind, seen.uid) for seen in found.seen]
        assert found.cause is Cause.EVENT
        assert [one.name for one in sent.quiet()] == []


def test_a_removed_parent_ref_wakes_the_gateway_that_it_named(admin: Objects, cluster: KubeCluster) -> None:
    for item in (gateway("gw"), gateway("next"), route("web", "gw")):
        admin.apply(item)
    with watching(cluster) as sent:
        admin.apply(route("web", "next"))
        assert {"gw", "next"} == {one.name for one in sent.quiet()}


def test_a_route_that_moved_while_nobody_watched_is_found_by_our_status(admin: Objects, cluster: KubeCluster) -> None:
    admin.apply(gateway("gw"))
    cluster.write_status([route_update(admin.apply(route("web", "gw")))])
    admin.apply(route("web", "elsewhere"))
    with watching(cluster) as sent:
        admin.delete(V1, "HTTPRoute", "shop", "web")
        assert any(seen.deleted for seen in sent.wait("gw").seen)


def test_endpoints_wake_the_gateway_and_name_their_service(admin: Objects, cluster: KubeCluster) -> None:
    for item in (gateway(), route("web", "gw"), service(), endpoints()):
        admin.apply(item)
    with watching(cluster) as sent:
        admin.apply(endpoints(address="10.244.0.2"))
        found = sent.wait("gw")
        assert (True, ("shop/web",)) == (found.only_endpoints, found.services)


def test_our_own_writes_wake_nobody(admin: Objects, cluster: KubeCluster) -> None:
    made = admin.apply(gateway())
    item = admin.apply(route("web", "gw"))
    body = GatewayStatus((("IPAddress", "127.0.0.1"),), (accepted(1),), ())
    with watching(cluster) as sent:
        cluster.write_mark(GatewayKey(cluster.cluster_id, "infra", "gw"), mark(), finalizer=True)
        cluster.write_status(
            [StatusUpdate("Gateway", "infra", "gw", made["metadata"]["uid"], 1, body), route_update(item)]
        )
        assert [] == sent.quiet()


def test_a_secret_that_comes_late_wakes_the_gateway(admin: Objects, cluster: KubeCluster, tmp_path: Path) -> None:
    admin.apply(gateway(**https("cert")))
    with watching(cluster) as sent:
        admin.apply(tls_secret(tmp_path))
        assert {"Secret"} == {seen.kind for seen in sent.wait("gw").seen}


def test_a_restarted_api_server_loses_no_event(plane: ControlPlane, admin: Objects, cluster: KubeCluster) -> None:
    admin.apply(gateway())
    with watching(cluster) as sent:
        plane.restart_apiserver()
        item = plane.client().apply(route("web", "gw"))
        found = sent.wait("gw", unless=lambda one: not one.seen and one.cause is Cause.EVENT)
        version = item["metadata"]["resourceVersion"]
        assert found.cause is Cause.RELIST or {version} == {seen.version for seen in found.seen}


def test_a_version_that_is_too_old_is_expired(cluster: KubeCluster) -> None:
    with pytest.raises(Unavailable):
        list(cluster.api.watch(f"/apis/{V1}/httproutes", WatchSpan("1", 1)))
