"""Batch requests: up to ten entries, each with an answer of its own.

Source: API reference, SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulators.aws.errors import AwsError
from emulators.aws.sqs.errors import PREFIX
from emulators.aws.sqs.messages import LARGEST, size_of

MOST = 10
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def each(request: Mapping[str, Any], act: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Act on each entry; an entry that is refused fails alone. Raises AwsError for a batch that is wrong as a whole."""
    entries = request.get("Entries", [])
    _check(entries)
    answer: dict[str, list[Any]] = {"Successful": [], "Failed": []}
    for entry in entries:
        try:
            answer["Successful"].append({"Id": entry["Id"], **act(entry)})
        except AwsError as error:
            failed = {"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message}
            answer["Failed"].append(failed)
    return {name: items for name, items in answer.items() if items or name == "Successful"}


def _check(entries: list[Mapping[str, Any]]) -> None:
    ids = [str(entry.get("Id", "")) for entry in entries]
    if not entries:
        raise AwsError(f"{PREFIX}EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > MOST:
        text = f"Maximum number of entries per request are {MOST}. You have sent {len(entries)}."
        raise AwsError(f"{PREFIX}TooManyEntriesInBatchRequest", text)
    if wrong := [identity for identity in ids if not _ID.fullmatch(identity)]:
        text = f"A batch entry id can only contain alphanumeric characters, hyphens and underscores: {wrong[0]}"
        raise AwsError(f"{PREFIX}InvalidBatchEntryId", text)
    if len(set(ids)) < len(ids):
        raise AwsError(
            f"{PREFIX}BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."
        )
    total = sum(map(size_of, entries))
    if total > LARGEST:
        text = f"Batch requests cannot be longer than {LARGEST} bytes. You have sent {total} bytes."
        raise AwsError(f"{PREFIX}BatchRequestTooLong", text)
