"""The traffic law in whole runs, sampled; `make proof` plays all transitions."""

from __future__ import annotations

import pytest

from tests.proof.mutants import MUTANTS
from tests.proof.traffic import caught, play_seeds


@pytest.mark.parametrize("seeds", [range(start, start + 8) for start in (0, 8, 16)], ids=str)
def test_between_two_random_configurations_each_request_is_answered_as_before_or_as_wanted(seeds: range) -> None:
    """After the effect of every call, for hundreds of requests; in a third the run is cut and another want arrives."""
    counts = play_seeds(seeds)

    assert () == counts.failures
    assert len(seeds) == counts.cases


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_order_of_the_calls_is_caught(mutant: str) -> None:
    """Or the test above would prove nothing."""
    assert caught(MUTANTS[mutant]) is not None
