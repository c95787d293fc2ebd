"""Which Pods a snapshot reads, how often, what it keeps of them, and what a read means that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from kube import kinds
from kube.api import Api, Listing
from kube.fetch import Fetch, Fetched
from kube.freshness import Need
from kube.pods import Pods
from kube.store import Found, Store
from reconciler.errors import Misconfigured, PermissionDenied, ReconcilerError, Unavailable
from reconciler.events import Cause, Trigger
from reconciler.gatewayapi.pods import read_pod
from reconciler.gatewayapi.read import read_slice
from reconciler.gatewayapi.resources import EndpointSlice
from tests.builders import (
    CLUSTER,
    CONTROLLER,
    endpoints,
    gated_pod,
    gateway,
    gateway_class,
    http_probe,
    of_pods,
    pod,
    route,
)
from tests.unit.kube.test_fetch import NOW

type Plain = dict[str, Any]
TWO = (pod("web-1-a", probe=http_probe()), pod("web-1-b", probe=http_probe()))
BOTH = of_pods(endpoints(addresses=["10.0.0.1", "10.0.0.2"]), *TWO)


@dataclass
class _Reader:
    """Answers reads of Pods by name, notes them, and fails each with an error if there is one."""

    pods: Sequence[Plain] = ()
    error: ReconcilerError | None = None
    asked: list[str] = field(default_factory=list)

    def __call__(self, kind: kinds.Kind, namespace: str, name: str) -> Plain | None:
        assert kind is kinds.POD
        self.asked.append(f"{namespace}/{name}")
        if self.error is not None:
            raise self.error
        return next((one for one in self.pods if one["metadata"]["name"] == name), None)


def names(found: Sequence[Plain]) -> list[str]:
    return [item["metadata"]["name"] for item in found]


def test_one_pod_is_read_for_a_service_and_only_once() -> None:
    known, read = Pods(), _Reader(TWO)

    assert ["web-1-a"] == names(known.speaking(read, [read_slice(BOTH)]))
    assert ["web-1-a"] == names(known.speaking(read, [read_slice(BOTH)]))
    assert ["a/web-1-a"] == read.asked


def test_a_pod_of_the_same_name_and_another_uid_is_read_anew() -> None:
    known, read = Pods(), _Reader(TWO)
    known.speaking(read, [read_slice(BOTH)])
    other = pod("web-1-a", probe=http_probe("/other"))
    other["metadata"]["uid"] = "another"
    read.pods = (other,)

    (found,) = known.speaking(read, [read_slice(of_pods(endpoints(), other))])
    assert "/other" == found["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"]
    assert 2 == len(read.asked)


def test_a_pod_that_is_gone_by_now_is_followed_by_the_next_and_three_are_tried() -> None:
    many = [pod(f"web-1-{letter}") for letter in "abcdef"]
    slice_ = read_slice(of_pods(endpoints(addresses=[f"10.0.0.{i}" for i in range(6)]), *many))
    read, in_vain = _Reader(many[2:]), _Reader(many[3:])

    assert ["web-1-c"] == names(Pods().speaking(read, [slice_]))
    assert () == Pods().speaking(in_vain, [slice_])
    assert 3 == len(in_vain.asked)


@pytest.mark.parametrize("error", [PermissionDenied("GET pods: forbidden"), Misconfigured("GET pods: refused")])
def test_a_pod_that_may_not_be_read_costs_the_probe_alone_and_is_told_once(
    error: ReconcilerError, caplog: pytest.LogCaptureFixture
) -> None:
    known, read = Pods(), _Reader(error=error)
    with caplog.at_level(logging.WARNING):
        assert () == known.speaking(read, [read_slice(BOTH)])
        assert () == known.speaking(read, [read_slice(BOTH)])

    assert [f"readiness probes and gates of namespace a are not looked at: {error.message}"] == caplog.messages


def test_a_read_that_failed_for_now_ends_the_run_and_changes_no_health_check() -> None:
    with pytest.raises(Unavailable):
        Pods().speaking(_Reader(error=Unavailable("GET pods: timed out")), [read_slice(BOTH)])


def test_of_a_pod_nothing_is_kept_but_who_it_is_and_what_its_containers_are_asked() -> None:
    secret = pod(probe=http_probe(), env=[{"name": "PASSWORD", "value": "hunter2"}], restartPolicy="Always")
    secret["metadata"]["annotations"] = {"token": "hunter2"}
    secret["status"] = {"message": "hunter2"}

    (found,) = Pods().speaking(_Reader([secret]), [read_slice(of_pods(endpoints(), secret))])
    assert "hunter2" not in str(found)
    assert {"ports", "readinessProbe", "restartPolicy"} == set(found["spec"]["containers"][0])


def test_the_pods_that_were_read_first_are_forgotten_first() -> None:
    known, read = Pods(most=2), _Reader([pod(name) for name in ("a-1", "b-1", "c-1")])
    for name in ("a-1", "b-1", "c-1", "b-1", "a-1"):
        known.speaking(read, [read_slice(of_pods(endpoints(), pod(name)))])

    assert ["a/a-1", "a/b-1", "a/c-1", "a/a-1"] == read.asked


def unready(*pods: Plain, **conditions: bool) -> list[EndpointSlice]:
    addresses = [f"10.0.0.{i}" for i in range(len(pods))]
    slice_ = of_pods(endpoints(addresses=addresses), *pods)
    for one in slice_["endpoints"]:
        one["conditions"] = {"ready": False} | conditions
    return [read_slice(slice_)]


def test_pods_that_wait_for_our_gate_are_read_each_time_and_others_once() -> None:
    plain, gated = pod("web-1-a"), gated_pod("web-1-b", said="hello")
    known, read = Pods(), _Reader([plain, gated])
    for _ in range(2):
        (found,) = known.waiting(read, unready(plain, gated))

    assert ["a/web-1-a", "a/web-1-b", "a/web-1-b"] == read.asked
    assert read_pod(gated).gate == read_pod(found).gate


def test_of_ready_pods_and_those_on_their_way_out_no_gate_is_looked_at() -> None:
    read = _Reader(TWO)

    assert () == Pods().waiting(read, [read_slice(BOTH)])
    assert () == Pods().waiting(read, unready(*TWO, terminating=True))
    assert [] == read.asked


def test_gates_that_may_not_be_read_are_told_and_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert () == Pods().waiting(_Reader(error=PermissionDenied("no")), unready(gated_pod()))

    assert 1 == len(caplog.messages)


@dataclass
class _Cluster:
    """Answers reads by the end of the path, and lists of slices; `asked` are the Pods read."""

    objects: Sequence[Plain]
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, *, metadata_only: bool = False) -> Any:
        if "/pods/" in path:
            self.asked.append(path)
        return (
            None
            if metadata_only
            else next((o for o in self.objects if path.endswith(f"/{o['metadata']['name']}")), None)
        )

    def list(self, path: str, _query: object = None) -> Listing:
        return Listing(tuple(o for o in self.objects if path.endswith(f"/{o['kind'].lower()}s")), "1")


@dataclass
class _Found:
    asked: list[frozenset[tuple[str, str]]] = field(default_factory=list)

    def find(self, _namespace: str, _name: str, _need: Callable[[str], Need]) -> Found:
        return Found(routes=(route(),))

    def sending_to(self, services: frozenset[tuple[str, str]]) -> tuple[Plain, ...]:
        self.asked.append(services)
        return (route("other"),)


def fetched(cluster: _Cluster, store: _Found | None = None) -> Fetched:
    fetch = Fetch(cast("Api", cluster), cast("Store", store or _Found()), CONTROLLER, "aws")
    return fetch.gateway(Trigger(CLUSTER, "infra", "gw", cause=Cause.RESYNC), NOW)


def test_a_snapshot_has_the_pod_that_speaks_for_each_service_of_a_gateway_of_ours() -> None:
    cluster = _Cluster((gateway(), gateway_class(), BOTH, *TWO))
    found = [item for item in fetched(cluster).objects if item["kind"] == "Pod"]

    assert ["web-1-a"] == names(found)
    assert ["/api/v1/namespaces/a/pods/web-1-a"] == cluster.asked


def test_no_pod_is_read_for_a_gateway_of_somebody_else() -> None:
    cluster = _Cluster((gateway(), gateway_class(controller="example.com/other"), BOTH, *TWO))
    fetched(cluster)

    assert [] == cluster.asked


def test_who_shares_a_service_is_searched_for_only_where_a_pod_of_it_waits_for_our_gate() -> None:
    gated, quiet, searched = gated_pod("web-1-a"), _Found(), _Found()
    slice_ = of_pods(endpoints(ready=False), gated)
    without = fetched(_Cluster((gateway(), gateway_class(), BOTH, *TWO)), quiet)
    found = fetched(_Cluster((gateway(), gateway_class(), slice_, gated)), searched)

    assert ([], ()) == (quiet.asked, without.sharing)
    assert [frozenset({("a", "web")})] == searched.asked
    assert ["other"] == names(found.sharing)
    assert ["web"] == [item["metadata"]["name"] for item in found.objects if item["kind"] == "HTTPRoute"]
