"""API rate limits: token buckets of the account and Region, as Elastic Load Balancing documents them.

Describe calls share a bucket of 40, refilled 10 a second. Mutating and registration calls have their own; AWS does
not publish their numbers, so theirs are settable assumptions.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from emulators.aws.clock import Clock
from emulators.aws.errors import AwsError
from emulators.aws.journal import is_write

REGISTRATION = frozenset({"RegisterTargets", "DeregisterTargets"})


@dataclass(slots=True)
class Bucket:
    """A token bucket: `size` tokens at most, `rate` more a second."""

    size: float
    rate: float
    tokens: float = -1.0
    filled_at: float = 0.0

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        if self.tokens < 0:
            self.tokens = self.size
        else:
            self.tokens = min(self.size, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Throttle:
    """The buckets of one account; off until `enabled`."""

    def __init__(self, clock: Clock, *, enabled: bool) -> None:
        self.enabled = enabled
        self.sizes = {"describe": (40.0, 10.0), "mutate": (40.0, 10.0), "register": (20.0, 4.0)}
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._lock = threading.Lock()

    def check(self, region: str, operation: str) -> None:
        """Take a token for an ELBv2 call.

        Raises:
            AwsError: ThrottlingException, `Rate exceeded`.
        """
        if not self.enabled:
            return
        kind = "register" if operation in REGISTRATION else "mutate" if is_write(operation) else "describe"
        with self._lock:
            bucket = self._buckets.setdefault((region, kind), Bucket(*self.sizes[kind]))
            if not bucket.take(self._clock.now()):
                raise AwsError("ThrottlingException", "Rate exceeded")
