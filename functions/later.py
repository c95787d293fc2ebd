"""The forwarder behind the `later` queue: a standard queue can delay a message, a FIFO queue cannot.

Triggers that wait for the cloud are looked at together, one call for a batch, and go on only when what they wait for is
there: until then the Gateway is not run, and nothing counts as a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions import log, wiring
from reconciler.errors import Misconfigured, ReconcilerError, TransientError, Unavailable
from reconciler.events import Trigger, from_text
from reconciler.ports import Provider, Queue

_AGAIN = 2.0
"""Seconds until the next look after one that was not answered."""


@dataclass(slots=True)
class _Due:
    """The one trigger that stands for those of a subject in this batch, and the messages that brought them."""

    trigger: Trigger
    messages: list[str] = field(default_factory=list)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Put what is due on the FIFO queue, delay what still waits; name the records that failed."""
    wired = wiring.container()
    wired.deadline.start(context)
    due, failures = _read(event["Records"])
    waits = _waits(wired.provider, {one for item in due for one in item.trigger.waiting})
    for item in due:
        try:
            _pass_on(wired.queue, item.trigger, waits)
        except Unavailable as error:
            log.bound(__name__, {"gateway": str(item.trigger.key)}).error("not forwarded: %s", error.message)
            failures += item.messages
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failures]}


def _read(records: Iterable[Mapping[str, Any]]) -> tuple[list[_Due], list[str]]:
    """Return the triggers, one a subject, and the ids of messages that are none of ours."""
    due: dict[str, _Due] = {}
    failures: list[str] = []
    for record in records:
        try:
            trigger = from_text(record["body"])
        except Misconfigured as error:
            log.bound(__name__, {"message_id": record["messageId"]}).error("not forwarded: %s", error.message)
            failures.append(record["messageId"])
            continue
        known = due.setdefault(trigger.group, _Due(trigger))
        known.trigger = known.trigger.merge(trigger)
        known.messages.append(record["messageId"])
    return list(due.values()), failures


def _waits(provider: Provider, ids: set[str]) -> Mapping[str, float]:
    """Return the seconds that each still has to wait; what cannot be looked at here is left to the run, which tells."""
    try:
        return provider.waits(ids) if ids else {}
    except TransientError as error:
        log.bound(__name__, {}).warning("looked in vain: %s", error.message)
        return dict.fromkeys(ids, error.retry_after or _AGAIN)
    except ReconcilerError as error:
        log.bound(__name__, {}).error("left to the run: %s", error.message)
        return {}


def _pass_on(queue: Queue, trigger: Trigger, waits: Mapping[str, float]) -> None:
    if delay := min((waits.get(one, 0.0) for one in trigger.waiting), default=0.0):
        queue.send_later(trigger, delay)
    else:
        queue.send(trigger)
