"""Kill -9 at random moments, on real processes: a few here, a hundred in `make proof`."""

from __future__ import annotations

import pytest

from tests.proof.kills import prove

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("stage"), pytest.mark.timeout(600)]


def test_watcher_and_runner_killed_at_random_moments_end_where_they_would_have_undisturbed() -> None:
    counts = prove(4)

    assert 4 == counts["moments"]
    assert 0 == counts["given up"]
