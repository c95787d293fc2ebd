"""SQS as its developer guide tells it, over HTTP, as the event source uses it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.event_source import EventSource
from emulators.aws.server import AwsEmulator

FIFO = {"FifoQueue": "true", "VisibilityTimeout": "30"}


@pytest.fixture
def sqs() -> Iterator[Any]:
    with AwsEmulator() as emulator:
        yield emulator.client("sqs")


def make(sqs: Any, name: str, **attributes: str) -> str:
    return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def send(sqs: Any, url: str, body: str, group: str = "g", deduplication: str = "") -> None:
    sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=deduplication or body)


def receive(sqs: Any, url: str, wait: int = 0) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=wait, AttributeNames=["All"])
    return list(answer.get("Messages", ()))


def test_a_group_with_a_message_in_flight_gives_no_second_one(sqs: Any) -> None:
    url = make(sqs, "q.fifo", **FIFO)
    for body in ("one", "two"):
        send(sqs, url, body)

    (first,) = receive(sqs, url)
    assert "one" == first["Body"]
    assert [] == receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert ["two"] == [one["Body"] for one in receive(sqs, url)]


def test_many_waiting_consumers_get_one_message_of_a_group_at_a_time(sqs: Any) -> None:
    url = make(sqs, "q.fifo", **FIFO)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.extend(m["Body"] for m in receive(sqs, url, 2))) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    for body in ("one", "two", "three"):
        send(sqs, url, body)
    for thread in threads:
        thread.join()

    assert ["one"] == got


def test_other_groups_go_on_meanwhile(sqs: Any) -> None:
    url = make(sqs, "q.fifo", **FIFO)
    send(sqs, url, "one", "a")
    send(sqs, url, "two", "b")

    assert {"one", "two"} == {one["Body"] for _ in range(2) for one in receive(sqs, url)}


def test_the_same_deduplication_id_is_one_message(sqs: Any) -> None:
    url = make(sqs, "q.fifo", **FIFO)
    send(sqs, url, "one", deduplication="x")
    send(sqs, url, "again", deduplication="x")

    (first,) = receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert "one" == first["Body"]
    assert [] == receive(sqs, url)


def test_a_long_poll_answers_as_soon_as_a_message_comes(sqs: Any) -> None:
    url = make(sqs, "q")
    timer = threading.Timer(0.3, lambda: sqs.send_message(QueueUrl=url, MessageBody="late"))
    timer.start()
    started = time.monotonic()

    assert ["late"] == [one["Body"] for one in receive(sqs, url, 10)]
    assert time.monotonic() - started < 3


def test_a_long_poll_holds_up_no_other_call(sqs: Any) -> None:
    url = make(sqs, "q")
    thread = threading.Thread(target=receive, args=(sqs, url, 2))
    thread.start()
    time.sleep(0.1)
    started = time.monotonic()
    sqs.get_queue_url(QueueName="q")

    assert time.monotonic() - started < 1
    sqs.send_message(QueueUrl=url, MessageBody="end")
    thread.join()


def test_a_message_that_becomes_visible_again_counts_its_receives(sqs: Any) -> None:
    url = make(sqs, "q.fifo", **FIFO)
    send(sqs, url, "one")
    (first,) = receive(sqs, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)

    (second,) = receive(sqs, url, 2)
    assert "2" == second["Attributes"]["ApproximateReceiveCount"]


def test_a_delayed_message_waits(sqs: Any) -> None:
    url = make(sqs, "q")
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)

    assert [] == receive(sqs, url)
    assert ["later"] == [one["Body"] for one in receive(sqs, url, 5)]


def _with_dead_letters(sqs: Any, receives: int) -> tuple[str, str]:
    dead = make(sqs, "dead.fifo", **FIFO)
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(receives)})
    return make(sqs, "q.fifo", **FIFO, RedrivePolicy=policy), dead


def test_poison_ends_in_the_dead_letter_queue_and_the_rest_of_its_group_goes_on(sqs: Any) -> None:
    url, dead = _with_dead_letters(sqs, 2)
    seen: list[str] = []

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        (record,) = event["Records"]
        seen.append(record["body"])
        failed = [{"itemIdentifier": record["messageId"]}] if record["body"] == "poison" else []
        return {"batchItemFailures": failed}

    for body in ("poison", "fine"):
        send(sqs, url, body)
    with EventSource(sqs, url, handler, workers=2, retry_visibility=0) as source:
        deadline = time.monotonic() + 10
        while "fine" not in seen and time.monotonic() < deadline:
            time.sleep(0.05)

    assert ["poison", "poison", "fine"] == seen
    assert (2, 1) == (source.counts.failed, source.counts.succeeded)
    assert ["poison"] == [one["Body"] for one in receive(sqs, dead)]


def test_a_function_that_raises_gets_the_message_again(sqs: Any, caplog: pytest.LogCaptureFixture) -> None:
    url = make(sqs, "q.fifo", **FIFO)
    seen: list[str] = []

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        seen.append(event["Records"][0]["attributes"]["ApproximateReceiveCount"])
        if len(seen) == 1:
            raise RuntimeError("a bug")
        return {}

    send(sqs, url, "one")
    with EventSource(sqs, url, handler, workers=1, retry_visibility=0):
        deadline = time.monotonic() + 10
        while len(seen) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)

    assert ["1", "2"] == seen
    assert "the function raised" in caplog.text


def test_groups_run_in_parallel_and_each_in_order(sqs: Any) -> None:
    url = make(sqs, "q.fifo", **FIFO)
    running, most, order = 0, 0, dict[str, list[str]]()
    lock = threading.Lock()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        nonlocal running, most
        record = event["Records"][0]
        with lock:
            running += 1
            most = max(most, running)
            order.setdefault(record["attributes"]["MessageGroupId"], []).append(record["body"])
        time.sleep(0.2)
        assert context.get_remaining_time_in_millis() > 0
        with lock:
            running -= 1
        return {}

    for number in range(3):
        for group in ("a", "b"):
            send(sqs, url, f"{group}{number}", group)
    with EventSource(sqs, url, handler, workers=4):
        deadline = time.monotonic() + 10
        while sum(map(len, order.values())) < 6 and time.monotonic() < deadline:
            time.sleep(0.05)

    assert {"a": ["a0", "a1", "a2"], "b": ["b0", "b1", "b2"]} == order
    assert 2 == most
