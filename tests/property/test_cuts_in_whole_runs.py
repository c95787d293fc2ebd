"""Law 4 in whole runs, sampled: for each write of a story one fault and one want after it; `make proof` plays all."""

from __future__ import annotations

import pytest

from tests.proof.cuts import open_bench, play_all, sampled
from tests.proof.stories import Story, stories


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)
def test_wherever_a_run_is_cut_the_next_ones_lead_to_the_same_end(story: Story) -> None:
    """The same, another or the old want: nothing of ours is left over, nothing of others is touched."""
    with open_bench(story) as bench:
        counts = play_all(bench, sampled(bench))

    assert () == counts.failures
    assert sum(bench.writes) <= counts.cases
