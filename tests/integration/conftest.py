"""One emulated cluster a test module, and a namespace a test.

Modules that use it mark themselves `pytest.mark.xdist_group("cluster")`, so that one worker runs them after each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from emulators.cluster.build import crds
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.kubelet import Kubelet
from tests.integration.cluster_world import Space

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running control plane with the Gateway API CRDs."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as plane:
        plane.install_crds(crds())
        yield plane


@pytest.fixture(scope="module")
def kubelet(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    """The kubelet of the control plane; a test that needs Pods asks for it, or for `space`."""
    with Kubelet(control_plane, tmp_path_factory.mktemp("pods")) as running:
        yield running


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace of this test's own; it is deleted afterwards, without waiting for its end."""
    name = f"test-{next(_NUMBERS)}"
    client = control_plane.client()
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    client.delete("v1", "Namespace", "", name)


@pytest.fixture
def space(control_plane: ControlPlane, kubelet: Kubelet, namespace: str) -> Space:
    """The namespace with the Pods in it."""
    return Space(namespace, control_plane.client(), kubelet.addresses)
