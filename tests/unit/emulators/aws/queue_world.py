"""Queues for tests: a fresh account whose clock stands still, and short ways to send and receive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulators.aws.account import Account

FIFO = {"FifoQueue": "true"}
PER_GROUP = {**FIFO, "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}


class QueueWorld:
    """SQS of one account through a plain boto3 client."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.sqs = account.client("sqs")

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.account.clock.advance(seconds)

    def queue(self, name: str = "q.fifo", **attributes: str) -> str:
        """Make a queue and return its URL; high-throughput FIFO by its name, unless attributes say more."""
        wanted = {**(PER_GROUP if name.endswith(".fifo") else {}), **attributes}
        return str(self.sqs.create_queue(QueueName=name, Attributes=wanted)["QueueUrl"])

    def with_dead_letters(self, receives: int, suffix: str = ".fifo") -> tuple[str, str]:
        """Make a queue whose messages end in another one after this many receives; return both URLs."""
        dead = self.queue(f"dead{suffix}")
        policy = json.dumps({"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": str(receives)})
        return self.queue(f"q{suffix}", RedrivePolicy=policy), dead

    def arn(self, url: str) -> str:
        """Return a queue's ARN."""
        return self.attribute(url, "QueueArn")

    def attribute(self, url: str, name: str) -> str:
        """Return one attribute of a queue."""
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        return str(found[name])

    def counts(self, url: str) -> tuple[int, int, int]:
        """Return how many messages are visible, in flight and delayed."""
        names = [f"ApproximateNumberOfMessages{state}" for state in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        visible, flying, delayed = (int(found[name]) for name in names)
        return visible, flying, delayed

    def send(self, url: str, body: str, group: str = "g", deduplication: str = "") -> dict[str, Any]:
        """Send to a FIFO queue; the body is the deduplication id unless one is given."""
        ids = {"MessageGroupId": group, "MessageDeduplicationId": deduplication or body}
        return dict(self.sqs.send_message(QueueUrl=url, MessageBody=body, **ids))

    def receive(self, url: str, most: int = 1, **options: Any) -> list[dict[str, Any]]:
        """Receive without waiting."""
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=most, MessageSystemAttributeNames=["All"], **options
        )
        return list(answer.get("Messages", ()))

    def bodies(self, url: str, most: int = 10) -> list[str]:
        """Receive and return the bodies."""
        return [message["Body"] for message in self.receive(url, most)]

    def delete(self, url: str, message: dict[str, Any]) -> None:
        """Acknowledge a message."""
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def show_again(self, url: str, message: dict[str, Any], seconds: int = 0) -> None:
        """Change how long a message stays hidden."""
        self.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )


def put(queues: QueueWorld, url: str, body: str = "x", **options: Any) -> dict[str, Any]:
    """Send a message of a standard queue, or one with options of its own."""
    return dict(queues.sqs.send_message(QueueUrl=url, MessageBody=body, **options))
