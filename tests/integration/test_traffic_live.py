"""The traffic law through Envoy with real requests, sampled; `make proof` walks all transitions."""

from __future__ import annotations

import pytest

from tests.proof.live import walk

pytestmark = pytest.mark.integration


def test_no_request_fails_or_goes_astray_between_random_configurations() -> None:
    """Two hundred requests a second, a connection each, no second try, while every state of every run is served."""
    counts = walk(3)

    assert () == counts.failures
    assert counts.told["requests sent"] > 3 * 50
