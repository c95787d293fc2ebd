"""The long poll of the data plane beside the calls that change the account."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from emulators.aws.clock import Clock
from emulators.aws.watch import Watch


def test_others_can_count_a_change_while_a_long_poll_asks_what_comes_next() -> None:
    counted: list[bool] = []

    def transitions() -> Iterable[float]:
        """Ask for nothing, while somebody else counts: whoever asks must not hold what that needs."""
        bump = threading.Thread(target=watch.bump, daemon=True)
        bump.start()
        bump.join(timeout=1.0)
        counted.append(not bump.is_alive())
        return ()

    watch = Watch(Clock(), transitions)
    watch.wait(10**6, 0.1)
    assert len(counted) > 1
    assert all(counted)
