"""Message move tasks: dead letters go back to where they came from, or elsewhere, at a bounded rate.

Source: developer guide, "dead-letter queue redrive". What is moved is a new message, with a new id and a new time; it
keeps body, attributes and group.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from emulators.aws.sqs.messages import Message
from emulators.aws.sqs.queue import Queue

FASTEST = 500
MOST_LISTED = 10


@dataclass(slots=True)
class Move:
    """A task that moves the messages of `source`.

    Attributes:
        destination: an ARN; empty where each message goes back to its own source queue.
        rate: messages a second.
    """

    handle: str
    source: Queue
    destination: str
    rate: int
    given_rate: int | None
    started: float
    total: int
    moved: int = 0
    status: Literal["RUNNING", "COMPLETED", "CANCELLED", "FAILED"] = "RUNNING"
    failure: str = ""

    def advance(self, now: float, find: Callable[[str], Queue | None]) -> None:
        """Move what is due by now."""
        if self.status != "RUNNING":
            return
        due = self.rate * (1 + int(now - self.started))
        for message in list(self.source.messages.values()):
            if self.moved >= due:
                return
            if message.visible(now) and not self._move(message, now, find):
                return
        if self.moved >= self.total or not self.source.messages:
            self.status = "COMPLETED"

    def _move(self, message: Message, now: float, find: Callable[[str], Queue | None]) -> bool:
        target = find(self.destination or message.source_arn)
        if target is None:
            self.status, self.failure = "FAILED", f"{PREFIX_FAILURE}{self.destination or message.source_arn}"
            return False
        del self.source.messages[message.id]
        target.append(fresh(message, now))
        self.moved += 1
        return True

    def shown(self) -> dict[str, Any]:
        """Return the task as ListMessageMoveTasks shows it; only a running one has a handle."""
        shown: dict[str, Any] = {
            "Status": self.status,
            "SourceArn": self.source.arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.total,
            "StartedTimestamp": int(self.started * 1000),
        }
        if self.status == "RUNNING":
            shown["TaskHandle"] = self.handle
        if self.destination:
            shown["DestinationArn"] = self.destination
        if self.given_rate is not None:
            shown["MaxNumberOfMessagesPerSecond"] = self.given_rate
        if self.failure:
            shown["FailureReason"] = self.failure
        return shown


PREFIX_FAILURE = "AWS.SimpleQueueService.NonExistentQueue: "


def new_handle(source: Queue) -> str:
    """Return a handle for a task on `source`."""
    return base64.b64encode(f"{source.arn}\n{uuid.uuid4()}".encode()).decode()


def fresh(message: Message, now: float) -> Message:
    """Return a message as a move sends it: new id, new time, never received."""
    return replace(
        message,
        id=str(uuid.uuid4()),
        sent_at=now,
        delayed_until=now,
        hidden_until=0.0,
        first_received_at=0.0,
        receives=0,
        taken=0,
        source_arn="",
    )


def buried(message: Message, source: Queue, now: float) -> Message:
    """Return a message as a dead-letter queue takes it.

    In a FIFO queue its deduplication id becomes its message id, and its time starts anew; in a standard one its
    retention goes on from the first sending.
    """
    return replace(
        message,
        deduplication=message.id if source.fifo else "",
        sent_at=now if source.fifo else message.sent_at,
        hidden_until=0.0,
        source_arn=source.arn,
    )
