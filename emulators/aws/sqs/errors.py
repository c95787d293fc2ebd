"""The refusals of SQS, by the codes that SDKs see."""

from __future__ import annotations

from emulators.aws.errors import AwsError

PREFIX = "AWS.SimpleQueueService."


def wrong_value(value: object, parameter: str, reason: str) -> AwsError:
    """Return InvalidParameterValue in SQS's own wording."""
    return AwsError("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing(parameter: str) -> AwsError:
    """Return the error for a parameter that has to be there."""
    return AwsError("MissingParameter", f"The request must contain the parameter {parameter}.")


def no_queue() -> AwsError:
    """Return the error for a queue that does not exist."""
    return AwsError(f"{PREFIX}NonExistentQueue", "The specified queue does not exist.")


def bad_handle(handle: str) -> AwsError:
    """Return the error for text that never was a receipt handle of this queue."""
    return AwsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')


def expired(handle: str) -> AwsError:
    """Return the error for a receipt handle of a FIFO queue whose visibility timeout is over."""
    return wrong_value(handle, "ReceiptHandle", "The receipt handle has expired.")
