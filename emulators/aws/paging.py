"""Pages of a Describe answer: `PageSize` 1 to 400, an opaque `Marker`, `NextMarker` while there is more."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from emulators.aws.errors import invalid

LARGEST = 400


def page(items: Sequence[Any], request: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the page of `items` that `request` asks for, under the answer's member `name`.

    Raises:
        AwsError: ValidationError for a size outside 1 to 400 or a marker that no answer contained.
    """
    size = request.get("PageSize", LARGEST)
    if not 1 <= size <= LARGEST:
        raise invalid(f"Page size must be between 1 and {LARGEST}, but was {size}")
    start = _position(request.get("Marker"))
    answer = {name: list(items[start : start + size])}
    if start + size < len(items):
        answer["NextMarker"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()  # type: ignore[assignment]
    return answer


def _position(marker: str | None) -> int:
    if not marker:
        return 0
    try:
        return int(base64.urlsafe_b64decode(marker.encode()).decode())
    except (binascii.Error, ValueError) as error:
        raise invalid(f"The marker '{marker}' is not valid") from error
