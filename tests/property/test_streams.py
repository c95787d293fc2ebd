"""Law 9: whatever happens to the stream of events, the cluster and the cloud end where the orderly stream leads."""

from __future__ import annotations

import pytest

from tests.proof.streams import tell


@pytest.mark.parametrize("seed", [*range(4), 7])  # the last ends elsewhere where no ListenerSet wakes its Gateway
def test_shuffled_doubled_late_and_lost_events_lead_to_the_same_end(seed: int) -> None:
    assert tell(seed)["histories"] == 1
