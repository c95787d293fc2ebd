"""Wrong orders of the calls on rules; a proof of the traffic law that any of them passes would prove nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from providers.aws import calls
from providers.aws.provider import AwsProvider
from reconciler.plan import Change, Plan

type Reorder = Callable[[Sequence[Change]], list[Change]]


class Reordered:
    """A provider whose plans come in another order."""

    def __init__(self, provider: AwsProvider, reorder: Reorder) -> None:
        self._provider, self._reorder = provider, reorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def plan(self, *arguments: Any) -> Plan:
        """Return the plan in the wrong order."""
        found = self._provider.plan(*arguments)
        return Plan(found.key, tuple(self._reorder(found.changes)))


def _places(changes: Sequence[Change], *calls: str) -> Iterator[int]:
    return (index for index, change in enumerate(changes) if change.call in calls)


def _put(changes: Sequence[Change], places: Sequence[int], ordered: Sequence[Change]) -> list[Change]:
    fresh = list(changes)
    for place, change in zip(places, ordered, strict=True):
        fresh[place] = change
    return fresh


def _reversed(call: str) -> Reorder:
    def reorder(changes: Sequence[Change]) -> list[Change]:
        places = list(_places(changes, call))
        return _put(changes, places, [changes[place] for place in reversed(places)])

    return reorder


def _first(call: str) -> Reorder:
    def reorder(changes: Sequence[Change]) -> list[Change]:
        places = list(_places(changes, calls.CREATE_RULE, calls.MODIFY_RULE, calls.DELETE_RULE))
        return _put(changes, places, sorted((changes[p] for p in places), key=lambda one: one.call != call))

    return reorder


MUTANTS: dict[str, Reorder] = {
    "create bottom-up": _reversed(calls.CREATE_RULE),
    "modify before create": _first(calls.MODIFY_RULE),
    "delete top-down": _reversed(calls.DELETE_RULE),
    "delete first": _first(calls.DELETE_RULE),
}
