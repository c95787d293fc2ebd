"""How fresh what was kept must be for a run: never older than its trigger, nor than what an earlier run acted on. Pure.

- A Route that names a Gateway is an event that wakes it, so the trigger's version of the kind bounds what it knows of.
- A ListenerSet or a policy may come while no Route names it, and wakes nobody whose Route does so later: the trigger
  says up to which version the watcher knew those (`known`).
- The mark on the Gateway, read anew by every run, carries the versions that earlier runs acted on: a trigger that comes
  late, twice or to a container that slept brings nothing back.
- A Gateway or ListenerSet that is new, or that changed, makes Routes matter that woke nobody when they came: nothing
  up to its own version may be missing.
- A resync, relist or backfill must see the present; one list serves all Gateways of the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.events import Cause, Trigger, number_of
from reconciler.gatewayapi.values import mapping, text
from reconciler.mark import Mark, annotation, parse

_TOLD = (Cause.EVENT, Cause.LATER)
"""Causes whose triggers say all that happened; any other asks whether something was missed."""
_ADOPTING = ("Gateway", "GatewayClass", "ListenerSet")


@dataclass(frozen=True, slots=True)
class Need:
    """How fresh the objects of a kind must be: all of this holds.

    Attributes:
        event: no older than this version, which an event of the kind had: a watch will bring it.
        revision: no older than this version of any kind; a watch may never bring one as high.
        run: no older than the first question of this run; "" for no older than this question; None asks for nothing.
    """

    event: int = 0
    revision: int = 0
    run: str | None = None


def need(kind: str, trigger: Trigger, gateway: Mapping[str, Any] | None, provider: str) -> Need:
    """Return how fresh a kind must be for a trigger and its Gateway as it is now (None: not there)."""
    seen, known, mark = trigger.versions, dict(trigger.known), _mark(gateway, provider)
    acted_on = number_of(mark.seen.get(kind)) if mark else 0
    revision = 0
    if not acted_on:
        revision = number_of(mapping((gateway or {}).get("metadata")).get("resourceVersion"))
    if not seen.keys().isdisjoint(_ADOPTING):
        revision = max(revision, *map(number_of, seen.values()))
    told = trigger.cause in _TOLD and (bool(seen) or bool(acted_on))
    event = max(number_of(seen.get(kind)), number_of(known.get(kind)), acted_on)
    return Need(event, revision, None if told else trigger.run)


def _mark(gateway: Mapping[str, Any] | None, provider: str) -> Mark | None:
    annotations = mapping(mapping((gateway or {}).get("metadata")).get("annotations"))
    return parse(text(annotations.get(annotation(provider))))
