"""Whatever the CRDs let in, and however it refers to each other: no exception, and statuses that the CRDs take."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.crd_walk import walk
from tests.property.crd_worlds import worlds

CASES = 120


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(worlds(), st.randoms(use_true_random=False))
def test_a_world_that_the_crds_allow_is_walked_to_statuses_that_they_allow_in_any_order(
    world: list[dict[str, Any]], random: Any
) -> None:
    shuffled = random.sample(world, len(world))

    assert walk(world) == walk(shuffled)
