"""Attributes of queues: which there are, their defaults and ranges, and what a dead-letter policy must say.

Source: API reference, SetQueueAttributes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulators.aws.errors import AwsError
from emulators.aws.sqs.errors import wrong_value

RANGES = {
    "DelaySeconds": (0, 0, 900),
    "MaximumMessageSize": (1_048_576, 1024, 1_048_576),
    "MessageRetentionPeriod": (345_600, 60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 0, 20),
    "VisibilityTimeout": (30, 0, 43_200),
}
"""Default, lowest, highest."""
CHOICES = {
    "ContentBasedDeduplication": ("false", "true"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
"""FIFO only; the first is the default."""
FREE = frozenset({"Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "RedriveAllowPolicy"})
ENCRYPTION = "SqsManagedSseEnabled"
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
COMPUTED = (*COUNTS, "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp")
MOST_RECEIVES = 1000


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A redrive policy: where a message goes once it was received `receives` times."""

    arn: str
    receives: int


def first_attributes(given: Mapping[str, str]) -> dict[str, str]:
    """Return all attributes of a new queue. Raises AwsError (InvalidAttributeName, InvalidAttributeValue)."""
    found = {name: str(default) for name, (default, _, _) in RANGES.items()} | {ENCRYPTION: "true"}
    if given.get("FifoQueue") == "true":
        found |= {"FifoQueue": "true"} | {name: choices[0] for name, choices in CHOICES.items()}
    return changed(found, given)


def changed(present: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return a queue's attributes after a change; an empty value takes an optional one away. Raises AwsError."""
    fifo = "FifoQueue" in present
    for name, value in given.items():
        _check(name, value, fifo=fifo)
    after = {**present, **given}
    if after.get("FifoThroughputLimit") == "perMessageGroupId" and after["DeduplicationScope"] != "messageGroup":
        raise AwsError(
            "InvalidAttributeValue",
            "Invalid value for the parameter FifoThroughputLimit. Reason: perMessageGroupId requires "
            "DeduplicationScope messageGroup.",
        )
    return {name: value for name, value in after.items() if value}


def dead_letters_of(attributes: Mapping[str, str]) -> DeadLetters | None:
    """Return the redrive policy, if the queue has one."""
    text = attributes.get("RedrivePolicy")
    if not text:
        return None
    policy = json.loads(text)
    return DeadLetters(policy["deadLetterTargetArn"], int(policy["maxReceiveCount"]))


def check_redrive(attributes: Mapping[str, str], exists: Callable[[str], bool | None]) -> None:
    """Refuse a redrive policy whose target is not there or is of the other type.

    Args:
        attributes: of the source queue.
        exists: tells of a queue's ARN whether it is FIFO; None where there is no such queue.

    Raises:
        AwsError: InvalidParameterValue.
    """
    policy = dead_letters_of(attributes)
    if policy is None:
        return
    fifo = exists(policy.arn)
    if fifo is None:
        raise wrong_value(attributes["RedrivePolicy"], "RedrivePolicy", "Dead letter target does not exist.")
    if fifo != ("FifoQueue" in attributes):
        reason = "Dead-letter queue must be same type of queue as the source."
        raise wrong_value(attributes["RedrivePolicy"], "RedrivePolicy", reason)


def _check(name: str, value: str, *, fifo: bool) -> None:
    if name == "FifoQueue":
        if not fifo or value != "true":
            raise AwsError("InvalidAttributeValue", "Invalid value for the parameter FifoQueue.")
    elif name in RANGES:
        _, lowest, highest = RANGES[name]
        if not value.isdigit() or not lowest <= int(value) <= highest:
            raise _bad(name)
    elif name in CHOICES:
        if not fifo:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        if value not in CHOICES[name]:
            raise _bad(name)
    elif name == "RedrivePolicy":
        _check_policy(value)
    elif name not in FREE | {ENCRYPTION}:
        raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")


def _check_policy(value: str) -> None:
    if not value:
        return
    try:
        policy = json.loads(value)
        receives = int(policy["maxReceiveCount"])
        named = isinstance(policy["deadLetterTargetArn"], str)
    except (ValueError, KeyError, TypeError) as error:
        raise wrong_value(value, "RedrivePolicy", "Redrive policy is not a valid JSON map.") from error
    if not named or not 1 <= receives <= MOST_RECEIVES:
        reason = (
            f"Invalid value for maxReceiveCount: {receives}, valid values are from 1 to {MOST_RECEIVES} both inclusive."
        )
        raise wrong_value(value, "RedrivePolicy", reason)


def _bad(name: str) -> AwsError:
    return AwsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
