"""The mark: what `reconcile` remembers on the Gateway between two runs, as one annotation a provider.

Dirty before the first cloud write, clean after the last. Clean and equal to the want: two reads are enough.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from reconciler.config import Placement
from reconciler.values import frozen_map

MAX_LENGTH = 128 * 1024
"""Characters of a mark: ours stay far below; a longer annotation was not written by us."""


class State(StrEnum):
    """Whether the cloud is known to be as the digest says."""

    DIRTY = "dirty"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the last run left.

    Attributes:
        state: DIRTY: a run began to write and did not say that it ended.
        placement: where the Gateway's resources live; fixed from the first write on.
        nonce: repeated in the load balancer's tags: a mark restored from a backup does not fit.
        parts: digest by part of the want that was applied (clean only).
        names: of resources that a dirty run was about to create.
        seen: by kind that is searched for (Routes, ListenerSets, policies), the version up to which the last run that
            acted knew all; no later run may know less.
            It says nothing of the cloud: marks that differ in it alone are equal.
    """

    state: State
    placement: Placement
    nonce: str
    parts: Mapping[str, str] = field(default_factory=frozen_map)
    names: tuple[str, ...] = ()
    seen: Mapping[str, str] = field(default_factory=frozen_map, compare=False)

    def text(self) -> str:
        """Return the annotation's value."""
        body = {
            "state": self.state,
            "placement": asdict(self.placement),
            "nonce": self.nonce,
            "parts": dict(self.parts),
            "names": self.names,
            "seen": dict(self.seen),
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":"))

    def dirty(self, names: tuple[str, ...]) -> Mark:
        """Return the mark to leave before the first write: keeps what an earlier cut run was about to create."""
        kept = self.names if self.state is State.DIRTY else ()
        return replace(self, state=State.DIRTY, parts=frozen_map(), names=tuple(sorted({*kept, *names})))

    def clean(self, parts: Mapping[str, str]) -> Mark:
        """Return the mark to leave after the last write."""
        return replace(self, state=State.CLEAN, parts=frozen_map(parts), names=())


def annotation(provider: str) -> str:
    """Return the annotation's key for a provider name, e.g. `aws.routewright.dev/mark`."""
    return f"{provider}.routewright.dev/mark"


def finalizer(provider: str) -> str:
    """Return the finalizer for a provider name, e.g. `aws.routewright.dev/cleanup`."""
    return f"{provider}.routewright.dev/cleanup"


def parse(text: str) -> Mark | None:
    """Return the mark that an annotation holds; None for one that cannot be read, which counts as none at all.

    Whoever may edit the Gateway may edit the mark, so nothing in it is taken on trust: see `reconcile` for placement.
    """
    if len(text) > MAX_LENGTH:
        return None
    try:
        body: dict[str, Any] = json.loads(text)
        return Mark(
            state=State(body["state"]),
            placement=Placement(**{str(k): str(v) for k, v in body["placement"].items()}),
            nonce=str(body["nonce"]),
            parts=_texts(body["parts"]),
            names=tuple(str(name) for name in body["names"]),
            seen=_texts(body.get("seen", {})),  # marks of 0.1 have none
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _texts(block: Mapping[str, Any]) -> Mapping[str, str]:
    return frozen_map({str(key): str(value) for key, value in block.items()})
