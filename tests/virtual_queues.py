"""SQS on a virtual clock, as its developer guide tells it: what the functions send, and Lambda's event source feeds.

FIFO: one message of a group at a time, in order; a deduplication id counts for five minutes. Standard: DelaySeconds.
Both: a received message is hidden for the visibility timeout, its receives are counted, and one received too often goes
to the dead letters.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DEDUPLICATION = 300.0
LONGEST_BATCH = 10
"""Records that Lambda hands over at once when it has no batching window."""


@dataclass(slots=True)
class Message:
    """A message; `visible` is when it may be received (again)."""

    id: str
    body: str
    group: str
    visible: float
    receives: int = 0


@dataclass(slots=True)
class Queue:
    """One queue; FIFO if its messages have groups."""

    now: Callable[[], float]
    visibility: float = 30.0
    most_receives: int = 5
    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    receives: list[int] = field(default_factory=list)
    _seen: dict[str, float] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def put(self, body: str, group: str = "", deduplication: str = "", delay: float = 0.0) -> None:
        """Take a message, unless it is the repetition of one taken in the last five minutes."""
        if deduplication and self.now() - self._seen.get(deduplication, float("-inf")) < DEDUPLICATION:
            return
        self._seen[deduplication] = self.now()
        self.messages.append(Message(f"m{next(self._ids)}", body, group, self.now() + delay))

    def receive(self, most: int) -> list[Message]:
        """Return visible messages, at most so many, and hide them."""
        found: list[Message] = []
        for message in self._visible():
            if len(found) == most:
                break
            message.receives += 1
            if message.receives > self.most_receives:
                self.messages.remove(message)
                self.dead.append(message)
                continue
            message.visible = self.now() + self.visibility
            found.append(message)
        self.receives += [message.receives for message in found]
        return found

    def _visible(self) -> list[Message]:
        blocked: set[str] = set()
        found = []
        for message in self.messages:
            if message.visible <= self.now() and message.group not in blocked:
                found.append(message)
            if message.group:
                blocked.add(message.group)  # the next of its group has to wait for this one
        return found


@dataclass(slots=True)
class Sqs:
    """What `functions.queue.SqsQueue` asks of boto3, with a queue behind each URL."""

    queues: Mapping[str, Queue]

    def send_message(self, **message: Any) -> None:
        """Take a message."""
        self.queues[message["QueueUrl"]].put(
            message["MessageBody"],
            message.get("MessageGroupId", ""),
            message.get("MessageDeduplicationId", ""),
            message.get("DelaySeconds", 0.0),
        )


def serve(queue: Queue, most: int, handler: Callable[[dict[str, Any]], Mapping[str, Any]]) -> bool:
    """Hand one batch to a function, as Lambda's event source does; return whether there was any."""
    batch = queue.receive(most)
    if not batch:
        return False
    answer = handler({"Records": [{"messageId": one.id, "body": one.body} for one in batch]})
    failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
    for message in batch:
        if message.id not in failed:
            queue.messages.remove(message)
    return True
