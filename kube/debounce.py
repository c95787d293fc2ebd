"""Merges the triggers of one subject until it is quiet for a while: a burst of events is one run. Reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from reconciler.events import Cause, Seen, Trigger, number_of

_LONGEST = 10
"""A subject that is never quiet is sent after this many times the quiet period all the same."""
MAX_SEEN = 8
"""Versions of a kind that a trigger carries, the newest: whoever sees those sees the older ones as well."""
MAX_SERVICES = 40
"""Services that a trigger names; beyond, it asks for a whole look."""


@dataclass(slots=True)
class _Pending:
    trigger: Trigger
    first: float
    due: float


class Debounce:
    """Triggers that wait. `quiet`: seconds without a new trigger of a subject after which its own is due."""

    def __init__(self, quiet: float) -> None:
        self._quiet = quiet
        self._waiting: dict[str, _Pending] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, trigger: Trigger, now: float) -> None:
        """Take a trigger; merged with one of the same subject that waits already."""
        waiting = self._waiting.get(trigger.group)
        if waiting is None:
            self._waiting[trigger.group] = _Pending(bounded(trigger), now, now + self._quiet)
            return
        waiting.trigger = bounded(waiting.trigger.merge(trigger))
        waiting.due = min(now + self._quiet, waiting.first + _LONGEST * self._quiet)

    def take(self, now: float, most: int) -> list[Trigger]:
        """Return what is due, the longest waiting first, at most so many, and forget it."""
        due = sorted((one.due, group) for group, one in self._waiting.items() if one.due <= now)
        return [self._waiting.pop(group).trigger for _, group in due[:most]]

    def wait(self, now: float, longest: float) -> float:
        """Return the seconds until something is due, at most `longest`."""
        return max(0.0, min([longest, *(one.due - now for one in self._waiting.values())]))


def bounded(trigger: Trigger) -> Trigger:
    """Return a trigger that names the newest versions of each kind only, and few enough Services."""
    seen = tuple(sorted(_newest(trigger.seen)))
    if len(trigger.services) <= MAX_SERVICES:
        return replace(trigger, seen=seen)
    cause = Cause.RELIST if trigger.cause is Cause.EVENT else trigger.cause
    return replace(trigger, seen=seen, services=(), cause=cause, run=trigger.run or trigger.deduplication)


def _newest(seen: Iterable[Seen]) -> Iterator[Seen]:
    ordered = sorted(seen, key=lambda one: (one.kind, -number_of(one.version), one))
    for _, group in groupby(ordered, key=lambda one: one.kind):
        yield from list(group)[:MAX_SEEN]
