"""The stand-in of Lambda's SQS event source.

Source: Lambda developer guide, "Using Lambda with Amazon SQS" and "Error handling for an SQS event source".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from emulators.aws.event_source import EventSource
from emulators.aws.server import AwsEmulator
from tests.unit.emulators.aws.queue_world import QueueWorld


def source_of(
    queues: QueueWorld, url: str, handler: Callable[[dict[str, Any], Any], Any], **options: Any
) -> EventSource:
    return EventSource(queues.sqs, url, handler, clock=queues.account.clock, **options)


def until(holds: Callable[[], bool]) -> bool:
    """Wait for another thread, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


class Function:
    """A function that notes what it got and answers by body: an exception to raise, or an answer."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.seen: list[list[str]] = []
        self.events: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any], _context: Any) -> Any:
        """Take Lambda's event."""
        bodies = [record["body"] for record in event["Records"]]
        self.seen.append(bodies)
        self.events.append(event)
        answer = self.answers.get(bodies[0])
        if isinstance(answer, Exception):
            raise answer
        return answer(event) if callable(answer) else answer


def failing(event: dict[str, Any]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}


def test_the_event_is_lambdas(queues: QueueWorld) -> None:
    url, function = queues.queue(), Function()
    sent = queues.send(url, "one", "group")

    assert 1 == source_of(queues, url, function).poll()

    (record,) = function.events[0]["Records"]
    assert ("one", sent["MessageId"], "aws:sqs") == (record["body"], record["messageId"], record["eventSource"])
    assert (queues.arn(url), "us-east-1") == (record["eventSourceARN"], record["awsRegion"])
    assert ("group", "1") == tuple(record["attributes"][k] for k in ("MessageGroupId", "ApproximateReceiveCount"))
    assert (0, 0, 0) == queues.counts(url)


@pytest.mark.parametrize(
    "answer",
    [
        failing,
        RuntimeError("a bug"),
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"wrongKey": "x"}]},
    ],
)
def test_what_failed_stays_for_its_visibility_timeout(queues: QueueWorld, answer: Any) -> None:
    url, function = queues.queue(), Function(one=answer)
    queues.send(url, "one")
    source = source_of(queues, url, function)

    assert [1, 0] == [source.poll(), source.poll()]

    assert (0, 1, 0) == queues.counts(url)
    queues.later(30)
    assert 1 == source.poll()
    assert ["1", "2"] == [event["Records"][0]["attributes"]["ApproximateReceiveCount"] for event in function.events]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_whatever_names_no_failure_is_success(queues: QueueWorld, answer: Any) -> None:
    url = queues.queue()
    queues.send(url, "one")

    source_of(queues, url, Function(one=answer)).poll()

    assert (0, 0, 0) == queues.counts(url)


def test_without_report_failures_what_a_function_returns_does_not_matter(queues: QueueWorld) -> None:
    url = queues.queue()
    queues.send(url, "one")

    source_of(queues, url, Function(one=failing), report_failures=False).poll()

    assert (0, 0, 0) == queues.counts(url)


def test_of_a_batch_only_what_is_named_comes_again(queues: QueueWorld) -> None:
    url, function = queues.queue("q"), Function(a=failing)
    for body in ("a", "b", "c"):
        queues.sqs.send_message(QueueUrl=url, MessageBody=body)
    source = source_of(queues, url, function, batch_size=10)

    source.poll()
    queues.later(30)
    source.poll()

    assert [["a", "b", "c"], ["a"]] == function.seen
    assert (4, 2, 2) == (source.counts.received, source.counts.succeeded, source.counts.failed)


def test_poison_ends_in_the_dead_letter_queue_and_the_rest_of_its_group_goes_on(queues: QueueWorld) -> None:
    url, dead = queues.with_dead_letters(2)
    function = Function(poison=failing)
    for body in ("poison", "fine"):
        queues.send(url, body)
    source = source_of(queues, url, function)

    for _ in range(3):
        source.poll()
        queues.later(30)

    assert [["poison"], ["poison"], ["fine"]] == function.seen
    assert (["poison"], (0, 0, 0)) == (queues.bodies(dead), queues.counts(url))


def test_a_function_that_takes_too_long_has_failed(queues: QueueWorld, caplog: pytest.LogCaptureFixture) -> None:
    url, go_on, left = queues.queue(), threading.Event(), list[int]()

    def hangs(_event: dict[str, Any], context: Any) -> None:
        left.append(context.get_remaining_time_in_millis())
        go_on.wait(10)
        left.append(context.get_remaining_time_in_millis())

    queues.send(url, "one")
    source = source_of(queues, url, hangs, timeout=20)
    poller = threading.Thread(target=source.poll)
    poller.start()
    assert until(lambda: len(left) == 1)

    queues.later(20)
    poller.join(10)
    go_on.set()

    assert until(lambda: len(left) == 2)
    assert ([20_000, 0], 1) == (left, source.counts.timed_out)
    assert (0, 1, 0) == queues.counts(url)
    assert "timed out after 20 s" in caplog.text


def test_a_timeout_longer_than_the_visibility_is_no_mapping(queues: QueueWorld) -> None:
    source = source_of(queues, queues.queue(), Function(), timeout=31)

    with pytest.raises(ValueError, match="Queue visibility timeout: 30 seconds is less than Function timeout: 31"):
        source.start()


def test_a_batch_has_at_most_ten_messages(queues: QueueWorld) -> None:
    with pytest.raises(ValueError, match="expected 1 to 10"):
        source_of(queues, queues.queue(), Function(), batch_size=11).start()


@pytest.mark.parametrize(("groups", "workers", "at_once"), [(3, 2, 2), (2, 4, 2), (1, 4, 1)])
def test_as_many_run_at_once_as_there_are_groups_and_the_mapping_allows(
    queues: QueueWorld, groups: int, workers: int, at_once: int
) -> None:
    url, order, go_on = queues.queue(), dict[str, list[str]](), threading.Event()

    def handler(event: dict[str, Any], _context: Any) -> None:
        (record,) = event["Records"]
        go_on.wait(10)
        order.setdefault(record["attributes"]["MessageGroupId"], []).append(record["body"])

    for number in range(3):
        for group in range(groups):
            queues.send(url, f"{number}{group}", f"g{group}")
    with source_of(queues, url, handler, workers=workers) as source:
        assert until(lambda: source.counts.most_at_once == at_once)
        go_on.set()
        assert until(lambda: sum(map(len, order.values())) == 3 * groups)

    assert {f"g{group}": [f"{number}{group}" for number in range(3)] for group in range(groups)} == order
    assert at_once == source.counts.most_at_once


def test_a_poller_outlives_a_queue_that_does_not_answer(queues: QueueWorld, caplog: pytest.LogCaptureFixture) -> None:
    url, function = queues.queue(), Function()
    source = source_of(queues, url, function, workers=1)
    source._check()
    queues.sqs.delete_queue(QueueUrl=url)

    thread = threading.Thread(target=source._poll)
    thread.start()
    assert until(lambda: "polling again" in caplog.text)
    queues.later(60)
    queues.queue()
    queues.send(url, "one")
    assert until(lambda: function.seen == [["one"]])
    source.stop()
    thread.join(10)


def test_it_works_over_http_and_holds_up_no_other_call() -> None:
    with AwsEmulator() as emulator:
        sqs, function = emulator.client("sqs"), Function(one=RuntimeError("first"))
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        with EventSource(sqs, url, function, workers=2, retry_visibility=0) as source:
            function.answers = {}
            started = time.monotonic()
            sqs.send_message(QueueUrl=url, MessageBody="one")
            assert time.monotonic() - started < 1
            assert until(lambda: source.counts.succeeded == 1)
        assert [["one"]] == function.seen


def test_a_story_on_a_laptop_sees_a_failed_message_at_once(queues: QueueWorld) -> None:
    url, function = queues.queue(), Function(one=failing)
    queues.send(url, "one")
    source = source_of(queues, url, function, retry_visibility=0)

    assert [1, 1] == [source.poll(), source.poll()]
