"""Operations on messages: send, receive, delete, change visibility, one by one and in batches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from emulators.aws.sqs.batches import each
from emulators.aws.sqs.desk import Desk
from emulators.aws.sqs.errors import missing, wrong_value
from emulators.aws.sqs.messages import Message, attributes_md5
from emulators.aws.sqs.queue import LONGEST_VISIBILITY, Queue, handle_of

Request = Mapping[str, Any]
MOST_RECEIVED = 10
LONGEST_WAIT = 20


def send_message(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer SendMessage."""
    return _send(desk, desk.queue(request.get("QueueUrl")), request)


def send_batch(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer SendMessageBatch."""
    return each(request, partial(_send, desk, desk.queue(request.get("QueueUrl"))))


def receive_message(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer ReceiveMessage at once; the waiting is the service's."""
    queue = desk.queue(request.get("QueueUrl"))
    most, visibility = request.get("MaxNumberOfMessages", 1), request.get("VisibilityTimeout")
    if not 1 <= most <= MOST_RECEIVED:
        raise wrong_value(most, "MaxNumberOfMessages", f"Must be between 1 and {MOST_RECEIVED}, if provided.")
    if visibility is not None and not 0 <= visibility <= LONGEST_VISIBILITY:
        reason = f"Must be between 0 and {LONGEST_VISIBILITY}, if provided."
        raise wrong_value(visibility, "VisibilityTimeout", reason)
    found = queue.receive(most, visibility, desk.clock.now(), partial(desk.bury, queue))
    return {"Messages": [_shown(desk, queue, one, request) for one in found]} if found else {}


def wait_of(desk: Desk, request: Request) -> float:
    """Return how long a receive may wait, in seconds. Raises AwsError."""
    wait = request.get("WaitTimeSeconds")
    if wait is None:
        return float(desk.queue(request.get("QueueUrl")).attributes["ReceiveMessageWaitTimeSeconds"])
    if not 0 <= wait <= LONGEST_WAIT:
        raise wrong_value(wait, "WaitTimeSeconds", f"Must be >= 0 and <= {LONGEST_WAIT}, if provided.")
    return float(wait)


def delete_message(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer DeleteMessage."""
    return _delete(desk, desk.queue(request.get("QueueUrl")), request)


def delete_batch(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer DeleteMessageBatch."""
    return each(request, partial(_delete, desk, desk.queue(request.get("QueueUrl"))))


def change_visibility(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer ChangeMessageVisibility."""
    return _change(desk, desk.queue(request.get("QueueUrl")), request)


def change_batch(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer ChangeMessageVisibilityBatch."""
    return each(request, partial(_change, desk, desk.queue(request.get("QueueUrl"))))


def _send(desk: Desk, queue: Queue, request: Request) -> dict[str, Any]:
    message = queue.send(request, desk.clock.now())
    answer: dict[str, Any] = {"MessageId": message.id, "MD5OfMessageBody": message.md5}
    if message.attributes:
        answer["MD5OfMessageAttributes"] = attributes_md5(message.attributes)
    if queue.fifo:
        answer["SequenceNumber"] = str(message.sequence)
    return answer


def _delete(desk: Desk, queue: Queue, request: Request) -> dict[str, Any]:
    queue.delete(_handle(request), desk.clock.now())
    return {}


def _change(desk: Desk, queue: Queue, request: Request) -> dict[str, Any]:
    if "VisibilityTimeout" not in request:
        raise missing("VisibilityTimeout")
    queue.change_visibility(_handle(request), request["VisibilityTimeout"], desk.clock.now())
    return {}


def _handle(request: Request) -> str:
    if not request.get("ReceiptHandle"):
        raise missing("ReceiptHandle")
    return str(request["ReceiptHandle"])


def _shown(desk: Desk, queue: Queue, message: Message, request: Request) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": handle_of(queue, message),
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    asked = {*request.get("AttributeNames", []), *request.get("MessageSystemAttributeNames", [])}
    system = {name: value for name, value in _system(desk, message).items() if "All" in asked or name in asked}
    if system:
        shown["Attributes"] = system
    wanted = request.get("MessageAttributeNames", [])
    if given := {name: one for name, one in message.attributes.items() if _is_asked(name, wanted)}:
        shown |= {"MessageAttributes": given, "MD5OfMessageAttributes": attributes_md5(given)}
    return shown


def _system(desk: Desk, message: Message) -> dict[str, str]:
    shown = {
        "SenderId": desk.account_id,
        "SentTimestamp": str(int(message.sent_at * 1000)),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": str(int(message.first_received_at * 1000)),
        **message.system,
    }
    if message.group:
        shown["MessageGroupId"] = message.group
    if message.sequence:
        shown |= {"MessageDeduplicationId": message.deduplication, "SequenceNumber": str(message.sequence)}
    if message.source_arn:
        shown["DeadLetterQueueSourceArn"] = message.source_arn
    return shown


def _is_asked(name: str, wanted: list[str]) -> bool:
    return any(
        one in {"All", ".*", name} or (one.endswith(".*") and name.startswith(one.removesuffix("*"))) for one in wanted
    )
