"""The watcher against a real API server: who is woken by what, and who is not."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from kube.api import WatchSpan
from kube.cluster import KubeCluster
from kube.watch import Lasting
from kube.watcher import Watched, Watcher
from reconciler.errors import Unavailable
from reconciler.events import Cause, Trigger
from reconciler.gatewayapi.status import GatewayStatus, StatusUpdate
from reconciler.keys import GatewayKey
from tests.integration.kube_world import (
    CONTROLLER,
    V1,
    Plain,
    accepted,
    backend_config,
    ca_bundle,
    endpoints,
    gateway,
    https,
    listener_set,
    mark,
    on_set,
    open_to_sets,
    route,
    route_update,
    service,
    tls_policy,
    tls_secret,
)

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]


@dataclass
class Sent:
    """A queue in memory."""

    triggers: queue.Queue[Trigger] = field(default_factory=queue.Queue)

    def send(self, trigger: Trigger) -> None:
        """Take a trigger."""
        self.triggers.put(trigger)

    def send_later(self, triggers: Sequence[Trigger], delay: float) -> None:
        """A watcher never asks for later."""
        raise AssertionError((triggers, delay))

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


def test_a_route_on_a_listener_set_wakes_the_gateway_of_the_set(admin: Objects, cluster: KubeCluster) -> None:
    for item in (open_to_sets(gateway()), gateway("other-gw"), listener_set()):
        admin.apply(item)
    with watching(cluster) as sent:
        item = admin.apply(on_set())
        assert {item["metadata"]["uid"]} == {seen.uid for seen in sent.wait("gw").seen}
        admin.apply(listener_set(port=8081))
        assert {"ListenerSet"} == {seen.kind for seen in sent.wait("gw").seen}
        admin.merge({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, labelled("front"))
        assert {"Namespace"} == {seen.kind for seen in sent.wait("gw").seen}
        admin.delete(V1, "ListenerSet", "shop", "extra")
        assert [True] == [seen.deleted for seen in sent.wait("gw").seen]
        assert [] == sent.quiet()


def labelled(tier: str) -> Plain:
    return {"metadata": {"labels": {"tier": tier}}}


def test_policies_wake_the_gateways_whose_routes_use_their_service(admin: Objects, cluster: KubeCluster) -> None:
    for item in (gateway(), gateway("other-gw"), route("web", "gw")):
        admin.apply(item)
    with watching(cluster) as sent:
        for item in (tls_policy(), backend_config()):
            admin.apply(item)
            found = sent.wait("gw")
            assert {item["kind"]} == {seen.kind for seen in found.seen}
            assert item["kind"] in dict(found.known)
        admin.apply(tls_policy("lonely", "stranger"))
        assert [] == sent.quiet()


def test_authorities_that_come_late_wake_the_gateway(admin: Objects, cluster: KubeCluster) -> None:
    for item in (gateway(), route("web", "gw"), tls_policy()):
        admin.apply(item)
    admin.delete("v1", "ConfigMap", "shop", "ca")
    with watching(cluster) as sent:
        admin.apply(ca_bundle())
        assert {"ConfigMap"} == {seen.kind for seen in sent.wait("gw").seen}


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


def test_nodes_wake_the_gateways_whose_pools_they_are_only_while_a_backend_config_asks(
    admin: Objects, cluster: KubeCluster
) -> None:
    """With the rights of the ClusterRole; a kubelet's own news wakes nobody."""
    ready = {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "far"}}
    for item in (gateway("gw"), gateway("other-gw"), route("web", "gw"), service(), endpoints()):
        admin.apply(item)
    try:
        with watching(cluster) as sent:
            made = admin.apply(node | {"spec": {"providerID": "aws:///us-east-1a/i-00000000000000001"}})
            assert [] == sent.quiet()
            admin.apply(backend_config(targetType="instance"))
            assert {"gw"} == {one.name for one in sent.quiet()}
            admin.merge(made, {"status": ready}, status=True)
            assert ["gw"] == [one.name for one in sent.quiet()]
            admin.merge(made, {"status": {"nodeInfo": {"kernelVersion": "7"}}}, status=True)
            assert [] == sent.quiet()
        (found,) = cluster.snapshot(Trigger(cluster.cluster_id, "infra", "gw")).nodes
        assert ("aws:///us-east-1a/i-00000000000000001", True) == (found.provider_id, found.ready)
        assert () == cluster.snapshot(Trigger(cluster.cluster_id, "infra", "other-gw")).nodes
    finally:
        admin.delete("v1", "Node", "", "far")
