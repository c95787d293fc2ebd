"""One queue: what it keeps, what it gives to whom, and which receipt handle still counts.

A FIFO queue gives nothing of a message group while one of its messages is in flight or delayed, and answers a repeated
deduplication id with the first message for five minutes, deleted or not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulators.aws.errors import AwsError
from emulators.aws.sqs.attributes import dead_letters_of
from emulators.aws.sqs.errors import PREFIX, bad_handle, expired, wrong_value
from emulators.aws.sqs.messages import Message, check_message

DEDUPLICATION = 300.0
"""Seconds for which a deduplication id is remembered."""
LONGEST_VISIBILITY = 43_200
PURGE_PAUSE = 60.0
FIRST_SEQUENCE = 18_850_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a deduplication id was last used for."""

    at: float
    message: Message


@dataclass(slots=True)
class Queue:
    """A queue with its messages by id, oldest first."""

    name: str
    arn: str
    attributes: dict[str, str]
    created: float
    tags: dict[str, str] = field(default_factory=dict)
    modified: float = 0.0
    purged: float | None = None
    messages: dict[str, Message] = field(default_factory=dict)
    _accepted: dict[tuple[str, str], Accepted] = field(default_factory=dict)
    _sequence: int = FIRST_SEQUENCE

    @property
    def fifo(self) -> bool:
        """Whether it keeps order and removes duplicates."""
        return "FifoQueue" in self.attributes

    def send(self, request: Mapping[str, Any], now: float) -> Message:
        """Take a message, or return the one that this one repeats. Raises AwsError."""
        check_message(request, self.attributes)
        message = self._wanted(request, now)
        if not self.fifo:
            return self.append(message)
        self._forget(now)
        scope = message.group if self.attributes["DeduplicationScope"] == "messageGroup" else ""
        key = (scope, message.deduplication)
        if key in self._accepted:
            return self._accepted[key].message
        self._accepted[key] = Accepted(now, message)
        return self.append(message)

    def append(self, message: Message) -> Message:
        """Put a message at the end, whatever its ids."""
        if self.fifo:
            self._sequence += 1
            message.sequence = self._sequence
        self.messages[message.id] = message
        return message

    def receive(self, most: int, visibility: int | None, now: float, bury: Callable[[Message], None]) -> list[Message]:
        """Return up to `most` messages, hidden from now on; `bury` takes those that were received too often."""
        self.expire(now)
        policy, found = dead_letters_of(self.attributes), list[Message]()
        hidden = int(self.attributes["VisibilityTimeout"]) if visibility is None else visibility
        for message in self._available(now):
            if policy is not None and message.receives >= policy.receives:
                del self.messages[message.id]
                bury(message)
                continue
            if len(found) == most:
                break
            _take(message, hidden, now)
            found.append(message)
        return found

    def delete(self, handle: str, now: float) -> None:
        """Delete a message; one that is gone is success. Raises AwsError for a handle that does not count."""
        message, current = self._by_handle(handle)
        if message is None:
            return
        if self.fifo and not (current and message.in_flight(now)):
            raise expired(handle)
        if current:
            del self.messages[message.id]

    def change_visibility(self, handle: str, seconds: int, now: float) -> None:
        """Hide a message in flight for `seconds` from now on; 0 shows it at once. Raises AwsError."""
        if not 0 <= seconds <= LONGEST_VISIBILITY:
            raise wrong_value(seconds, "VisibilityTimeout", f"Must be between 0 and {LONGEST_VISIBILITY}.")
        message, current = self._by_handle(handle)
        if message is None:
            reason = "Message does not exist or is not available for visibility timeout change."
            raise wrong_value(handle, "ReceiptHandle", reason)
        if not current or not message.in_flight(now):
            raise expired(handle) if self.fifo else _not_in_flight(handle)
        if now + seconds > message.deadline:
            reason = f"Total VisibilityTimeout for the message is beyond the limit [{LONGEST_VISIBILITY} seconds]."
            raise wrong_value(seconds, "VisibilityTimeout", reason)
        message.hidden_until = now + seconds

    def purge(self, now: float) -> None:
        """Delete all messages, those in flight too; once in sixty seconds. Raises AwsError."""
        if self.purged is not None and now < self.purged + PURGE_PAUSE:
            text = f"Only one PurgeQueue operation on {self.name} is allowed every 60 seconds."
            raise AwsError(f"{PREFIX}PurgeQueueInProgress", text, status=403)
        self.purged = now
        self.messages.clear()

    def expire(self, now: float) -> None:
        """Forget what is older than the retention period."""
        oldest = now - int(self.attributes["MessageRetentionPeriod"])
        for message in [one for one in self.messages.values() if one.sent_at < oldest]:
            del self.messages[message.id]

    def counts(self, now: float) -> tuple[int, int, int]:
        """Return how many messages are visible, in flight and delayed."""
        self.expire(now)
        flying = sum(one.in_flight(now) for one in self.messages.values())
        delayed = sum(one.delayed(now) for one in self.messages.values())
        return len(self.messages) - flying - delayed, flying, delayed

    def next_change(self, now: float) -> float | None:
        """Return when the clock alone makes a message visible."""
        moments = (moment for one in self.messages.values() for moment in (one.hidden_until, one.delayed_until))
        return min((moment for moment in moments if moment > now), default=None)

    def _available(self, now: float) -> Iterator[Message]:
        if not self.fifo:
            yield from [one for one in self.messages.values() if one.visible(now)]
            return
        closed = {one.group for one in self.messages.values() if one.in_flight(now)}
        for message in list(self.messages.values()):
            if message.delayed(now):
                closed.add(message.group)
            if message.group not in closed:
                yield message

    def _wanted(self, request: Mapping[str, Any], now: float) -> Message:
        own = None if self.fifo else request.get("DelaySeconds")
        delay = int(self.attributes["DelaySeconds"]) if own is None else own
        body = request["MessageBody"]
        system = {name: one["StringValue"] for name, one in request.get("MessageSystemAttributes", {}).items()}
        digest = hashlib.sha256(body.encode()).hexdigest() if self.fifo else ""
        return Message(
            id=str(uuid.uuid4()),
            body=body,
            attributes=dict(request.get("MessageAttributes", {})),
            system=system,
            sent_at=now,
            delayed_until=now + delay,
            group=request.get("MessageGroupId", ""),
            deduplication=request.get("MessageDeduplicationId", digest),
        )

    def _forget(self, now: float) -> None:
        for key in [key for key, one in self._accepted.items() if now >= one.at + DEDUPLICATION]:
            del self._accepted[key]

    def _by_handle(self, handle: str) -> tuple[Message | None, bool]:
        try:
            queue, identity, taken = base64.b64decode(handle, validate=True).decode().split("\n")
        except (binascii.Error, ValueError) as error:
            raise bad_handle(handle) from error
        if queue != self.arn:
            raise bad_handle(handle)
        message = self.messages.get(identity)
        return message, message is not None and taken == str(message.taken)


def handle_of(queue: Queue, message: Message) -> str:
    """Return the receipt handle of a message's last receive."""
    return base64.b64encode(f"{queue.arn}\n{message.id}\n{message.taken}".encode()).decode()


def _take(message: Message, hidden: int, now: float) -> None:
    message.receives += 1
    message.taken += 1
    message.first_received_at = message.first_received_at or now
    message.hidden_until = now + hidden
    message.deadline = now + LONGEST_VISIBILITY


def _not_in_flight(handle: str) -> AwsError:
    return AwsError(f"{PREFIX}MessageNotInflight", f"The message of {handle} is not in flight.")
