"""The Queue port on SQS: triggers onto the FIFO queue, and through the standard `later` queue back onto it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from reconciler.errors import Unavailable
from reconciler.events import MAX_BATCH, Trigger, batch_to_text, to_text

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

MAX_DELAY = 900
"""Seconds; SQS's own bound for DelaySeconds."""


@dataclass(frozen=True, slots=True)
class SqsQueue:
    """Sends to the two queues of one provider."""

    sqs: SQSClient
    fifo_url: str
    later_url: str

    def send(self, trigger: Trigger) -> None:
        """Put a trigger on the FIFO queue. Raises Unavailable if SQS did not take it."""
        try:
            self.sqs.send_message(
                QueueUrl=self.fifo_url,
                MessageBody=to_text(trigger),
                MessageGroupId=trigger.group,
                MessageDeduplicationId=trigger.deduplication,
            )
        except Exception as error:
            raise Unavailable(f"the queue did not take the trigger of {trigger.key}") from error

    def send_later(self, triggers: Sequence[Trigger], delay: float) -> None:
        """Bring triggers back after `delay` seconds (1..900), in as few messages as they fit in.

        Raises Unavailable if SQS did not take one.
        """
        seconds = min(MAX_DELAY, max(1, math.ceil(delay)))
        for batch in batched(triggers, MAX_BATCH):
            try:
                self.sqs.send_message(QueueUrl=self.later_url, MessageBody=batch_to_text(batch), DelaySeconds=seconds)
            except Exception as error:
                raise Unavailable(f"the later queue did not take the trigger of {batch[0].key}") from error
