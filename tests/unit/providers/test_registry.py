"""Providers by their entry points: found by controllerName, in the functions and on the command line; and the sweep."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.manifests import ManifestError
from cli.plan import make_plan
from functions import wiring
from kube.cluster import KubeCluster
from providers import provider_for, provider_kinds
from providers.aws.provider import AwsProvider
from providers.kinds import Deployment
from providers.memory import LOAD_BALANCER, MemoryProvider
from reconciler.config import Placement
from reconciler.errors import Misconfigured
from reconciler.ports import Live
from reconciler.reconcile import Room, reconcile
from tests.builders import CLUSTER, gateway, gateway_class, route, with_service
from tests.fakes import FakeCluster, trigger

CLOUDY = """
from providers.kinds import ProviderKind
from providers.memory import MemoryProvider

TOLD = []

def make(deployment):
    TOLD.append(deployment)
    return MemoryProvider(name="cloudy")

KIND = ProviderKind("example.com/cloudy", make)
OTHER = ProviderKind("routewright.dev/aws", make)
"""
type Register = Callable[[str], None]


@pytest.fixture(name="register")
def _register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """Return what installs a package `cloudy` with an entry point, as pip would leave it."""

    def register(point: str) -> None:
        found = tmp_path / "cloudy-1.0.dist-info"
        found.mkdir()
        (found / "METADATA").write_text("Metadata-Version: 2.1\nName: cloudy\nVersion: 1.0\n")
        (found / "entry_points.txt").write_text(f"[routewright.providers]\n{point}\n")
        (tmp_path / "cloudy.py").write_text(CLOUDY)
        monkeypatch.syspath_prepend(str(tmp_path))
        provider_kinds.cache_clear()

    yield register
    sys.modules.pop("cloudy", None)
    provider_kinds.cache_clear()


def test_a_controller_name_finds_its_provider_with_and_without_a_suffix() -> None:
    assert isinstance(provider_for("routewright.dev/aws"), AwsProvider)
    assert isinstance(provider_for("routewright.dev/aws-canary"), AwsProvider)
    assert isinstance(provider_for("routewright.dev/memory"), MemoryProvider)


@pytest.mark.parametrize("controller", ["routewright.dev/awsome", "routewright.dev/gcp", "example.com/cloudy", ""])
def test_a_name_that_nobody_registered_is_refused_with_those_that_are(controller: str) -> None:
    with pytest.raises(Misconfigured, match=r"known are routewright\.dev/aws, routewright\.dev/memory"):
        provider_for(controller)


def test_a_cloud_of_another_package_is_found_and_told_of_its_deployment(register: Register) -> None:
    register("cloudy = cloudy:KIND")
    found = provider_for("example.com/cloudy-two", left=lambda: 7.0, concurrency=3, settle=1.5)

    (told,) = sys.modules["cloudy"].TOLD
    assert "cloudy" == found.name
    assert isinstance(told, Deployment)
    assert (7.0, 3, 1.5) == (told.left(), told.concurrency, told.settle)


@pytest.mark.parametrize("point", ["cloudy = cloudy:make", "cloudy = cloudy:OTHER", "aws = cloudy:KIND"])
def test_an_entry_point_that_is_no_provider_or_repeats_one_stops_at_the_start(register: Register, point: str) -> None:
    register(point)

    with pytest.raises(TypeError, match=r"of routewright\.providers: not a ProviderKind, or one that is known"):
        provider_for("routewright.dev/aws")


def test_the_functions_are_wired_with_the_provider_that_the_controller_names(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("cloudy = cloudy:KIND")
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr("kube.auth.connect", lambda path: path)
    monkeypatch.setattr("kube.api.Api", lambda connection: connection)
    monkeypatch.setattr(wiring, "_sqs", lambda: None)

    class Known(KubeCluster):
        def __init__(self, _api: object, controller: str, provider: str) -> None:
            seen.append((controller, provider))

        cluster_id = CLUSTER

    monkeypatch.setattr("kube.cluster.KubeCluster", Known)
    wired = wiring.build(wiring.read_settings({"ROUTEWRIGHT_CONTROLLER": "example.com/cloudy"}))

    assert "cloudy" == wired.provider.name
    assert [("example.com/cloudy", "cloudy")] == seen


def test_the_command_line_plans_for_the_clouds_that_are_registered(tmp_path: Path) -> None:
    guide = Path(__file__).parents[3] / "docs" / "guides" / "memory.yaml"
    answer = make_plan([str(guide)], "memory")

    assert [("demo", "gw")] == [(one.key.namespace, one.key.name) for one in answer.offline.gateways]
    with pytest.raises(ManifestError, match="no provider is called 'gcp'; known are aws, memory"):
        make_plan([str(tmp_path)], "gcp")


# --- the reference provider's sweep -------------------------------------------------------------------------------


def live(*uids: str) -> Live:
    return lambda _, uid: uid in uids


@pytest.fixture(name="memory")
def _memory() -> MemoryProvider:
    """Return a provider whose cloud holds the load balancer of Gateway infra/gw."""
    provider, cluster = MemoryProvider(), FakeCluster()
    cluster.put(gateway_class(), gateway(), route(), *with_service())
    reconcile(trigger(), Room(cluster, provider, lambda: "nonce"))
    return provider


def test_the_sweep_takes_what_every_look_of_the_grace_found_gone(memory: MemoryProvider) -> None:
    told = [memory.sweep(CLUSTER, live(), 60.0, now, Placement()) for now in (0.0, 59.0, 60.0, 61.0)]

    assert [{}, {}, {LOAD_BALANCER: 1}, {}] == told
    assert {} == memory.cloud.held


def test_a_gateway_seen_alive_once_begins_its_grace_anew(memory: MemoryProvider) -> None:
    memory.sweep(CLUSTER, live(), 60.0, 0.0, Placement())
    memory.sweep(CLUSTER, live("uid-infra-gw"), 60.0, 30.0, Placement())

    assert {} == memory.sweep(CLUSTER, live(), 60.0, 70.0, Placement())
    assert memory.cloud.held


def test_the_sweep_of_another_cluster_takes_nothing(memory: MemoryProvider) -> None:
    assert {} == memory.sweep("another", live(), 0.0, 0.0, Placement())
    assert memory.cloud.held
