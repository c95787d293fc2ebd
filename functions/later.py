"""The forwarder behind the `later` queue: a standard queue can delay a message, a FIFO queue cannot.

Triggers that wait for the cloud are looked at together, one call for all that came at once, and go on only when what
they wait for is there: until then the Gateway is not run, and nothing counts as a failure. Those that still wait travel
on in one message, so that they stay together and soon all who wait are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from functions import log, wiring
from reconciler.errors import Misconfigured, ReconcilerError, TransientError, Unavailable
from reconciler.events import Trigger, batch_from_text
from reconciler.ports import Provider

_AGAIN = 2.0
"""Seconds until the next look after one that was not answered."""
_LOG = "functions.later"


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Put what is due on the FIFO queue, delay what still waits; name the records that failed."""
    wired = wiring.container()
    wired.deadline.start(context)
    read = {record["messageId"]: _read(record) for record in event["Records"]}
    failures = [message for message, triggers in read.items() if not triggers]
    try:
        _pass_on(wired, _by_subject(trigger for triggers in read.values() for trigger in triggers))
    except Unavailable as error:  # what was passed on already is known to the queue when it comes again
        log.bound(_LOG, {}).error("not forwarded: %s", error.message)
        failures = list(read)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failures]}


def _read(record: Mapping[str, Any]) -> tuple[Trigger, ...]:
    """Return the triggers of a message; none if it is not ours."""
    try:
        return batch_from_text(record["body"])
    except Misconfigured as error:
        log.bound(_LOG, {"message_id": record["messageId"]}).error("message refused: %s", error.message)
        return ()


def _by_subject(triggers: Iterable[Trigger]) -> list[Trigger]:
    """Return one trigger a subject."""
    merged: dict[str, Trigger] = {}
    for trigger in triggers:
        known = merged.get(trigger.group)
        merged[trigger.group] = known.merge(trigger) if known else trigger
    return list(merged.values())


def _pass_on(wired: wiring.Container, triggers: Sequence[Trigger]) -> None:
    """Send each to where it belongs. Raises Unavailable."""
    waits = _waits(wired.provider, {one for trigger in triggers for one in trigger.waiting})
    waiting: dict[float, list[Trigger]] = {}
    for trigger in triggers:
        if delay := min((waits.get(one, 0.0) for one in trigger.waiting), default=0.0):
            waiting.setdefault(delay, []).append(trigger)
        else:
            wired.queue.send(trigger)
    for delay, together in sorted(waiting.items()):
        wired.queue.send_later(together, delay)


def _waits(provider: Provider, ids: set[str]) -> Mapping[str, float]:
    """Return the seconds that each still has to wait; what cannot be looked at here is left to the run, which tells."""
    try:
        return provider.waits(ids) if ids else {}
    except TransientError as error:
        log.bound(_LOG, {}).warning("looked in vain: %s", error.message)
        return dict.fromkeys(ids, error.retry_after or _AGAIN)
    except ReconcilerError as error:
        log.bound(_LOG, {}).error("left to the run: %s", error.message)
        return {}
