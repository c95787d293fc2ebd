"""The one exception of the emulated services: an error code as it stands on the wire.

Operations raise it, `wire.py` writes it in the protocol of the service that was called. It must not know protocols.
"""

from __future__ import annotations


class AwsError(Exception):
    """A refusal by the emulated cloud.

    Attributes:
        code: the wire code, e.g. `TargetGroupNotFound` (botocore's shape name without `Exception`, mostly).
        message: the text for people, as near to AWS's as is known.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> AwsError:
    """Return the error that ELBv2 gives for most wrong arguments; the code stands in no model, yet on every wire."""
    return AwsError("ValidationError", message)
