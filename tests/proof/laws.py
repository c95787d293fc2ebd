"""The laws whose harnesses raise on the first breach, as rows of the table: their cases counted, a breach told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from tests.proof import absence, blast_radius, hostile, kills, quota, status_writers, streams
from tests.proof.table import Counts, Share

QUOTA_STORIES, HISTORIES, WORLDS, MOMENTS, WRITES, GOOD_GATEWAYS = 100, 200, 5_000, 100, 1_000, 30
_BATCH = 250


def _counted(cases: int, play: Callable[[], Mapping[str, int]]) -> Counts:
    """Return the counts of a harness that plays so many cases, or the one failure that ended it."""
    try:
        told = play()
    except AssertionError as error:
        return Counts(cases, (str(error),))
    return Counts(cases, told=dict(told))


def play_absence(share: Share) -> Counts:
    """Lies that a broken API server tells, and a cluster that is another one: nothing is deleted."""
    del share
    return _counted(len(absence.LIES), absence.prove)


def play_quota(share: Share) -> Counts:
    """At the quota the oldest stay."""
    return _seeds(share, QUOTA_STORIES, quota.tell)


def play_streams(share: Share) -> Counts:
    """Events lost, doubled, late and out of order lead to the same end."""
    return _seeds(share, HISTORIES, streams.tell)


def _seeds(share: Share, size: int, tell: Callable[[int], Counter[str]]) -> Counts:
    total = Counts()
    for seed in share.part(range(size)):
        try:
            total += Counts(1, told=dict(tell(seed)))
        except AssertionError as error:
            total += Counts(1, (f"seed {seed}: {error}",))
    return total


def play_status_writers(share: Share) -> Counts:
    """Nine writers on one Route's status: no entry is lost."""
    del share
    return _counted(WRITES, lambda: status_writers.prove(WRITES))


def play_blast_radius(share: Share) -> Counts:
    """A Gateway that hangs and one that eats its memory cost no other."""
    del share
    return _counted(GOOD_GATEWAYS + 2, lambda: blast_radius.prove(GOOD_GATEWAYS))


def play_kills(share: Share) -> Counts:
    """Watcher and runner killed at random moments: the same end."""
    size = MOMENTS // share.of
    return _counted(size, lambda: kills.prove(size, share.index))


def play_worlds(share: Share) -> Counts:
    """Worlds of objects that the CRDs allow, through the whole walk, in two orders each; a case is an object."""
    walked, objects = 0, 0
    started = time.monotonic()
    for batch in share.part(range(WORLDS // _BATCH)):
        try:
            worlds, held = hostile.walk_batch((batch, _BATCH))
        except Exception as error:  # noqa: BLE001 - whatever is raised is what this row is about
            return Counts(objects, (f"batch {batch}: {error!r}",))
        walked, objects = walked + worlds, objects + held
    return Counts(objects, told={"worlds": walked, "seconds": round(time.monotonic() - started)})
