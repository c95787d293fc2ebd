"""Messages and time: visibility, handles, delays, retention, long polls.

Source: SQS API reference and developer guide.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.unit.emulators.aws.conftest import refused
from tests.unit.emulators.aws.queue_world import QueueWorld, put


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
