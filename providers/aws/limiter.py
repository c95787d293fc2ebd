"""Token buckets on our side of the wire, so that many Gateways together stay within the account's own buckets.

What a deployment does has rates of its own, each divided by the number of processes that do it at once. Every service
of AWS has buckets of its own; ELBv2's are the tightest and stand for all.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.errors import Misconfigured, Throttled


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls a second, and how many may come at once."""

    per_second: float
    burst: float


type Rates = Mapping[str, Rate]
"""By kind of call: `read`, `write`, `register`."""

ACCOUNT: Rates = {"read": Rate(10, 40), "write": Rate(10, 40), "register": Rate(4, 20)}
"""ELBv2's buckets of an account and Region: `read` by its documents, the others unpublished (assumed, as AWS's own
controller does)."""

RECONCILE: Rates = {"read": Rate(6.5, 32), "write": Rate(3, 10), "register": Rate(3, 10)}
LOOK: Rates = {"read": Rate(3, 6)}
SWEEP: Rates = {"read": Rate(0.5, 2), "write": Rate(2, 5)}

LOOKERS = 2
"""Forwarders at once: the least that Lambda lets an event source be bounded to."""


class OutOfTime(Throttled):
    """The call would have come after the deadline, so it was not made."""


@dataclass(slots=True)
class _Bucket:
    level: float
    filled: float


@dataclass(slots=True, eq=False)
class Limiter:
    """Lets calls through at a deployment's rates divided by its processes; shared by the threads of a process.

    Attributes:
        rates: of the deployment.
        share: this process's part of them.
        clock, sleep: seconds; replaced in tests.
    """

    rates: Rates = field(default_factory=lambda: RECONCILE)
    share: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, service: str, kind: str, left: float) -> None:
        """Wait for a token of a service. Raises OutOfTime if it would take `left` seconds or more."""
        wait = self._reserve(service, kind, left)
        if wait > 0:
            self.sleep(wait)

    def _reserve(self, service: str, kind: str, left: float) -> float:
        """Take a token, possibly one of the future; return the seconds until it is there."""
        with self._lock:
            now, rate = self.clock(), _part(self.rates[kind], self.share)
            bucket = self._buckets.setdefault((service, kind), _Bucket(rate.burst, now))
            level = min(rate.burst, bucket.level + (now - bucket.filled) * rate.per_second)
            wait = max(0.0, (1.0 - level) / rate.per_second)
            if wait >= left:
                raise OutOfTime(f"no time is left for this call at our own limit of {rate.per_second:g} a second")
            bucket.level, bucket.filled = level - 1.0, now
            return wait


def _part(rate: Rate, share: float) -> Rate:
    """Return a process's part of a rate; a bucket that holds less than one token never gives any."""
    part = _times(rate, share)
    return Rate(part.per_second, max(1.0, part.burst))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may call, by what it does; made by `limits`, which proves that all together fit the account."""

    reconcile: Limiter = field(default_factory=Limiter)
    look: Limiter = field(default_factory=lambda: Limiter(LOOK))
    sweep: Limiter = field(default_factory=lambda: Limiter(SWEEP))


def limits(concurrency: int, rate: float) -> Limits:
    """Return the limits of one process.

    Args:
        concurrency: reconciles at once in the deployment.
        rate: how many times ELBv2's documented limits the account has.

    Raises:
        Misconfigured: what all processes may call together does not fit the account's buckets.
    """
    if concurrency < 1 or not 0 < rate < math.inf:
        raise Misconfigured("ROUTEWRIGHT_CONCURRENCY has to be 1 or more, and ROUTEWRIGHT_CALL_RATE above 0")
    for kind, documented in ACCOUNT.items():
        account, ours = _times(documented, rate), _together(kind, concurrency, rate)
        if ours.burst > account.burst + _ROUNDING or ours.per_second > account.per_second + _ROUNDING:
            raise Misconfigured(
                f"ROUTEWRIGHT_CONCURRENCY={concurrency}: together all may make {ours.burst:g} {kind} calls at "
                f"once and {ours.per_second:g} a second; the account allows {account.burst:g} and "
                f"{account.per_second:g}. Lower it, or let AWS raise the account's limits and set "
                f"ROUTEWRIGHT_CALL_RATE (now {rate:g}) to how many times the default they are"
            )
    return Limits(Limiter(RECONCILE, rate / concurrency), Limiter(LOOK, rate / LOOKERS), Limiter(SWEEP, rate))


def _together(kind: str, concurrency: int, rate: float) -> Rate:
    """Return what all processes of a deployment may call, each with its share of what it does."""
    processes = ((RECONCILE, concurrency), (LOOK, LOOKERS), (SWEEP, 1))
    parts = [(_part(rates[kind], rate / count), count) for rates, count in processes if kind in rates]
    return Rate(sum(one.per_second * count for one, count in parts), sum(one.burst * count for one, count in parts))


def _times(rate: Rate, factor: float) -> Rate:
    return Rate(rate.per_second * factor, rate.burst * factor)


_ROUNDING = 1e-6
