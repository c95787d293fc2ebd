"""Lambda's SQS event source on a laptop: long poll, one message at a time a group, receive count, redrive.

What Lambda does, by its documents: the poller receives, invokes the function with a batch of one message in Lambda's
event shape, deletes the message when the function returns without naming it in `batchItemFailures`, and otherwise
leaves it to the visibility timeout; a message received more often than the queue's `maxReceiveCount` goes to the
dead-letter queue. The queue itself keeps the order within a message group and the receive count. It knows nothing of
what the function does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

_LOG = logging.getLogger(__name__)

type Handler = Callable[[dict[str, Any], Any], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda hands to a function besides the event: here only the deadline (seconds, monotonic)."""

    deadline: float
    function_name: str = "local"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left, in milliseconds, never below 0."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


@dataclass(slots=True)
class Counts:
    """What the event source did; read by the demo's summary and by tests."""

    received: int = 0
    succeeded: int = 0
    failed: int = 0
    raised: int = 0


@dataclass(slots=True)
class EventSource:
    """Feeds one queue to one function with parallel workers.

    Attributes:
        sqs: a boto3 SQS client (or a factory per worker is not needed: clients are thread-safe).
        queue_url: FIFO or standard.
        handler: the function.
        workers: parallel pollers; a FIFO queue keeps each group serial whatever their number.
        timeout: of one invocation, seconds; told to the function, as Lambda does.
        retry_visibility: seconds until a failed message is seen again; None leaves the queue's own timeout, as Lambda
            does; a laptop's story does not want to wait minutes for a retry.
    """

    sqs: Any
    queue_url: str
    handler: Handler
    workers: int = 4
    timeout: float = 60.0
    retry_visibility: int | None = None
    name: str = "local"
    counts: Counts = field(default_factory=Counts)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the pollers."""
        for number in range(self.workers):
            thread = threading.Thread(target=self._poll, name=f"{self.name}-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout: float = 30.0) -> None:
        """Stop after the invocations under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)
        self._threads.clear()

    def _poll(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self.sqs.receive_message(
                    QueueUrl=self.queue_url,
                    MaxNumberOfMessages=1,
                    WaitTimeSeconds=1,
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
            except Exception:  # noqa: BLE001 - the poller outlives whatever the queue does, as Lambda's own does
                _LOG.warning("%s: the queue did not answer; polling again", self.name)
                self._stop.wait(0.5)
                continue
            for message in answer.get("Messages", []):
                self._invoke(message)

    def _invoke(self, message: Mapping[str, Any]) -> None:
        self._count("received")
        context = Context(time.monotonic() + self.timeout, self.name)
        try:
            answer = self.handler({"Records": [_record(message, self.queue_url)]}, context) or {}
        except Exception:  # noqa: BLE001 - whatever the function raises, the message goes back
            _LOG.exception("%s: the function raised", self.name)
            self._count("raised")
            self._give_back(message)
            return
        if any(item["itemIdentifier"] == message["MessageId"] for item in answer.get("batchItemFailures", [])):
            self._count("failed")
            self._give_back(message)
            return
        self._count("succeeded")
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def _give_back(self, message: Mapping[str, Any]) -> None:
        if self.retry_visibility is not None:
            self.sqs.change_message_visibility(
                QueueUrl=self.queue_url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=self.retry_visibility,
            )

    def _count(self, what: str) -> None:
        with self._lock:
            setattr(self.counts, what, getattr(self.counts, what) + 1)


def _record(message: Mapping[str, Any], queue_url: str) -> dict[str, Any]:
    """Return a message in the shape of Lambda's SQS event."""
    name = queue_url.rsplit("/", 1)[-1]
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{name}",
        "awsRegion": "us-east-1",
    }
