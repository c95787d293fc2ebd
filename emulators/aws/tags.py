"""Tags of ELBv2 resources: their alphabet and limits, AddTags, RemoveTags and DescribeTags."""

from __future__ import annotations

import re
from typing import Any

from emulators.aws.errors import AwsError, invalid
from emulators.aws.records import Request, Tags
from emulators.aws.region import Region

MOST_TAGS = 50
MOST_DESCRIBED = 20
LONGEST_KEY = 128
LONGEST_VALUE = 256

_ALPHABET = re.compile(r"[\w\s.:/=+@-]*")


def read_tags(tags: list[dict[str, str]] | None) -> Tags:
    """Return the tags of a request as a mapping.

    Raises:
        AwsError: DuplicateTagKeys, TooManyTags, ValidationError for a key or value that AWS refuses.
    """
    found: Tags = {}
    for tag in tags or []:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if key in found:
            raise AwsError("DuplicateTagKeys", f"Tag key was specified more than once: {key}")
        if not 1 <= len(key) <= LONGEST_KEY or len(value) > LONGEST_VALUE:
            raise invalid(f"Tag '{key}': keys have 1 to {LONGEST_KEY} characters, values up to {LONGEST_VALUE}")
        if not _ALPHABET.fullmatch(key) or not _ALPHABET.fullmatch(value):
            raise invalid(f"Tag '{key}' contains characters that are not valid")
        if key.lower().startswith("aws:"):
            raise invalid(f"Tag '{key}': the prefix 'aws:' is reserved")
        found[key] = value
    if len(found) > MOST_TAGS:
        raise _too_many()
    return found


def tag_list(tags: Tags) -> list[dict[str, str]]:
    """Return tags in the shape of an answer."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def add_tags(region: Region, request: Request) -> dict[str, Any]:
    """Add or overwrite tags on every named resource, or on none."""
    records = [region.tagged(arn) for arn in request.get("ResourceArns", [])]
    added = read_tags(request.get("Tags"))
    if any(len(record.tags | added) > MOST_TAGS for record in records):
        raise _too_many()
    for record in records:
        record.tags |= added
    return {}


def remove_tags(region: Region, request: Request) -> dict[str, Any]:
    """Remove tags by key; a key that is not there is no error."""
    records = [region.tagged(arn) for arn in request.get("ResourceArns", [])]
    for record in records:
        for key in request.get("TagKeys", []):
            record.tags.pop(key, None)
    return {}


def describe_tags(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeTags: at most twenty resources a call, each of them there."""
    arns = list(dict.fromkeys(request.get("ResourceArns", [])))
    if not 1 <= len(arns) <= MOST_DESCRIBED:
        raise invalid(f"Up to '{MOST_DESCRIBED}' resource ARNs can be specified, but '{len(arns)}' were")
    return {"TagDescriptions": [{"ResourceArn": arn, "Tags": tag_list(region.tagged(arn).tags)} for arn in arns]}


def _too_many() -> AwsError:
    return AwsError("TooManyTags", f"You've reached the limit on the number of tags for this resource ({MOST_TAGS})")
