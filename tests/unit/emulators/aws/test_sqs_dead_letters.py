"""Dead letters: when a message becomes one, and how it is brought back.

Source: SQS API reference and developer guide.
"""

from __future__ import annotations

import json

import pytest

from tests.unit.emulators.aws.conftest import refused
from tests.unit.emulators.aws.queue_world import QueueWorld, put


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
