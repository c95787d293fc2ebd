"""Waiting: load balancers that take their time, and a change that takes longer than an invocation may.

Both on a virtual clock with AWS's throttle on; the seconds are the emulated account's, so they are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from providers.aws.limiter import LOOK
from tests.bench.rows import Row, Say
from tests.long_change import HOSTS, change_everything
from tests.waiting_gateways import wait_for_gateways

GATEWAYS = 20
TIMEOUT, RUNS = 60.0, 3
"""Seconds of an invocation, and how many a change of 200 writes at 3 a second may take."""


def measure_waiting(say: Say) -> Iterator[Row]:
    """Measure Gateways that wait for short and for long."""
    for provisioning in (30.0, 240.0):
        say(f"{GATEWAYS} Gateways, {provisioning:g} s of provisioning")
        found = wait_for_gateways(GATEWAYS, provisioning)
        what = f"{GATEWAYS} Gateways at once, {provisioning:g} s of provisioning:"
        yield Row(f"{what} active to Programmed, longest", max(found.late.values()), 2, " s")
        yield Row(f"{what} looks a waiting second", found.looks / found.waited, LOOK["read"].per_second)
        yield Row(f"{what} calls that AWS throttled", found.throttled, 0)
        yield Row(f"{what} messages given back or dead", found.most_receives - 1 + found.dead, 0)


def measure_long_change(say: Say) -> Iterator[Row]:
    """Measure a change of 200 writes at 3 writes a second."""
    say(f"{HOSTS} rules replaced by others")
    found = change_everything(TIMEOUT)
    what = f"{HOSTS} rules replaced by others, {TIMEOUT:g} s a run:"
    yield Row(f"{what} runs", found.runs, RUNS)
    yield Row(f"{what} writes (2 a rule, 3 for target groups)", sum(found.writes), 2 * HOSTS + 3)
    yield Row(f"{what} writes repeated", len(found.repeated), 0)
    yield Row(f"{what} requests misrouted in {found.traffic.states} states", len(found.traffic.wrong), 0)
    yield Row(f"{what} messages given back or dead", found.most_receives - 1 + found.dead, 0)
