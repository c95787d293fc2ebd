"""A message: what SQS takes as one, and where it stands at a given time.

Source: API reference, SendMessage; quotas, "Message size" (1 MiB, the attributes included).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulators.aws.errors import AwsError
from emulators.aws.sqs.errors import missing, wrong_value

LARGEST = 1_048_576
LONGEST_DELAY = 900
MOST_ATTRIBUTES = 10
SYSTEM_ATTRIBUTES = frozenset({"AWSTraceHeader"})

_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")


@dataclass(slots=True)
class Message:
    """One message of a queue; times are seconds of the emulated clock.

    Attributes:
        delayed_until: not to be received before.
        hidden_until: in flight until then; 0 if it never was received.
        deadline: twelve hours after its last receive: no visibility timeout goes beyond.
        receives: how often it was received.
        taken: numbers its receipt handles; only the last one counts.
        source_arn: the queue it was a dead letter of.
    """

    id: str
    body: str
    attributes: dict[str, Any]
    system: dict[str, str]
    sent_at: float
    delayed_until: float
    sequence: int = 0
    group: str = ""
    deduplication: str = ""
    hidden_until: float = 0.0
    deadline: float = 0.0
    first_received_at: float = 0.0
    receives: int = 0
    taken: int = 0
    source_arn: str = ""
    md5: str = field(default="")

    def __post_init__(self) -> None:
        self.md5 = hashlib.md5(self.body.encode(), usedforsecurity=False).hexdigest()

    def in_flight(self, now: float) -> bool:
        """Whether a consumer has it."""
        return now < self.hidden_until

    def delayed(self, now: float) -> bool:
        """Whether its delay is not over."""
        return now < self.delayed_until

    def visible(self, now: float) -> bool:
        """Whether it could be received."""
        return not self.in_flight(now) and not self.delayed(now)


def check_message(request: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
    """Refuse what a queue with these attributes does not take.

    Raises:
        AwsError: MissingParameter, InvalidParameterValue, InvalidMessageContents.
    """
    body = request.get("MessageBody")
    if not body:
        raise missing("MessageBody")
    if _FORBIDDEN.search(body):
        raise AwsError(
            "InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | ..."
        )
    _check_attributes(request)
    most = int(attributes["MaximumMessageSize"])
    if size_of(request) > most:
        raise AwsError(
            "InvalidParameterValue",
            f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.",
        )
    _check_delay(request, fifo="FifoQueue" in attributes)
    _check_ids(request, attributes)


def size_of(request: Mapping[str, Any]) -> int:
    """Return what a message counts in bytes: its body, and name, type and value of its attributes."""
    total = len(request.get("MessageBody", "").encode())
    for name, attribute in request.get("MessageAttributes", {}).items():
        total += len(name.encode()) + len(attribute.get("DataType", "").encode()) + len(_value(attribute))
    return total


def attributes_md5(attributes: Mapping[str, Any]) -> str:
    """Return the digest of message attributes (developer guide, "Calculating the MD5 message digest")."""
    found = bytearray()
    for name, attribute in sorted(attributes.items()):
        for text in (name.encode(), attribute["DataType"].encode()):
            found += len(text).to_bytes(4) + text
        value = _value(attribute)
        found += (b"\x02" if "BinaryValue" in attribute else b"\x01") + len(value).to_bytes(4) + value
    return hashlib.md5(bytes(found), usedforsecurity=False).hexdigest()


def _value(attribute: Mapping[str, Any]) -> bytes:
    if "BinaryValue" in attribute:
        return base64.b64decode(attribute["BinaryValue"])
    return str(attribute.get("StringValue", "")).encode()


def _check_attributes(request: Mapping[str, Any]) -> None:
    given = request.get("MessageAttributes", {})
    if len(given) > MOST_ATTRIBUTES:
        raise AwsError(
            "InvalidParameterValue", f"Number of message attributes [{len(given)}] exceeds the allowed maximum [10]."
        )
    for name, attribute in given.items():
        if not _TYPE.fullmatch(attribute.get("DataType", "")):
            raise AwsError("InvalidParameterValue", f"The type of message (user) attribute '{name}' is invalid.")
        if not _value(attribute):
            raise AwsError(
                "InvalidParameterValue", f"Message (user) attribute '{name}' must contain a non-empty value."
            )
    for name in request.get("MessageSystemAttributes", {}):
        if name not in SYSTEM_ATTRIBUTES:
            raise AwsError("InvalidParameterValue", f"Message system attribute name '{name}' is invalid.")


def _check_delay(request: Mapping[str, Any], *, fifo: bool) -> None:
    delay = request.get("DelaySeconds")
    if delay is None:
        return
    if fifo and delay:
        raise _not_for_type(delay, "DelaySeconds")
    if not 0 <= delay <= LONGEST_DELAY:
        raise wrong_value(delay, "DelaySeconds", f"DelaySeconds must be >= 0 and <= {LONGEST_DELAY}.")


def _check_ids(request: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if name in request and not _ID.fullmatch(request[name]):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise wrong_value(request[name], name, reason)
    if "FifoQueue" not in attributes:
        if "MessageDeduplicationId" in request:
            raise _not_for_type(request["MessageDeduplicationId"], "MessageDeduplicationId")
        return
    if "MessageGroupId" not in request:
        raise missing("MessageGroupId")
    if "MessageDeduplicationId" not in request and attributes.get("ContentBasedDeduplication") != "true":
        raise AwsError(
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly",
        )


def _not_for_type(value: object, parameter: str) -> AwsError:
    return wrong_value(value, parameter, "The request include parameter that is not valid for this queue type.")
