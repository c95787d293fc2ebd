"""Token buckets on our side of the wire, so that many Gateways together stay within the account's own buckets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.errors import Throttled


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls a second, and how many may come at once."""

    per_second: float
    burst: float


RATES: Mapping[str, Rate] = {"read": Rate(8, 32), "write": Rate(3, 10), "register": Rate(3, 10)}
"""For a whole deployment; an account's describe bucket is 40, refilled 10 a second, shared with all its callers."""


@dataclass(slots=True)
class _Bucket:
    rate: Rate
    level: float
    filled: float


@dataclass(slots=True)
class Limiter:
    """Lets calls through at the deployment's rates divided by its concurrency; shared by the threads of a process.

    Attributes:
        share: this process's part of the deployment's rates: 1 / maximum concurrency.
        clock, sleep: seconds; replaced in tests.
    """

    share: float = 1.0
    rates: Mapping[str, Rate] = field(default_factory=lambda: dict(RATES))
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, kind: str, left: float) -> None:
        """Wait for a token of `read`, `write` or `register`. Raises Throttled if it would take more than `left` s."""
        wait = self._reserve(kind, left)
        if wait > 0:
            self.sleep(wait)

    def _reserve(self, kind: str, left: float) -> float:
        """Take a token, possibly one of the future; return the seconds until it is there."""
        with self._lock:
            now = self.clock()
            rate = self.rates[kind]
            speed, burst = rate.per_second * self.share, max(1.0, rate.burst * self.share)
            bucket = self._buckets.setdefault(kind, _Bucket(rate, burst, now))
            bucket.level = min(burst, bucket.level + (now - bucket.filled) * speed)
            bucket.filled = now
            wait = max(0.0, (1.0 - bucket.level) / speed)
            if wait > left:
                raise Throttled(f"our own limit of {speed:g} {kind} calls a second leaves no time for this call")
            bucket.level -= 1.0
            return wait
