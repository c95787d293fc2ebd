"""The version of the account's state: it grows with every change, made by a call or by the clock alone.

`wait` is the long poll of the data plane.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from emulators.aws.clock import Clock

LONGEST_NAP = 1.0


class Watch:
    """A counter that callers can wait for."""

    def __init__(self, clock: Clock, transitions: Callable[[], Iterable[float]]) -> None:
        """Count from 1; `transitions` tells at which times of `clock` a state changes by itself."""
        self._clock = clock
        self._transitions = transitions
        self._version = 1
        self._looked_at = clock.now()
        self._changed = threading.Condition()
        clock.on_advance(self._wake)

    def bump(self) -> None:
        """Count one change."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def version(self) -> int:
        """Return the version now, with everything counted that the clock has changed meanwhile."""
        now = self._clock.now()
        due = any(self._looked_at < moment <= now for moment in self._transitions())
        with self._changed:
            self._version += due
            self._looked_at = max(now, self._looked_at)
            return self._version

    def wait(self, after: int, seconds: float) -> int:
        """Return the version as soon as it is above `after`, or after `seconds` of the machine's time."""
        deadline = time.monotonic() + seconds
        while (version := self.version()) <= after:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            nap = self._nap()  # asked for outside: the account's lock is never taken while `_changed` is held
            with self._changed:
                if self._version == version:
                    self._changed.wait(min(left, nap))
        return version

    def _nap(self) -> float:
        now = self._clock.now()
        coming = (moment - now for moment in self._transitions() if moment > now)
        return max(0.01, min(coming, default=LONGEST_NAP)) if not self._clock.virtual else LONGEST_NAP

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
