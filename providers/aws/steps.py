"""How a step of a plan is written down: the call, what it sets, and why, in a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.plan import Change, Op, Resource
from reconciler.values import Json

_NAMED = 3
"""Origins that a sentence names; the rest is counted."""


def creation(call: str, want: Resource, why: str = "") -> Change:
    """Return the step that makes what is missing."""
    return Change(Op.CREATE, want.key, want, None, why or f"{want.key} is missing{purpose(want)}", call=call)


def update(call: str, want: Resource, got: Resource | None, fields: tuple[str, ...]) -> Change:
    """Return the step that sets a resource's whole spec because of the fields that differ."""
    why = f"{want.key} differs in {', '.join(fields)}{purpose(want)}"
    return Change(Op.UPDATE, want.key, want, got, why, call=call)


def setting(call: str, want: Resource, got: Resource | None, spec: Mapping[str, Json]) -> Change:
    """Return the step that sets some fields only, which are those that differ."""
    return update(call, replace(want, spec=spec), got, tuple(sorted(spec)))


def deletion(call: str, got: Resource, why: str = "") -> Change:
    """Return the step that takes away what nothing wants."""
    return Change(Op.DELETE, got.key, None, got, why or f"nothing wants {got.key} any more", call=call)


def purpose(resource: Resource) -> str:
    """Return what a resource is there for, as the end of a sentence; "" if nobody said."""
    if not resource.origins:
        return ""
    named, more = resource.origins[:_NAMED], len(resource.origins) - _NAMED
    return f" (for {', '.join(named)}{f' and {more} more' if more > 0 else ''})"
