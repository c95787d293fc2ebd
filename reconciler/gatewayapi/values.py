"""Plain JSON values read without trust: a value of the wrong shape counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.gatewayapi.resources import Meta
from reconciler.values import frozen_map

_EMPTY: Mapping[str, Any] = frozen_map()


def text(value: object) -> str:
    """Return a string, "" for anything else."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int:
    """Return an integer, 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def boolean(value: object, *, default: bool) -> bool:
    """Return a boolean, the default for anything else."""
    return value if isinstance(value, bool) else default


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, Mapping) else _EMPTY


def items(value: object) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of a list, none for anything else."""
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, (list, tuple)) else ()


def strings(value: object) -> tuple[str, ...]:
    """Return the strings of a list, none for anything else."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, (list, tuple)) else ()


def read_meta(item: Mapping[str, Any]) -> Meta:
    """Return an object's metadata; a generation that is absent counts as the first."""
    block = mapping(item.get("metadata"))
    return Meta(
        name=text(block.get("name")),
        namespace=text(block.get("namespace")),
        uid=text(block.get("uid")),
        generation=number(block.get("generation")) or 1,
        resource_version=text(block.get("resourceVersion")),
        created=text(block.get("creationTimestamp")),
        deleted=text(block.get("deletionTimestamp")),
        labels=_texts(block.get("labels")),
        annotations=_texts(block.get("annotations")),
        finalizers=strings(block.get("finalizers")),
    )


def _texts(value: object) -> Mapping[str, str]:
    return frozen_map({str(key): text(item) for key, item in mapping(value).items()})
