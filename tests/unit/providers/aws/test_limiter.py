"""Our own limits: what a process may call, and that all of them together fit the account's buckets."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from functions.wiring import Settings, build
from providers import provider_for
from providers.aws.limiter import ACCOUNT, LOOKERS, Limiter, OutOfTime, Rate, limits
from reconciler.errors import Misconfigured
from tests.builders import CONTROLLER


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    time: float = 0.0
    naps: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Return the time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.naps.append(seconds)
        self.time += seconds


def limiter(clock: Clock, rate: Rate, share: float = 1.0) -> Limiter:
    return Limiter({"read": rate}, share, clock.now, clock.sleep)


def calls_within(one: Limiter, clock: Clock, seconds: float, kind: str = "read") -> int:
    """Return how many calls a process that never rests gets through."""
    one.clock, one.sleep = clock.now, clock.sleep
    end, count = clock.time + seconds, 0
    while count < 100_000:
        try:
            one.take("elbv2", kind, end - clock.time)
        except OutOfTime:
            return count
        count += 1
    raise AssertionError("no limit at all")


def test_a_burst_goes_through_at_once_and_then_one_call_a_token() -> None:
    clock = Clock()
    bucket = limiter(clock, Rate(2, 3))
    for _ in range(5):
        bucket.take("elbv2", "read", 100)

    assert [0.5, 0.5] == clock.naps


def test_services_have_buckets_of_their_own() -> None:
    clock = Clock()
    bucket = limiter(clock, Rate(1, 1))
    bucket.take("elbv2", "read", 100)
    bucket.take("ec2", "read", 100)

    assert [] == clock.naps


@pytest.mark.parametrize("left", [0.5, 1.0, 0.0, -3.0])
def test_a_call_that_would_come_after_the_deadline_is_not_made_and_takes_no_token(left: float) -> None:
    clock = Clock()
    bucket = limiter(clock, Rate(1, 1))
    bucket.take("elbv2", "read", 100)

    with pytest.raises(OutOfTime):
        bucket.take("elbv2", "read", left)
    assert [] == clock.naps
    bucket.take("elbv2", "read", 1.01)
    assert [1.0] == clock.naps


def test_nothing_starts_after_the_deadline_though_tokens_are_left() -> None:
    with pytest.raises(OutOfTime):
        limiter(Clock(), Rate(1, 10)).take("elbv2", "read", 0.0)


@pytest.mark.parametrize("concurrency", [1, 2, 5, 10, 20])
@pytest.mark.parametrize("kind", sorted(ACCOUNT))
@pytest.mark.parametrize("rate", [1.0, 3.0])
def test_all_processes_together_never_call_more_than_the_account_allows(
    concurrency: int, kind: str, rate: float
) -> None:
    """Counted with processes that never rest: what they get through fits a bucket that was full."""
    seconds = 60.0
    ours = [(limits(concurrency, rate).reconcile, concurrency), (limits(concurrency, rate).look, LOOKERS)]
    ours.append((limits(concurrency, rate).sweep, 1))
    together = sum(count * calls_within(one, Clock(), seconds, kind) for one, count in ours if kind in one.rates)

    assert 0 < together <= rate * (ACCOUNT[kind].burst + ACCOUNT[kind].per_second * seconds)


@pytest.mark.parametrize(
    ("concurrency", "rate"), [(21, 1.0), (50, 1.0), (1000, 10.0), (11, 0.5), (0, 1.0), (1, 0.0), (1, float("inf"))]
)
def test_more_processes_than_the_account_can_bear_are_refused_at_the_start_by_name(
    concurrency: int, rate: float
) -> None:
    with pytest.raises(Misconfigured, match=r"ROUTEWRIGHT_CONCURRENCY.*ROUTEWRIGHT_CALL_RATE"):
        provider_for(CONTROLLER, concurrency=concurrency, rate=rate)


def test_functions_do_not_start_with_limits_that_do_not_fit() -> None:
    """Before any connection: neither a cluster nor AWS is asked."""
    with pytest.raises(Misconfigured, match="21 register calls at once"):
        build(Settings(concurrency=21, kubeconfigs=("/nowhere",)))


def test_a_raised_account_bears_more_processes() -> None:
    assert provider_for(CONTROLLER, concurrency=40, rate=2.0)
