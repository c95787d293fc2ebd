"""FIFO queues: order within a group, one consumer a group, and no duplicate within five minutes.

Source: SQS developer guide, "FIFO queue delivery logic", "exactly-once processing", "high throughput for FIFO queues".
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.unit.emulators.aws.conftest import refused
from tests.unit.emulators.aws.queue_world import FIFO, QueueWorld


def test_a_group_with_a_message_in_flight_gives_no_other(queues: QueueWorld) -> None:
    url = queues.queue()
    queues.send(url, "one")
    queues.send(url, "two")

    (first,) = queues.receive(url)

    assert "one" == first["Body"]
    assert [] == queues.receive(url)
    queues.delete(url, first)
    assert ["two"] == queues.bodies(url)


def test_other_groups_go_on_meanwhile(queues: QueueWorld) -> None:
    url = queues.queue()
    queues.send(url, "one", "a")
    queues.send(url, "two", "b")

    assert [["one"], ["two"], []] == [queues.bodies(url, 1) for _ in range(3)]


def test_one_receive_may_take_several_messages_of_a_group_in_order(queues: QueueWorld) -> None:
    url = queues.queue()
    for body in ("one", "two", "three"):
        queues.send(url, body)

    assert ["one", "two"] == queues.bodies(url, 2)
    assert [] == queues.bodies(url)


def test_a_failed_message_comes_again_before_those_behind_it(queues: QueueWorld) -> None:
    url = queues.queue()
    for body in ("one", "two"):
        queues.send(url, body)
    queues.receive(url)

    queues.later(30)

    (again,) = queues.receive(url)
    assert ("one", "2") == (again["Body"], again["Attributes"]["ApproximateReceiveCount"])


def test_sequence_numbers_rise_and_tell_the_order(queues: QueueWorld) -> None:
    url = queues.queue()

    sent = [queues.send(url, body)["SequenceNumber"] for body in ("one", "two", "three")]

    assert sorted(sent, key=int) == sent
    assert 20 == len(sent[0])
    assert sent == [one["Attributes"]["SequenceNumber"] for one in queues.receive(url, 3)]


def test_a_repeated_deduplication_id_is_answered_with_the_first_message(queues: QueueWorld) -> None:
    url = queues.queue()

    first, second = (queues.send(url, body, deduplication="x") for body in ("one", "again"))

    assert (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])
    assert ["one"] == queues.bodies(url)


def test_a_deleted_message_is_remembered_for_five_minutes(queues: QueueWorld) -> None:
    url = queues.queue()
    queues.send(url, "one", deduplication="x")
    queues.delete(url, queues.receive(url)[0])

    queues.later(299)
    queues.send(url, "within", deduplication="x")
    assert [] == queues.bodies(url)

    queues.later(1)
    queues.send(url, "after", deduplication="x")
    assert ["after"] == queues.bodies(url)


def test_a_repetition_does_not_make_the_five_minutes_longer(queues: QueueWorld) -> None:
    url = queues.queue()
    for wait in (0, 200, 100):
        queues.later(wait)
        queues.send(url, f"{wait}", deduplication="x")

    assert ["0", "100"] == queues.bodies(url)


@pytest.mark.parametrize(("attributes", "seen"), [({}, ["one", "two"]), ({"DeduplicationScope": "queue"}, ["one"])])
def test_duplicates_are_looked_for_in_the_group_or_in_the_whole_queue(
    queues: QueueWorld, attributes: dict[str, str], seen: list[str]
) -> None:
    scope = {"FifoThroughputLimit": "perQueue", **attributes} if attributes else {}
    url = queues.queue(**scope)
    queues.send(url, "one", "a", "x")
    queues.send(url, "two", "b", "x")

    assert seen == queues.bodies(url)


def test_a_throughput_limit_per_group_needs_deduplication_per_group(queues: QueueWorld) -> None:
    with refused("InvalidAttributeValue", "FifoThroughputLimit"):
        queues.queue(DeduplicationScope="queue")


def test_a_plain_fifo_queue_looks_for_duplicates_in_the_whole_queue(queues: QueueWorld) -> None:
    made = queues.sqs.create_queue(QueueName="plain.fifo", Attributes=FIFO)["QueueUrl"]

    assert ("queue", "perQueue") == tuple(
        queues.attribute(made, name) for name in ("DeduplicationScope", "FifoThroughputLimit")
    )


def test_a_content_based_id_is_the_digest_of_the_body(queues: QueueWorld) -> None:
    url = queues.queue(ContentBasedDeduplication="true")
    for body in ("same", "same", "other"):
        queues.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")

    assert ["same", "other"] == queues.bodies(url)


def test_a_message_without_group_or_deduplication_id_is_refused(queues: QueueWorld) -> None:
    url = queues.queue()

    with refused("MissingParameter", "MessageGroupId"):
        queues.sqs.send_message(QueueUrl=url, MessageBody="x")
    with refused("InvalidParameterValue", "ContentBasedDeduplication"):
        queues.sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("wrong", ["x" * 129, "with space", "ü"])
def test_ids_have_at_most_128_printable_characters(queues: QueueWorld, name: str, wrong: str) -> None:
    url = queues.queue()
    ids = {"MessageGroupId": "x" * 128, "MessageDeduplicationId": "x" * 128}
    queues.sqs.send_message(QueueUrl=url, MessageBody="x", **ids)

    with refused("InvalidParameterValue", name):
        queues.sqs.send_message(QueueUrl=url, MessageBody="x", **{**ids, name: wrong})


def test_a_message_of_a_fifo_queue_has_no_delay_of_its_own(queues: QueueWorld) -> None:
    url = queues.queue()
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "x"}

    with refused("InvalidParameterValue", "not valid for this queue type"):
        queues.sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=1, **ids)


def test_a_fifo_queue_may_delay_all_its_messages_and_keeps_their_order(queues: QueueWorld) -> None:
    url = queues.queue(DelaySeconds="10")
    queues.send(url, "one")
    queues.later(5)
    queues.send(url, "two")

    queues.later(5)

    assert ["one"] == queues.bodies(url)


def test_a_message_is_deleted_by_its_last_handle_in_time_only(queues: QueueWorld) -> None:
    url = queues.queue()
    queues.send(url, "one")
    (first,) = queues.receive(url)
    queues.later(30)
    with refused("InvalidParameterValue", "The receipt handle has expired."):
        queues.delete(url, first)

    (second,) = queues.receive(url)
    with refused("InvalidParameterValue", "The receipt handle has expired."):
        queues.delete(url, first)
    queues.delete(url, second)
    queues.delete(url, second)

    assert (0, 0, 0) == queues.counts(url)


def test_an_expired_handle_does_not_hide_a_message_again(queues: QueueWorld) -> None:
    url = queues.queue()
    queues.send(url, "one")
    (first,) = queues.receive(url)
    queues.later(30)

    with refused("InvalidParameterValue", "expired"):
        queues.show_again(url, first, 60)


def test_dead_letters_leave_their_group_to_the_messages_behind_and_keep_their_order(queues: QueueWorld) -> None:
    url, dead = queues.with_dead_letters(1)
    for body in ("poison", "bitter", "fine"):
        queues.send(url, body)
    seen = []
    for _ in range(3):
        (message,) = queues.receive(url)
        seen.append(message["Body"])
        if message["Body"] == "fine":
            queues.delete(url, message)
        queues.later(30)

    assert ["poison", "bitter", "fine"] == seen
    assert (0, 0, 0) == queues.counts(url)
    assert ["poison", "bitter"] == queues.bodies(dead)


def test_a_dead_letter_carries_its_own_id_as_deduplication_id_and_names_its_source(queues: QueueWorld) -> None:
    url, dead = queues.with_dead_letters(1)
    for group in ("a", "b"):
        queues.send(url, group, group, "the-same")
    queues.receive(url, 2)
    queues.later(30)
    queues.receive(url)

    found = queues.receive(dead, 2)

    assert ["a", "b"] == [one["Attributes"]["MessageGroupId"] for one in found]
    assert [one["MessageId"] for one in found] == [one["Attributes"]["MessageDeduplicationId"] for one in found]
    assert {queues.arn(url)} == {one["Attributes"]["DeadLetterQueueSourceArn"] for one in found}


def test_many_waiting_consumers_get_one_message_of_a_group_at_a_time(queues: QueueWorld) -> None:
    url = queues.queue()
    got: list[list[dict[str, Any]]] = []
    wait = [
        threading.Thread(target=lambda: got.append(queues.receive(url, WaitTimeSeconds=2, VisibilityTimeout=60)))
        for _ in range(3)
    ]
    for thread in wait:
        thread.start()
    for body in ("one", "two", "three"):
        queues.send(url, body)
    queues.later(2)
    for thread in wait:
        thread.join()

    assert ["one"] == [message["Body"] for messages in got for message in messages]
