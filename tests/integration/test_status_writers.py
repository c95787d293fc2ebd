"""Law 10 on a real API server: eight writers of ours and a stranger on one Route's status lose nothing."""

from __future__ import annotations

import pytest

from emulators.cluster.control_plane import ControlPlane
from tests.proof.status_writers import write_all

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]


@pytest.mark.usefixtures("admin")
def test_eight_gateways_and_a_stranger_lose_nothing_on_one_route(plane: ControlPlane) -> None:
    counts = write_all(180, plane)

    assert counts["writes of ours"] + counts["writes of theirs"] >= 180
