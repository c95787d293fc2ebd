"""Queues themselves: names, attributes, tags, counts, purges, deletion.

Source: SQS API reference and developer guide.
"""

from __future__ import annotations

import pytest

from tests.unit.emulators.aws.conftest import refused
from tests.unit.emulators.aws.queue_world import QueueWorld, put


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
