"""The queues of one Region, found by URL, name or ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from emulators.aws.clock import Clock
from emulators.aws.sqs.attributes import dead_letters_of
from emulators.aws.sqs.errors import missing, no_queue
from emulators.aws.sqs.messages import Message
from emulators.aws.sqs.moves import Move, buried
from emulators.aws.sqs.queue import Queue

NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(slots=True)
class Desk:
    """The SQS of one Region.

    Attributes:
        queues: by name.
        deleted: when a queue of a name was deleted; the name is free again a minute later.
        moves: message move tasks, the latest first.
    """

    region: str
    account_id: str
    clock: Clock
    queues: dict[str, Queue] = field(default_factory=dict)
    deleted: dict[str, float] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)

    def arn(self, name: str) -> str:
        """Return the ARN of a queue of this name."""
        return f"arn:aws:sqs:{self.region}:{self.account_id}:{name}"

    def queue(self, url: str | None) -> Queue:
        """Return the queue of a URL. Raises AwsError (MissingParameter, NonExistentQueue)."""
        if not url:
            raise missing("QueueUrl")
        return self.named(url.rstrip("/").rpartition("/")[2])

    def named(self, name: str) -> Queue:
        """Return a queue by name. Raises AwsError (NonExistentQueue)."""
        if name not in self.queues:
            raise no_queue()
        return self.queues[name]

    def by_arn(self, arn: str) -> Queue | None:
        """Return a queue by ARN, if it is there."""
        return next((one for one in self.queues.values() if one.arn == arn), None)

    def is_fifo(self, arn: str) -> bool | None:
        """Return whether a queue is FIFO; None if there is none."""
        found = self.by_arn(arn)
        return None if found is None else found.fifo

    def sources_of(self, arn: str) -> list[Queue]:
        """Return the queues whose dead letters go to this one."""
        policies = ((one, dead_letters_of(one.attributes)) for one in self.queues.values())
        return [one for one, policy in policies if policy is not None and policy.arn == arn]

    def bury(self, source: Queue, message: Message) -> None:
        """Put a message that was received too often into the dead-letter queue; without one it is lost."""
        policy = dead_letters_of(source.attributes)
        target = self.by_arn(policy.arn) if policy else None
        if target is not None:
            target.append(buried(message, source, self.clock.now()))

    def settle(self) -> None:
        """Let move tasks do what is due by now."""
        for move in self.moves:
            move.advance(self.clock.now(), self.by_arn)

    def next_change(self, queue: Queue) -> float | None:
        """Return when the clock alone may bring `queue` a message."""
        moments = [queue.next_change(self.clock.now())]
        moments += [self.clock.now() + 1 for move in self.moves if move.status == "RUNNING"]
        return min((moment for moment in moments if moment is not None), default=None)
