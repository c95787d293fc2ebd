"""The emulated account's time, in seconds since the epoch.

Everything that happens "after a while" (a load balancer becomes active, a target healthy, a throttle bucket refills,
a message visible) asks this clock and nothing else, so a test can let an hour pass in no time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """A clock that runs with the machine's, or stands still (`virtual=True`); `advance` moves either one forward."""

    def __init__(self, *, virtual: bool = False) -> None:
        self._frozen = time.time() if virtual else None
        self._offset = 0.0
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    @property
    def virtual(self) -> bool:
        """Whether only `advance` moves this clock."""
        return self._frozen is not None

    def now(self) -> float:
        """Return the emulated time in seconds since the epoch."""
        base = time.time() if self._frozen is None else self._frozen
        return base + self._offset

    def date(self) -> datetime:
        """Return the emulated time as an aware UTC date."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> float:
        """Let `seconds` (not negative) pass at once and return the new time."""
        if seconds < 0:
            raise ValueError(f"the emulated clock cannot run back: advance({seconds}) is negative")
        with self._lock:
            self._offset += seconds
        for listener in tuple(self._listeners):
            listener()
        return self.now()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each `advance`, so that waiters look at the time again."""
        self._listeners.append(listener)
