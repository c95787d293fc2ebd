"""Operations on queues themselves: create, find, attributes, tags, purge, redrive."""

from __future__ import annotations

from typing import Any

from emulators.aws.errors import AwsError
from emulators.aws.sqs.attributes import COMPUTED, changed, check_redrive, first_attributes
from emulators.aws.sqs.desk import NAME, Desk
from emulators.aws.sqs.errors import PREFIX, missing, wrong_value
from emulators.aws.sqs.moves import FASTEST, MOST_LISTED, Move, new_handle
from emulators.aws.sqs.queue import Queue

Request = dict[str, Any]
NAME_PAUSE = 60.0
LONGEST_NAME = 80
REDRIVE = frozenset({"RedrivePolicy", "RedriveAllowPolicy"})
"""Attributes that a queue may be asked for without having them."""


def create_queue(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer CreateQueue: the same name with the same attributes is the queue that is there."""
    name, given = request.get("QueueName", ""), request.get("Attributes", {})
    _check_name(name, fifo=given.get("FifoQueue") == "true")
    if name in desk.queues:
        return _present(desk.queues[name], given)
    now = desk.clock.now()
    if now < desk.deleted.get(name, -NAME_PAUSE) + NAME_PAUSE:
        text = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
        raise AwsError(f"{PREFIX}QueueDeletedRecently", text)
    attributes = first_attributes(given)
    check_redrive(attributes, desk.is_fifo)
    queue = Queue(name, desk.arn(name), attributes, now, tags=dict(request.get("tags", {})), modified=now)
    desk.queues[name] = queue
    return {"QueueUrl": name}


def delete_queue(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer DeleteQueue."""
    name = desk.queue(request.get("QueueUrl")).name
    del desk.queues[name]
    desk.deleted[name] = desk.clock.now()
    return {}


def get_queue_url(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer GetQueueUrl."""
    return {"QueueUrl": desk.named(request.get("QueueName", "")).name}


def list_queues(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer ListQueues, by prefix."""
    prefix = request.get("QueueNamePrefix", "")
    return {"QueueUrls": [name for name in sorted(desk.queues) if name.startswith(prefix)]}


def list_sources(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer ListDeadLetterSourceQueues."""
    found = desk.sources_of(desk.queue(request.get("QueueUrl")).arn)
    return {"queueUrls": sorted(one.name for one in found)}


def get_queue_attributes(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer GetQueueAttributes."""
    queue = desk.queue(request.get("QueueUrl"))
    everything = _shown(desk, queue)
    asked = request.get("AttributeNames", [])
    if "All" in asked:
        return {"Attributes": everything}
    if unknown := [name for name in asked if name not in everything and name not in _known(queue)]:
        raise AwsError("InvalidAttributeName", f"Unknown Attribute {unknown[0]}.")
    return {"Attributes": {name: everything[name] for name in asked if name in everything}}


def set_queue_attributes(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer SetQueueAttributes."""
    queue = desk.queue(request.get("QueueUrl"))
    after = changed(queue.attributes, request.get("Attributes", {}))
    check_redrive(after, desk.is_fifo)
    queue.attributes, queue.modified = after, desk.clock.now()
    return {}


def purge_queue(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer PurgeQueue."""
    desk.queue(request.get("QueueUrl")).purge(desk.clock.now())
    return {}


def tag_queue(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer TagQueue."""
    desk.queue(request.get("QueueUrl")).tags |= request.get("Tags", {})
    return {}


def untag_queue(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer UntagQueue."""
    tags = desk.queue(request.get("QueueUrl")).tags
    for name in request.get("TagKeys", []):
        tags.pop(name, None)
    return {}


def list_queue_tags(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer ListQueueTags."""
    return {"Tags": dict(desk.queue(request.get("QueueUrl")).tags)}


def start_move(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer StartMessageMoveTask: one at a time, from a dead-letter queue, to a queue of the same type."""
    source = _by_arn(desk, request.get("SourceArn", ""), "SourceArn")
    if not desk.sources_of(source.arn):
        raise wrong_value(source.arn, "SourceArn", "Source queue must be configured as a Dead Letter Queue.")
    destination = request.get("DestinationArn", "")
    if destination and _by_arn(desk, destination, "DestinationArn").fifo != source.fifo:
        raise wrong_value(
            destination, "DestinationArn", "Destination queue must be of the same type as the source queue."
        )
    rate = request.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= FASTEST:
        raise wrong_value(rate, "MaxNumberOfMessagesPerSecond", f"Must be between 1 and {FASTEST}.")
    if any(one.source is source and one.status == "RUNNING" for one in desk.moves):
        raise AwsError(
            f"{PREFIX}UnsupportedOperation", "There is already a task running. Only one active task is allowed."
        )
    now = desk.clock.now()
    move = Move(new_handle(source), source, destination, rate or FASTEST, rate, now, len(source.messages))
    desk.moves.insert(0, move)
    return {"TaskHandle": move.handle}


def list_moves(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer ListMessageMoveTasks: the latest first, one unless more are asked for."""
    source = _by_arn(desk, request.get("SourceArn", ""), "SourceArn")
    most = request.get("MaxResults", 1)
    if not 1 <= most <= MOST_LISTED:
        raise wrong_value(most, "MaxResults", f"Must be between 1 and {MOST_LISTED}.")
    return {"Results": [one.shown() for one in desk.moves if one.source is source][:most]}


def cancel_move(desk: Desk, request: Request) -> dict[str, Any]:
    """Answer CancelMessageMoveTask: what was moved stays moved."""
    handle = request.get("TaskHandle")
    move = next((one for one in desk.moves if one.handle == handle and one.status == "RUNNING"), None)
    if move is None:
        raise AwsError("ResourceNotFoundException", "Task does not exist.", status=404)
    move.status = "CANCELLED"
    return {"ApproximateNumberOfMessagesMoved": move.moved}


def _check_name(name: str, *, fifo: bool) -> None:
    if fifo and not (name.endswith(".fifo") and len(name) <= LONGEST_NAME and NAME.fullmatch(name[:-5])):
        text = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
        raise AwsError("InvalidParameterValue", f"{text}must end with .fifo suffix and be 1 to 80 in length")
    if not fifo and not NAME.fullmatch(name):
        text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        raise AwsError("InvalidParameterValue", text)


def _present(queue: Queue, given: dict[str, str]) -> dict[str, Any]:
    for name, value in given.items():
        if queue.attributes.get(name) != value:
            text = f"A queue already exists with the same name and a different value for attribute {name}"
            raise AwsError("QueueAlreadyExists", text)
    return {"QueueUrl": queue.name}


def _known(queue: Queue) -> frozenset[str]:
    return frozenset(first_attributes({"FifoQueue": "true"} if queue.fifo else {})) | REDRIVE | {"FifoQueue", "Policy"}


def _shown(desk: Desk, queue: Queue) -> dict[str, str]:
    times = (str(int(queue.created)), str(int(queue.modified)))
    counts = map(str, queue.counts(desk.clock.now()))
    computed = dict(zip(COMPUTED, (*counts, queue.arn, *times), strict=True))
    return computed | queue.attributes


def _by_arn(desk: Desk, arn: str, parameter: str) -> Queue:
    if not arn:
        raise missing(parameter)
    found = desk.by_arn(arn)
    if found is None:
        text = f"The resource that you specified for the {parameter} parameter doesn't exist."
        raise AwsError("ResourceNotFoundException", text, status=404)
    return found
