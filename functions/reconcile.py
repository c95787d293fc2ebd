"""The function behind the FIFO queue: one trigger in, one Gateway brought to what the cluster says.

Waiting is not failing: what the cloud still makes, and a change that ran out of time with progress, is acknowledged and
comes back through the `later` queue. Only runs without progress count towards the dead-letter queue.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from functions import log, wiring
from reconciler.errors import Misconfigured, ReconcilerError
from reconciler.events import from_text
from reconciler.reconcile import Result, reconcile


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Take Lambda's SQS event; name the records that failed, in order."""
    wired = wiring.container()
    wired.deadline.start(context)
    failures = [record["messageId"] for record in event["Records"] if not _take(record, wired)]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failures]}


def _take(record: Mapping[str, Any], wired: wiring.Container) -> bool:
    """Return whether the message is done with; one that is not ours, or failed, goes back and ends in the DLQ."""
    try:
        trigger = from_text(record["body"])
        room = wired.room(trigger.cluster)
    except Misconfigured as error:
        log.bound(__name__, {"message_id": record["messageId"]}).error("message refused: %s", error.message)
        return False
    logger = log.bound(__name__, {"gateway": str(trigger.key), "cause": trigger.cause, "provider": room.provider.name})
    started = time.monotonic()
    try:
        result = reconcile(trigger, room)
    except ReconcilerError as error:  # a lasting one too: no status could tell of it, so the dead-letter queue has to
        logger.warning("will be tried again: %s", error.message)
        return False
    if result.untold:
        logger.error("status was not written: %s", result.untold)
    if result.retry_after is not None:
        wired.queue.send_later([result.follow_up(trigger, wired.clock())], result.retry_after)
    _tell(logger, result, time.monotonic() - started)
    return True


def _tell(logger: Any, result: Result, seconds: float) -> None:
    extra = {
        "changes": len(result.plan.changes),
        "done": result.outcome.done,
        "failed": [
            f"{failure.key}: {failure.error.detail or failure.error.message}" for failure in result.outcome.failed
        ],
        "rejections": len(result.rejections),
        "waiting": [one.text for one in result.outcome.waiting],
        "held": result.outcome.held,
        "status_writes": result.status_writes,
        "seconds": round(seconds, 3),
    }
    logger.info("reconciled", extra=extra)
    for change in result.plan.changes:
        logger.debug("%s %s: %s", change.op, change.key, change.why)
