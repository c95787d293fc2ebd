"""What a run reads of Secrets and ConfigMaps, and what a read means that is forbidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from kube.api import Api, Listing
from kube.fetch import Fetch, Fetched
from kube.freshness import Need
from kube.store import Found, Store
from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.errors import PermissionDenied, Unavailable
from reconciler.events import Cause, Trigger
from reconciler.keys import ConfigMapRef, SecretRef
from tests.builders import (
    CLUSTER,
    CONTROLLER,
    backend_config,
    gateway,
    gateway_class,
    grant,
    listener,
    listener_set,
    namespace_,
    node,
    open_gateway,
    parent,
    route,
    tls_policy,
)

type Plain = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FORBIDDEN = "may not be read; grant routewright `get` on it in RBAC"
TLS = {"certificateRefs": [{"name": "c"}]}


@dataclass
class _Cluster:
    """Answers reads by the end of the path; Secrets and ConfigMaps are forbidden; `asked` names those read."""

    objects: Mapping[str, Any] = field(default_factory=dict)
    grants: tuple[Plain, ...] = ()
    nodes: tuple[Plain, ...] | Exception = ()
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, *, metadata_only: bool = False) -> Any:
        if "/secrets/" in path or "/configmaps/" in path:
            self.asked.append("/".join(path.split("/")[-3:]))
            raise PermissionDenied(f"GET {path}: forbidden")
        return None if metadata_only else self.objects.get(path.rpartition("/")[2])

    def list(self, path: str, _query: object = None) -> Listing:
        assert not path.endswith(("/secrets", "/configmaps"))
        if path == "/api/v1/nodes":
            self.asked.append(path)
            if isinstance(self.nodes, Exception):
                raise self.nodes
            return Listing(self.nodes, "1")
        return Listing(self.grants if path.endswith("/referencegrants") else (), "1")


@dataclass
class _Found:
    """A store that found this."""

    found: Found = field(default_factory=Found)

    def find(self, _namespace: str, _name: str, _need: Callable[[str], Need]) -> Found:
        return self.found


def run(cluster: _Cluster, **found: tuple[Plain, ...]) -> Fetched:
    store = _Found(Found(**found))  # type: ignore[arg-type]
    fetch = Fetch(cast("Api", cluster), cast("Store", store), CONTROLLER, "aws")
    return fetch.gateway(Trigger(CLUSTER, "infra", "gw", cause=Cause.RESYNC), NOW)


def world(host: Plain, *others: Plain) -> dict[str, Plain]:
    return {"gw": host, "aws": gateway_class(), **{item["metadata"]["name"]: item for item in others}}


SECURE_SET = listener_set(listeners=[listener("tls", 443, "HTTPS", tls=TLS)])


def set_that_says(programmed: str) -> Plain:
    told = {"name": "tls", "conditions": [{"type": "Programmed", "status": programmed}]}
    return SECURE_SET | {"status": {"listeners": [told]}}


def test_a_secret_that_may_not_be_read_ends_the_run_and_is_not_taken_for_a_bad_one() -> None:
    """A right that was lost must not take down a listener that is served."""
    host = gateway(listeners=[listener("https", 443, "HTTPS", tls=TLS)])

    with pytest.raises(Unavailable, match=f"Secret infra/c {FORBIDDEN}"):
        run(_Cluster(world(host)))


def test_a_gateways_authorities_that_may_not_be_read_end_the_run() -> None:
    host = gateway()
    refs = [{"group": "", "kind": "ConfigMap", "name": "ca"}]
    host["spec"]["tls"] = {"frontend": {"default": {"validation": {"caCertificateRefs": refs}}}}

    with pytest.raises(Unavailable, match=f"ConfigMap infra/ca {FORBIDDEN}"):
        run(_Cluster(world(host)))


def test_a_secret_of_a_listener_that_a_set_has_up_ends_the_run() -> None:
    with pytest.raises(Unavailable, match=f"Secret a/c {FORBIDDEN}"):
        run(_Cluster(world(open_gateway(), set_that_says("True"))), sets=(SECURE_SET,))


@pytest.mark.parametrize("current", [SECURE_SET, set_that_says("False")])
def test_a_secret_of_a_listener_that_never_was_up_costs_that_listener_alone(current: Plain) -> None:
    """Else a new ListenerSet of one team could hold up the Gateway of all."""
    found = run(_Cluster(world(open_gateway(), current)), sets=(SECURE_SET,))

    assert (CertificateFacts(SecretRef("a", "c"), problem=FORBIDDEN),) == found.facts


def test_another_listener_of_the_set_that_is_up_does_not_count() -> None:
    current = set_that_says("False")
    current["status"]["listeners"].append({"name": "more", "conditions": [{"type": "Programmed", "status": "True"}]})

    assert 1 == len(run(_Cluster(world(open_gateway(), current)), sets=(SECURE_SET,)).facts)


@pytest.mark.parametrize(("status", "ends"), [("True", True), ("False", False)])
def test_authorities_of_a_policy_end_the_run_where_it_is_in_force(status: str, ends: bool) -> None:  # noqa: FBT001
    entry = {"controllerName": CONTROLLER, "conditions": [{"type": "Accepted", "status": status}]}
    theirs = {"controllerName": "example.com/other", "conditions": [{"type": "Accepted", "status": "True"}]}
    current = tls_policy() | {"status": {"ancestors": [theirs, entry]}}
    cluster = _Cluster(world(gateway(), current))
    if ends:
        with pytest.raises(Unavailable, match=f"ConfigMap a/ca {FORBIDDEN}"):
            run(cluster, routes=(route(),), policies=(tls_policy(),))
    else:
        found = run(cluster, routes=(route(),), policies=(tls_policy(),))
        assert (CaBundle(ConfigMapRef("a", "ca"), problem=FORBIDDEN),) == found.facts


def test_authorities_of_a_policy_that_no_route_needs_any_more_are_not_read() -> None:
    cluster = _Cluster(world(gateway()))

    assert () == run(cluster, policies=(tls_policy(),)).facts
    assert [] == cluster.asked


@pytest.mark.parametrize(
    ("host", "reads"), [(open_gateway(), ["a/secrets/c"]), (gateway(), [])], ids=["let in", "not let in"]
)
def test_secrets_are_read_of_listener_sets_that_the_gateway_lets_in(host: Plain, reads: list[str]) -> None:
    cluster = _Cluster(world(host))
    run(cluster, sets=(SECURE_SET,))

    assert reads == cluster.asked


def test_a_selector_lets_in_by_the_labels_of_the_sets_namespace() -> None:
    host = gateway()
    chosen = {"from": "Selector", "selector": {"matchLabels": {"tier": "front"}}}
    host["spec"]["allowedListeners"] = {"namespaces": chosen}
    for label, reads in (("front", ["a/secrets/c"]), ("back", [])):
        cluster = _Cluster(world(host, namespace_("a", tier=label)))
        run(cluster, sets=(SECURE_SET,))
        assert reads == cluster.asked


def test_a_secret_elsewhere_is_read_for_a_set_by_a_grant_for_listener_sets_alone() -> None:
    wanting = listener_set(
        listeners=[listener("tls", 443, "HTTPS", tls={"certificateRefs": [{"name": "c", "namespace": "certs"}]})]
    )
    for kind, reads in (("Gateway", []), ("ListenerSet", ["certs/secrets/c"])):
        cluster = _Cluster(world(open_gateway()), (grant("certs", (kind, "a"), ("Secret", "")),))
        run(cluster, sets=(wanting,))
        assert reads == cluster.asked


def test_authorities_elsewhere_are_read_by_a_grant_for_gateways_alone() -> None:
    host = gateway()
    refs = [{"group": "", "kind": "ConfigMap", "name": "ca", "namespace": "certs"}]
    host["spec"]["tls"] = {"frontend": {"default": {"validation": {"caCertificateRefs": refs}}}}
    wrong = grant("certs", ("Gateway", "infra"), ("Secret", ""))
    assert () == run(_Cluster(world(host), (wrong,))).facts

    with pytest.raises(Unavailable, match=f"ConfigMap certs/ca {FORBIDDEN}"):
        run(_Cluster(world(host), (grant("certs", ("Gateway", "infra"), ("ConfigMap", "")),)))


def test_nothing_is_read_for_a_gateway_of_somebody_else() -> None:
    """Whoever may write a Gateway would else have us read what its namespace keeps."""
    host = gateway(listeners=[listener("https", 443, "HTTPS", tls=TLS)])
    cluster = _Cluster(world(host) | {"aws": gateway_class(controller="example.com/other")})

    assert () == run(cluster).facts
    assert [] == cluster.asked


def test_a_lost_listener_set_that_is_there_after_all_is_in_the_snapshot() -> None:
    """The store may be older than an entry that another container wrote; only the API server knows what is gone."""
    on_set = route(parents=[parent("extra", "a", kind="ListenerSet")])
    lost = ("ListenerSet", "a", "extra")
    there = run(_Cluster(world(gateway(), listener_set())), routes=(on_set,), lost=(lost,))  # type: ignore[arg-type]
    gone = run(_Cluster(world(gateway())), routes=(on_set,), lost=(lost,))  # type: ignore[arg-type]

    assert [1, 0] == [sum(item["kind"] == "ListenerSet" for item in one.objects) for one in (there, gone)]


# --- Nodes -----------------------------------------------------------------------------------------------------------


BY_NODES = backend_config({"targetType": "instance"})


def nodes_of(fetched: Fetched) -> list[Plain]:
    return [item for item in fetched.objects if item.get("kind") == "Node"]


def test_nodes_are_listed_where_a_backend_config_in_use_asks_for_them() -> None:
    cluster = _Cluster(world(gateway()), nodes=(node(), node("n2")))

    found = run(cluster, routes=(route(),), policies=(BY_NODES,))

    assert ["n1", "n2"] == [item["metadata"]["name"] for item in nodes_of(found)]
    assert ["/api/v1/nodes"] == cluster.asked


@pytest.mark.parametrize(
    "policy",
    [
        backend_config({"targetType": "ip"}),
        backend_config({"drainingSeconds": 5}),
        backend_config({"targetType": "instance"}, target="unused"),
        tls_policy(),
    ],
    ids=["ip", "without", "unused", "another-kind"],
)
def test_nobody_looks_at_nodes_without_need(policy: Plain) -> None:
    cluster = _Cluster(world(gateway()), nodes=(node(),))

    assert [] == nodes_of(run(cluster, routes=(route(),), policies=(policy,)))
    assert "/api/v1/nodes" not in cluster.asked


@pytest.mark.parametrize("error", [PermissionDenied("GET /api/v1/nodes: forbidden"), Unavailable("GET /api/v1/nodes")])
def test_nodes_that_cannot_be_listed_end_the_run_and_are_not_taken_for_none(error: Exception) -> None:
    """No Node would be no target: all that serves would be deregistered."""
    cluster = _Cluster(world(gateway()), nodes=error)

    with pytest.raises(type(error), match="/api/v1/nodes"):
        run(cluster, routes=(route(),), policies=(BY_NODES,))
