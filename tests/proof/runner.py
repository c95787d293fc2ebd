"""Plays rows share by share in several processes, shows how far it is, and ends in time."""

from __future__ import annotations

import logging
import multiprocessing
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.proof.show import shown_progress
from tests.proof.table import Counts, Row, Share

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(slots=True)
class Told:
    """What is known of a row.

    Attributes:
        seconds: of one core, all shares together.
        shares: how many have ended.
    """

    row: Row
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    shares: int = 0

    @property
    def verdict(self) -> str:
        """Return `passed`, or what it failed of."""
        if self.counts.failures:
            return f"{len(self.counts.failures)} failed"
        if self.shares < self.row.shares:
            return "ran out of time"
        return "passed" if self.counts.cases >= self.row.least else f"fewer than {self.row.least} cases"

    @property
    def passed(self) -> bool:
        """Whether all cases were run and none failed."""
        return self.verdict == "passed"


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    row: Row
    share: Share


def play_rows(rows: Sequence[Row], console: Console, seconds: float, processes: int) -> list[Told]:
    """Play rows; what has not ended after `seconds` is given up and says so."""
    told = [Told(row) for row in rows]
    jobs = [_Job(n, row, Share(i, row.shares)) for n, row in enumerate(rows) for i in range(row.shares)]
    jobs.sort(key=lambda job: job.row.shares)  # short rows first: all have been heard when time is over
    with shown_progress(console, rows) as ended:
        for number, counts, took in _played(jobs, time.monotonic() + seconds, processes):
            one = told[number]
            one.counts, one.seconds, one.shares = one.counts + counts, one.seconds + took, one.shares + 1
            ended(number, one.shares, one.counts)
    return told


def _played(jobs: Sequence[_Job], deadline: float, processes: int) -> Iterator[tuple[int, Counts, float]]:
    """Yield row number, counts and seconds of each share that ends before the deadline."""
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_quiet) as pool:
        results = pool.imap_unordered(_play, jobs)
        for _ in jobs:
            try:
                yield results.next(max(0.0, deadline - time.monotonic()))
            except multiprocessing.TimeoutError:
                return


def _quiet() -> None:
    logging.disable(logging.WARNING)


def _play(job: _Job) -> tuple[int, Counts, float]:
    started = time.monotonic()
    try:
        counts = job.row.function()(job.share)
    except Exception:  # noqa: BLE001 - whatever it is, it is a failure of this share
        counts = Counts(1, (f"share {job.share.index} of {job.share.of}: {traceback.format_exc()}",))
    return job.number, counts, time.monotonic() - started
