"""Lambda's SQS event source on a laptop: long poll, batches, parallel groups, receive counts, timeouts.

What Lambda does, by its developer guide ("Using Lambda with Amazon SQS"): pollers receive and invoke the function with
Lambda's event shape, at most as many at once as the mapping allows. A function that returns has its messages deleted,
except for those it names in `batchItemFailures` where the mapping reports them; one that raises, runs out of time or
names what was not in the batch has failed with all of them. What failed is left to the visibility timeout, and to the
queue's redrive policy. Order within a message group is the queue's own affair. It knows nothing of what the function
does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from emulators.aws.clock import Clock

_LOG = logging.getLogger(__name__)

type Handler = Callable[[dict[str, Any], Any], Mapping[str, Any] | None]

LARGEST_BATCH = 10
"""Of a FIFO queue, and of any queue without a batching window."""


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda hands to a function besides the event: here only the deadline (seconds, on `clock`)."""

    deadline: float
    clock: Clock
    function_name: str = "local"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left, in milliseconds, never below 0."""
        return max(0, int((self.deadline - self.clock.now()) * 1000))


@dataclass(slots=True)
class Counts:
    """What the event source did, in messages; `most_at_once` counts invocations. For summaries and tests."""

    received: int = 0
    succeeded: int = 0
    failed: int = 0
    raised: int = 0
    timed_out: int = 0
    most_at_once: int = 0


@dataclass(slots=True)
class EventSource:
    """Feeds one queue to one function; a context manager.

    Attributes:
        sqs: a boto3 SQS client.
        queue_url: FIFO or standard.
        handler: the function.
        workers: invocations at once, Lambda's MaximumConcurrency; a FIFO queue keeps each group serial all the same.
        timeout: of one invocation, seconds; told to the function. Lambda ends the function there; a thread cannot be
            ended, so here its answer no longer counts.
        retry_visibility: seconds until a failed message is seen again; None leaves the queue's own timeout, as Lambda
            does; a laptop's story does not want to wait minutes for a retry.
        batch_size: messages an invocation, 1 to 10.
        report_failures: ReportBatchItemFailures; without it whatever a function returns is success.
        clock: by which the timeout runs.
    """

    sqs: Any
    queue_url: str
    handler: Handler
    workers: int = 4
    timeout: float = 30.0
    retry_visibility: int | None = None
    name: str = "local"
    batch_size: int = 1
    report_failures: bool = True
    clock: Clock = field(default_factory=Clock)
    counts: Counts = field(default_factory=Counts)
    _running: int = 0
    _arn: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.clock.on_advance(self._wake)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the pollers.

        Raises:
            ValueError: the mapping is one that Lambda does not make.
        """
        self._check()
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

    def poll(self, wait: int = 0) -> int:
        """Receive one batch, waiting up to `wait` seconds, and invoke the function; return how many messages it had."""
        if not self._arn:
            self._check()
        answer = self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=self.batch_size,
            WaitTimeSeconds=wait,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[Mapping[str, Any]] = answer.get("Messages", [])
        if messages:
            self._invoke(messages)
        return len(messages)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _check(self) -> None:
        names = ["QueueArn", "VisibilityTimeout"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        self._arn = found["QueueArn"]
        if not 1 <= self.batch_size <= LARGEST_BATCH:
            raise ValueError(f"batch size {self.batch_size}: expected 1 to {LARGEST_BATCH}")
        if int(found["VisibilityTimeout"]) < self.timeout:
            raise ValueError(
                f"Queue visibility timeout: {found['VisibilityTimeout']} seconds is less than "
                f"Function timeout: {self.timeout:g} seconds"
            )

    def _poll(self) -> None:
        while not self._stop.is_set():
            try:
                self.poll(wait=1)
            except Exception as error:  # noqa: BLE001 - the poller outlives whatever the queue does, as Lambda's own does
                _LOG.warning("%s: %s; polling again", self.name, error)
                self._stop.wait(0.5)

    def _invoke(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self._count("received", len(messages))
        with self._one_more():
            failed = self._failures(messages)
        for message in messages:
            if message["MessageId"] in failed:
                self._give_back(message)
            else:
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        self._count("succeeded", len(messages) - len(failed))

    def _failures(self, messages: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Run the function; return the ids of the messages that it did not do."""
        everything = frozenset(message["MessageId"] for message in messages)
        event = {"Records": [_record(message, self._arn) for message in messages]}
        run = _Run(self.handler, event, Context(self.clock.now() + self.timeout, self.clock, self.name), self._changed)
        if not run.wait():
            _LOG.warning("%s: the function timed out after %g s", self.name, self.timeout)
            self._count("timed_out", len(messages))
            return everything
        if run.error is not None:
            _LOG.error("%s: the function raised", self.name, exc_info=run.error)
            self._count("raised", len(messages))
            return everything
        failed = _named_failures(run.answer, everything) if self.report_failures else frozenset[str]()
        self._count("failed", len(failed))
        return failed

    def _give_back(self, message: Mapping[str, Any]) -> None:
        if self.retry_visibility is not None:
            self.sqs.change_message_visibility(
                QueueUrl=self.queue_url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=self.retry_visibility,
            )

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        with self._changed:
            self._running += 1
            self.counts.most_at_once = max(self.counts.most_at_once, self._running)
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1

    def _count(self, what: str, number: int) -> None:
        with self._changed:
            setattr(self.counts, what, getattr(self.counts, what) + number)


class _Run:
    """One invocation, in a thread of its own, so that it can be given up."""

    def __init__(self, handler: Handler, event: dict[str, Any], context: Context, changed: threading.Condition) -> None:
        self.answer: Mapping[str, Any] | None = None
        self.error: Exception | None = None
        self._context = context
        self._changed = changed
        self._done = False
        self._call = (handler, event)
        threading.Thread(target=self._work, name=f"{context.function_name}-run", daemon=True).start()

    def wait(self) -> bool:
        """Return whether it ended before its deadline."""
        with self._changed:
            while not self._done and (left := self._context.deadline - self._context.clock.now()) > 0:
                self._changed.wait(left)
            return self._done

    def _work(self) -> None:
        handler, event = self._call
        try:
            self.answer = handler(event, self._context)
        except Exception as error:  # noqa: BLE001 - whatever the function raises, the message goes back
            self.error = error
        with self._changed:
            self._done = True
            self._changed.notify_all()


def _named_failures(answer: Mapping[str, Any] | None, everything: frozenset[str]) -> frozenset[str]:
    """Return the messages that an answer names as failed; all of them if it names anything else."""
    items = (answer or {}).get("batchItemFailures") or []
    try:
        named = frozenset(str(item["itemIdentifier"]) for item in items)
    except (KeyError, TypeError):
        return everything
    return everything if named - everything else named


def _record(message: Mapping[str, Any], arn: str) -> dict[str, Any]:
    """Return a message in the shape of Lambda's SQS event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": dict(message.get("MessageAttributes", {})),
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }
