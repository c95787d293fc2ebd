"""API rate limits: token buckets of the account and Region.

Elastic Load Balancing: describe calls share a bucket of 40, refilled 10 a second; mutating and registration calls have
their own, whose numbers AWS does not publish: theirs are settable assumptions. EC2 (developer guide, "request
throttling"): a bucket for each action, 100 refilled 20 a second for reads; that of writes is an assumption. ACM: one
import a second, from a table that is no longer published.
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
    """The buckets of one account; off until `enabled`.

    Attributes:
        sizes: bucket kind -> (tokens, tokens a second); see `resize`.
    """

    def __init__(self, clock: Clock, *, enabled: bool) -> None:
        self.enabled = enabled
        self.sizes = {
            "describe": (40.0, 10.0),
            "mutate": (40.0, 10.0),
            "register": (20.0, 4.0),
            "ec2-read": (100.0, 20.0),
            "ec2-write": (50.0, 5.0),
            "import": (1.0, 1.0),
        }
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._lock = threading.Lock()

    def check(self, service: str, region: str, operation: str) -> None:
        """Take a token for a call.

        Raises:
            AwsError: the service's own word for too many calls.
        """
        found = _bucket_of(service, operation) if self.enabled else None
        if found is None:
            return
        kind, name = found
        with self._lock:
            bucket = self._buckets.setdefault((region, name), Bucket(*self.sizes[kind]))
            if not bucket.take(self._clock.now()):
                raise throttled(service)

    def resize(self, kind: str, size: float, rate: float) -> None:
        """Let the buckets of a kind hold `size` tokens, `rate` more a second; all buckets begin full.

        Raises:
            KeyError: there is no such kind.
        """
        if kind not in self.sizes:
            raise KeyError(f"no bucket is called {kind!r}; known are {', '.join(sorted(self.sizes))}")
        with self._lock:
            self.sizes[kind] = (size, rate)
            self._buckets.clear()


def throttled(service: str) -> AwsError:
    """Return how a service says that it was called too often."""
    match service:
        case "ec2":
            return AwsError("RequestLimitExceeded", "Request limit exceeded.", status=503)
        case "resourcegroupstaggingapi":
            return AwsError("ThrottledException", "Rate exceeded")
        case "s3":
            return AwsError("SlowDown", "Please reduce your request rate.", status=503)
        case "sqs":
            return AwsError("RequestThrottled", "Request throttled due to exceeding the rate.", status=403)
    return AwsError("ThrottlingException", "Rate exceeded")


def _bucket_of(service: str, operation: str) -> tuple[str, str] | None:
    """Return the kind of bucket that a call takes from, and which one it is; None where there is none."""
    if service == "elbv2":
        kind = "register" if operation in REGISTRATION else "mutate" if is_write(operation) else "describe"
        return kind, kind
    if service == "ec2":
        return "ec2-write" if is_write(operation) else "ec2-read", f"ec2.{operation}"
    return ("import", "import") if (service, operation) == ("acm", "ImportCertificate") else None
