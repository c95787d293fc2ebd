"""The SQS of one account: operations by name, one at a time, and receives that wait for a message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from emulators.aws.clock import Clock
from emulators.aws.errors import AwsError
from emulators.aws.sqs import administration, traffic
from emulators.aws.sqs.desk import Desk

Operation = Callable[[Desk, dict[str, Any]], dict[str, Any]]

OPERATIONS: Mapping[str, Operation] = {
    "CancelMessageMoveTask": administration.cancel_move,
    "ChangeMessageVisibility": traffic.change_visibility,
    "ChangeMessageVisibilityBatch": traffic.change_batch,
    "CreateQueue": administration.create_queue,
    "DeleteMessage": traffic.delete_message,
    "DeleteMessageBatch": traffic.delete_batch,
    "DeleteQueue": administration.delete_queue,
    "GetQueueAttributes": administration.get_queue_attributes,
    "GetQueueUrl": administration.get_queue_url,
    "ListDeadLetterSourceQueues": administration.list_sources,
    "ListMessageMoveTasks": administration.list_moves,
    "ListQueueTags": administration.list_queue_tags,
    "ListQueues": administration.list_queues,
    "PurgeQueue": administration.purge_queue,
    "ReceiveMessage": traffic.receive_message,
    "SendMessage": traffic.send_message,
    "SendMessageBatch": traffic.send_batch,
    "SetQueueAttributes": administration.set_queue_attributes,
    "StartMessageMoveTask": administration.start_move,
    "TagQueue": administration.tag_queue,
    "UntagQueue": administration.untag_queue,
}
URLS = ("QueueUrl", "QueueUrls", "queueUrls")


class Sqs:
    """The queues of one account; safe to use from several threads."""

    def __init__(self, account_id: str, clock: Clock) -> None:
        self._account_id = account_id
        self._clock = clock
        self._desks: dict[str, Desk] = {}
        self._changed = threading.Condition()
        clock.on_advance(self._wake)

    def perform(self, region: str, operation: str, request: dict[str, Any], base_url: str) -> dict[str, Any]:
        """Carry out one operation; a receive answers as soon as there is a message or its wait is over.

        Args:
            region: the Region it was signed for.
            operation: the operation's name.
            request: its parameters.
            base_url: of the endpoint that was called: queue URLs begin with it.

        Raises:
            AwsError: the refusal, as SQS would send it.
        """
        if operation not in OPERATIONS:
            raise AwsError("InvalidAction", f"The action {operation} is not emulated")
        with self._changed:
            desk = self._desks.setdefault(region, Desk(region, self._account_id, self._clock))
            if operation == "ReceiveMessage":
                return self._receive(desk, request)
            desk.settle()
            result = OPERATIONS[operation](desk, request)
            desk.settle()
            self._changed.notify_all()
        return self._with_urls(result, base_url)

    def _receive(self, desk: Desk, request: dict[str, Any]) -> dict[str, Any]:
        """Wait on the emulated clock, yet never longer than that on the machine's: a standing clock holds up nobody."""
        wait = traffic.wait_of(desk, request)
        until, at_most = self._clock.now() + wait, time.monotonic() + wait
        while True:
            desk.settle()
            answer = traffic.receive_message(desk, request)
            left = min(until - self._clock.now(), at_most - time.monotonic())
            if answer or left <= 0:
                return answer
            self._changed.wait(min(left, self._nap(desk, request)))

    def _nap(self, desk: Desk, request: dict[str, Any]) -> float:
        moment = desk.next_change(desk.queue(request.get("QueueUrl")))
        if moment is None or self._clock.virtual:
            return float(traffic.LONGEST_WAIT)
        return max(0.001, moment - self._clock.now())

    def _with_urls(self, result: dict[str, Any], base_url: str) -> dict[str, Any]:
        for member in URLS:
            if isinstance(names := result.get(member), list):
                result[member] = [self._url(base_url, name) for name in names]
            elif names is not None:
                result[member] = self._url(base_url, names)
        return result

    def _url(self, base_url: str, name: str) -> str:
        return f"{base_url.rstrip('/')}/{self._account_id}/{name}"

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
