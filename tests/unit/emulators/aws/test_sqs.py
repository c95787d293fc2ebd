"""Queues of both types: sizes, visibility, delays, dead letters, redrive, purge, attributes, batches.

Source: SQS API reference and developer guide.
"""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.unit.emulators.aws.conftest import refused
from tests.unit.emulators.aws.queue_world import QueueWorld

MIB = 1_048_576


def put(queues: QueueWorld, url: str, body: str = "x", **options: Any) -> dict[str, Any]:
    return dict(queues.sqs.send_message(QueueUrl=url, MessageBody=body, **options))


# --- messages -----------------------------------------------------------------------------------------------------


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


# --- time ---------------------------------------------------------------------------------------------------------


def test_a_message_is_hidden_for_the_visibility_timeout(queues: QueueWorld) -> None:
    url = queues.queue("q", VisibilityTimeout="40")
    put(queues, url)

    assert 1 == len(queues.receive(url))
    queues.later(39)
    assert [] == queues.receive(url)
    queues.later(1)
    (again,) = queues.receive(url)
    assert "2" == again["Attributes"]["ApproximateReceiveCount"]


def test_a_receive_may_ask_for_a_visibility_of_its_own(queues: QueueWorld) -> None:
    url = queues.queue("q")
    put(queues, url)
    queues.receive(url, VisibilityTimeout=5)

    queues.later(5)

    assert 1 == len(queues.receive(url))


def test_visibility_can_be_prolonged_from_now_on_and_ended(queues: QueueWorld) -> None:
    url = queues.queue("q")
    put(queues, url)
    (message,) = queues.receive(url)
    queues.later(20)
    queues.show_again(url, message, 60)
    queues.later(59)
    assert [] == queues.receive(url)

    queues.show_again(url, message)

    assert 1 == len(queues.receive(url))


def test_visibility_never_exceeds_twelve_hours_from_the_receive(queues: QueueWorld) -> None:
    url = queues.queue("q")
    put(queues, url)
    (message,) = queues.receive(url)
    queues.later(1)

    with refused("InvalidParameterValue", "Total VisibilityTimeout"):
        queues.show_again(url, message, 43_200)
    with refused("InvalidParameterValue", "between 0 and 43200"):
        queues.show_again(url, message, 43_201)


def test_a_message_that_is_not_in_flight_cannot_be_hidden(queues: QueueWorld) -> None:
    url = queues.queue("q")
    put(queues, url)
    (message,) = queues.receive(url)
    queues.later(30)

    with refused("AWS.SimpleQueueService.MessageNotInflight"):
        queues.show_again(url, message, 10)
    (again,) = queues.receive(url)
    queues.delete(url, again)
    with refused("InvalidParameterValue", "does not exist"):
        queues.show_again(url, again, 10)


def test_a_standard_queue_deletes_by_the_last_handle_and_takes_an_older_one_without_effect(queues: QueueWorld) -> None:
    url = queues.queue("q")
    put(queues, url)
    (old,) = queues.receive(url)
    queues.later(30)
    (new,) = queues.receive(url)
    assert old["ReceiptHandle"] != new["ReceiptHandle"]

    queues.delete(url, old)
    assert (0, 1, 0) == queues.counts(url)
    queues.delete(url, new)
    assert (0, 0, 0) == queues.counts(url)


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_text_that_is_no_receipt_handle_is_refused(queues: QueueWorld, suffix: str) -> None:
    url = queues.queue(f"q{suffix}")

    with refused("ReceiptHandleIsInvalid"):
        queues.sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense")


def test_a_handle_of_another_queue_is_refused(queues: QueueWorld) -> None:
    here, there = queues.queue("here"), queues.queue("there")
    put(queues, here)
    (message,) = queues.receive(here)

    with refused("ReceiptHandleIsInvalid"):
        queues.delete(there, message)


def test_a_delayed_message_waits_its_time(queues: QueueWorld) -> None:
    url = queues.queue("later")
    put(queues, url, DelaySeconds=900)

    queues.later(899)
    assert ([], (0, 0, 1)) == (queues.receive(url), queues.counts(url))
    queues.later(1)
    assert (1, 0, 0) == queues.counts(url)
    assert 1 == len(queues.receive(url))


@pytest.mark.parametrize("delay", [-1, 901])
def test_a_delay_is_at_most_fifteen_minutes(queues: QueueWorld, delay: int) -> None:
    with refused("InvalidParameterValue", "DelaySeconds must be >= 0 and <= 900"):
        put(queues, queues.queue("q"), DelaySeconds=delay)


def test_a_message_may_undo_its_queues_delay(queues: QueueWorld) -> None:
    url = queues.queue("q", DelaySeconds="60")
    put(queues, url, "now", DelaySeconds=0)
    put(queues, url, "later")

    assert ["now"] == queues.bodies(url)


def test_a_message_is_forgotten_after_the_retention_period(queues: QueueWorld) -> None:
    url = queues.queue("q", MessageRetentionPeriod="60")
    put(queues, url)

    queues.later(61)

    assert ((0, 0, 0), []) == (queues.counts(url), queues.receive(url))


def test_a_long_poll_answers_as_soon_as_a_message_comes(queues: QueueWorld) -> None:
    url = queues.queue("q")
    got: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: got.extend(queues.receive(url, WaitTimeSeconds=20)))
    waiting.start()

    put(queues, url, "one")
    waiting.join(10)

    assert ["one"] == [message["Body"] for message in got]


def test_a_long_poll_sees_what_time_alone_makes_visible(queues: QueueWorld) -> None:
    url = queues.queue("q", ReceiveMessageWaitTimeSeconds="20")
    put(queues, url, "one", DelaySeconds=10)
    got: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: got.extend(queues.receive(url)))
    waiting.start()

    queues.later(10)
    waiting.join(10)

    assert ["one"] == [message["Body"] for message in got]


@pytest.mark.parametrize(
    "options", [{"MaxNumberOfMessages": 11}, {"WaitTimeSeconds": 21}, {"VisibilityTimeout": 43_201}]
)
def test_a_receive_has_bounds(queues: QueueWorld, options: dict[str, int]) -> None:
    url = queues.queue("q")

    with refused("InvalidParameterValue", next(iter(options))):
        queues.sqs.receive_message(QueueUrl=url, **options)


# --- dead letters and redrive -------------------------------------------------------------------------------------


def test_a_message_goes_to_the_dead_letters_when_it_would_be_received_once_too_often(queues: QueueWorld) -> None:
    url, dead = queues.with_dead_letters(2, "")
    put(queues, url, "poison")
    for _ in range(2):
        assert ["poison"] == queues.bodies(url)
        queues.later(30)
    assert 0 == queues.counts(dead)[0]

    assert [] == queues.bodies(url)

    assert (1, 0, 0) == queues.counts(dead)
    assert ["poison"] == queues.bodies(dead)


def test_dead_letters_go_to_a_queue_of_the_same_type_that_exists(queues: QueueWorld) -> None:
    dead = queues.arn(queues.queue("dead"))
    for target, text in ((dead, "same type"), (dead + "s", "does not exist")):
        policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": "5"})
        with refused("InvalidParameterValue", text):
            queues.queue("q.fifo", RedrivePolicy=policy)


@pytest.mark.parametrize("receives", ["0", "1001"])
def test_a_policy_allows_1_to_1000_receives(queues: QueueWorld, receives: str) -> None:
    policy = json.dumps({"deadLetterTargetArn": "arn", "maxReceiveCount": receives})

    with refused("InvalidParameterValue", "maxReceiveCount"):
        queues.queue("q", RedrivePolicy=policy)


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_a_redrive_brings_dead_letters_back_as_new_messages(queues: QueueWorld, suffix: str) -> None:
    url, dead = queues.with_dead_letters(1, suffix)
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "x"} if suffix else {}
    first = put(queues, url, "poison", **ids)["MessageId"]
    queues.receive(url)
    queues.later(30)
    queues.receive(url)

    queues.sqs.start_message_move_task(SourceArn=queues.arn(dead))

    (task,) = queues.sqs.list_message_move_tasks(SourceArn=queues.arn(dead))["Results"]
    assert ("COMPLETED", 1) == (task["Status"], task["ApproximateNumberOfMessagesMoved"])
    (again,) = queues.receive(url)
    assert ("poison", "1") == (again["Body"], again["Attributes"]["ApproximateReceiveCount"])
    assert first != again["MessageId"]
    assert (0, 0, 0) == queues.counts(dead)


def dead_letters(queues: QueueWorld, number: int) -> tuple[str, str]:
    url, dead = queues.with_dead_letters(1, "")
    for _ in range(number):
        put(queues, url)
    queues.receive(url, 10)
    queues.later(30)
    queues.receive(url, 10)
    return url, dead


def test_a_redrive_keeps_to_its_rate_and_there_is_one_at_a_time(queues: QueueWorld) -> None:
    url, dead = dead_letters(queues, 5)
    source = queues.arn(dead)
    queues.sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=2)

    assert (2, 3) == (queues.counts(url)[0], queues.counts(dead)[0])
    with refused("AWS.SimpleQueueService.UnsupportedOperation"):
        queues.sqs.start_message_move_task(SourceArn=source)
    queues.later(1)
    assert 4 == queues.counts(url)[0]
    queues.later(1)
    (task,) = queues.sqs.list_message_move_tasks(SourceArn=source)["Results"]
    assert ("COMPLETED", 5) == (task["Status"], task["ApproximateNumberOfMessagesMoved"])


def test_a_cancelled_redrive_leaves_the_rest(queues: QueueWorld) -> None:
    url, dead = dead_letters(queues, 5)
    task = queues.sqs.start_message_move_task(SourceArn=queues.arn(dead), MaxNumberOfMessagesPerSecond=2)["TaskHandle"]

    queues.sqs.cancel_message_move_task(TaskHandle=task)
    queues.later(60)

    assert (2, 3) == (queues.counts(url)[0], queues.counts(dead)[0])
    with refused("ResourceNotFoundException"):
        queues.sqs.cancel_message_move_task(TaskHandle=task)


def test_only_dead_letters_of_a_queue_are_redriven_and_only_to_the_same_type(queues: QueueWorld) -> None:
    url, dead = queues.with_dead_letters(1)
    with refused("InvalidParameterValue", "Dead Letter Queue"):
        queues.sqs.start_message_move_task(SourceArn=queues.arn(url))
    with refused("InvalidParameterValue", "same type"):
        queues.sqs.start_message_move_task(SourceArn=queues.arn(dead), DestinationArn=queues.arn(queues.queue("s")))
    with refused("ResourceNotFoundException"):
        queues.sqs.start_message_move_task(SourceArn=queues.arn(dead) + "x")


def test_a_dead_letter_queue_knows_its_sources(queues: QueueWorld) -> None:
    url, dead = queues.with_dead_letters(1)

    assert [url] == queues.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]


# --- queues -------------------------------------------------------------------------------------------------------


def test_a_purge_takes_messages_in_flight_too_and_comes_once_a_minute(queues: QueueWorld) -> None:
    url = queues.queue("q")
    put(queues, url)
    put(queues, url)
    queues.receive(url)

    queues.sqs.purge_queue(QueueUrl=url)

    assert (0, 0, 0) == queues.counts(url)
    with refused("AWS.SimpleQueueService.PurgeQueueInProgress"):
        queues.sqs.purge_queue(QueueUrl=url)
    queues.later(60)
    queues.sqs.purge_queue(QueueUrl=url)


def test_messages_are_counted_by_state(queues: QueueWorld) -> None:
    url = queues.queue("q")
    for delay in (0, 0, 0, 10):
        put(queues, url, DelaySeconds=delay)
    queues.receive(url)

    assert (2, 1, 1) == queues.counts(url)


def test_an_equal_create_is_the_same_queue_and_another_is_refused(queues: QueueWorld) -> None:
    first = queues.queue("q", VisibilityTimeout="40")

    assert first == queues.queue("q", VisibilityTimeout="40") == queues.queue("q")
    with refused("QueueAlreadyExists", "VisibilityTimeout"):
        queues.queue("q", VisibilityTimeout="41")


def test_a_deleted_queue_is_gone_and_its_name_free_after_a_minute(queues: QueueWorld) -> None:
    url = queues.queue("q")
    queues.sqs.delete_queue(QueueUrl=url)

    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        queues.receive(url)
    with pytest.raises(queues.sqs.exceptions.QueueDoesNotExist):
        queues.sqs.get_queue_url(QueueName="q")
    with refused("AWS.SimpleQueueService.QueueDeletedRecently"):
        queues.queue("q")
    queues.later(60)
    assert url == queues.queue("q")


@pytest.mark.parametrize("name", ["", "a.b", "x" * 81, "q.fifo"])
def test_a_name_is_1_to_80_letters_digits_hyphens_and_underscores(queues: QueueWorld, name: str) -> None:
    with refused("InvalidParameterValue"):
        queues.sqs.create_queue(QueueName=name)


def test_a_fifo_queues_name_says_so(queues: QueueWorld) -> None:
    with refused("InvalidParameterValue", "must end with .fifo"):
        queues.sqs.create_queue(QueueName="q", Attributes={"FifoQueue": "true"})


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ({"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"),
        ({"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ({"ReceiveMessageWaitTimeSeconds": "21"}, "InvalidAttributeValue"),
        ({"DeduplicationScope": "messageGroup"}, "InvalidAttributeName"),
        ({"FifoQueue": "true"}, "InvalidAttributeValue"),
        ({"Colour": "blue"}, "InvalidAttributeName"),
    ],
)
def test_attributes_have_names_and_ranges(queues: QueueWorld, attributes: dict[str, str], code: str) -> None:
    url = queues.queue("q")

    with refused(code):
        queues.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def test_changed_attributes_are_read_back(queues: QueueWorld) -> None:
    url = queues.queue("q")

    queues.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "360"})

    everything = queues.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert ("360", "1048576") == (everything["VisibilityTimeout"], everything["MaximumMessageSize"])
    with refused("InvalidAttributeName"):
        queues.attribute(url, "Colour")


def test_queues_are_listed_by_prefix_and_tagged(queues: QueueWorld) -> None:
    one, _ = queues.queue("a-1"), queues.queue("b-1")

    queues.sqs.tag_queue(QueueUrl=one, Tags={"a": "1", "b": "2"})
    queues.sqs.untag_queue(QueueUrl=one, TagKeys=["a"])

    assert [one] == queues.sqs.list_queues(QueueNamePrefix="a")["QueueUrls"]
    assert {"b": "2"} == queues.sqs.list_queue_tags(QueueUrl=one)["Tags"]


# --- batches ------------------------------------------------------------------------------------------------------


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
