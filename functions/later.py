"""The forwarder behind the `later` queue: a standard queue can delay a message, a FIFO queue cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions import log, wiring
from reconciler.errors import Misconfigured, Unavailable
from reconciler.events import from_text


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Put each trigger whose delay is over back on the FIFO queue; name the records that failed."""
    queue = wiring.container().queue
    failures: list[str] = []
    for record in event["Records"]:
        try:
            queue.send(from_text(record["body"]))
        except (Misconfigured, Unavailable) as error:
            log.bound(__name__, {"message_id": record["messageId"]}).error("not forwarded: %s", error.message)
            failures.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failures]}
