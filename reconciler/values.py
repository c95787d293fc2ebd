"""Values as they come from YAML and go to a cloud, and maps that nobody changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

type Json = str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None


def frozen_map[V](items: Mapping[str, V] | None = None) -> Mapping[str, V]:
    """Return a read-only copy with sorted keys."""
    return MappingProxyType(dict(sorted((items or {}).items())))
