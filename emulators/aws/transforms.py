"""Transforms of a listener rule: at most one host-header-rewrite and one url-rewrite, kept whole."""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulators.aws.errors import invalid
from emulators.aws.regexes import LONGEST_REWRITE, check_regex

CONFIG = {"host-header-rewrite": "HostHeaderRewriteConfig", "url-rewrite": "UrlRewriteConfig"}


def check_transforms(transforms: list[dict[str, Any]]) -> None:
    """Refuse the transforms of one rule if the API would.

    Raises:
        AwsError: ValidationError.
    """
    for kind, count in Counter(transform.get("Type") for transform in transforms).items():
        if kind not in CONFIG:
            raise invalid(f"The transform type '{kind}' must be one of '[{','.join(CONFIG)}]'")
        if count > 1:
            raise invalid(f"A rule can only have one '{kind}' transform")
    for transform in transforms:
        _check(transform)


def _check(transform: dict[str, Any]) -> None:
    kind = transform["Type"]
    if set(transform) != {"Type", CONFIG[kind]}:
        raise invalid(f"A '{kind}' transform must have '{CONFIG[kind]}' and no other configuration")
    rewrites = transform[CONFIG[kind]].get("Rewrites", [])
    if len(rewrites) != 1:
        raise invalid(f"A '{kind}' transform must have exactly one rewrite")
    for rewrite in rewrites:
        check_regex(rewrite.get("Regex", ""), LONGEST_REWRITE, f"a '{kind}' transform")
        if len(rewrite.get("Replace", "")) > LONGEST_REWRITE:
            raise invalid(f"The replacement in a '{kind}' transform is longer than {LONGEST_REWRITE} characters")
