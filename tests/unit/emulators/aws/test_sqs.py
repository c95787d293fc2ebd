"""Messages of queues of both types: sizes, contents, attributes, batches.

Source: SQS API reference and developer guide.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.emulators.aws.conftest import refused
from tests.unit.emulators.aws.queue_world import QueueWorld, put

MIB = 1_048_576


def test_a_message_has_at_most_one_mebibyte(queues: QueueWorld) -> None:
    url = queues.queue("q")
    put(queues, url, "x" * MIB)

    with refused("InvalidParameterValue", "Message must be shorter than 1048576 bytes."):
        put(queues, url, "x" * (MIB + 1))
    with refused("InvalidParameterValue", "Message must be shorter than 1048576 bytes."):
        put(queues, url, "ü" * (MIB // 2 + 1))


def test_attributes_count_towards_the_size(queues: QueueWorld) -> None:
    url = queues.queue("q", MaximumMessageSize="1024")
    note = {"n": {"DataType": "String", "StringValue": "v"}}
    put(queues, url, "x" * 1016, MessageAttributes=note)

    with refused("InvalidParameterValue"):
        put(queues, url, "x" * 1017, MessageAttributes=note)


def test_a_queue_may_take_less(queues: QueueWorld) -> None:
    with refused("InvalidParameterValue", "1024"):
        put(queues, queues.queue("q", MaximumMessageSize="1024"), "x" * 1025)


def test_an_empty_body_and_forbidden_characters_are_refused(queues: QueueWorld) -> None:
    url = queues.queue("q")

    with refused("MissingParameter", "MessageBody"):
        put(queues, url, "")
    with refused("InvalidMessageContents"):
        put(queues, url, "\x00")


def test_attributes_come_back_with_their_digest(queues: QueueWorld) -> None:
    url = queues.queue("q")
    given = {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": b"\x01"}}

    sent = put(queues, url, MessageAttributes=given)

    (found,) = queues.receive(url, MessageAttributeNames=["All"])
    assert given == found["MessageAttributes"]
    assert sent["MD5OfMessageAttributes"] == found["MD5OfMessageAttributes"]


def test_a_standard_queue_takes_a_group_but_no_deduplication_id(queues: QueueWorld) -> None:
    url = queues.queue("q")
    put(queues, url, MessageGroupId="tenant")

    with refused("InvalidParameterValue", "not valid for this queue type"):
        put(queues, url, MessageDeduplicationId="x")


def entries(*bodies: str) -> list[dict[str, str]]:
    return [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]


def test_an_entry_of_a_batch_fails_alone(queues: QueueWorld) -> None:
    url = queues.queue("q")

    answer = queues.sqs.send_message_batch(QueueUrl=url, Entries=entries("fine", "\x00"))

    assert ["0"] == [one["Id"] for one in answer["Successful"]]
    assert [("1", True, "InvalidMessageContents")] == [
        (one["Id"], one["SenderFault"], one["Code"]) for one in answer["Failed"]
    ]


def test_messages_are_hidden_and_deleted_in_batches(queues: QueueWorld) -> None:
    url = queues.queue("q")
    queues.sqs.send_message_batch(QueueUrl=url, Entries=entries("a", "b"))
    handles = [{"Id": str(i), "ReceiptHandle": one["ReceiptHandle"]} for i, one in enumerate(queues.receive(url, 2))]

    hidden = [{**one, "VisibilityTimeout": 100} for one in handles]
    queues.sqs.change_message_visibility_batch(QueueUrl=url, Entries=hidden)
    queues.later(99)
    assert (0, 2, 0) == queues.counts(url)
    queues.sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    assert (0, 0, 0) == queues.counts(url)


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        (entries(*"abcdefghijk"), "TooManyEntriesInBatchRequest"),
        ([{"Id": "same", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "not one", "MessageBody": "x"}], "InvalidBatchEntryId"),
        (entries("x" * MIB, "x"), "BatchRequestTooLong"),
        ([], "EmptyBatchRequest"),
    ],
)
def test_a_batch_that_is_wrong_as_a_whole_is_refused(queues: QueueWorld, batch: list[Any], code: str) -> None:
    url = queues.queue("q")

    with refused(f"AWS.SimpleQueueService.{code}"):
        queues.sqs.send_message_batch(QueueUrl=url, Entries=batch)
    assert (0, 0, 0) == queues.counts(url)
