"""The mark: what `reconcile` remembers on the Gateway between two runs, as one annotation a provider.

Dirty before the first cloud write, clean after the last. Clean and equal to the want: two reads are enough. Refused is
clean but for what the cloud refused for good, which is remembered one by one (see `refusals`).
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
    REFUSED = "refused"  # a release that does not know it reads no mark at all, and looks at everything


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step that the cloud refused for good.

    Attributes:
        key: of its resource: kind, scope, name.
        call: the cloud's name of the call.
        wanted: digest of all that is wanted for the same origins; with another one the step is worth another try.
        error: name of our error; `message`: its text.
        last_good: whether what it was to replace goes on.
        missing: whether the resource is not there at all.
        keeps: names of what the last good state needs.
    """

    key: tuple[str, str, str]
    call: str
    wanted: str
    error: str
    message: str
    last_good: bool = False
    missing: bool = False
    keeps: tuple[str, ...] = ()


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
        refused: what is missing in the cloud, because it was refused (refused only).
    """

    state: State
    placement: Placement
    nonce: str
    parts: Mapping[str, str] = field(default_factory=frozen_map)
    names: tuple[str, ...] = ()
    seen: Mapping[str, str] = field(default_factory=frozen_map, compare=False)
    refused: tuple[Refusal, ...] = ()

    def text(self) -> str:
        """Return the annotation's value."""
        body = {
            "state": self.state,
            "placement": asdict(self.placement),
            "nonce": self.nonce,
            "parts": dict(self.parts),
            "names": self.names,
            "seen": dict(self.seen),
            **({"refused": [asdict(one) for one in self.refused]} if self.refused else {}),
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":"))

    def dirty(self, names: tuple[str, ...]) -> Mark:
        """Return the mark to leave before the first write: keeps what an earlier cut run was about to create."""
        kept = self.names if self.state is State.DIRTY else ()
        names = tuple(sorted({*kept, *names}))
        return replace(self, state=State.DIRTY, parts=frozen_map(), names=names, refused=())

    def clean(self, parts: Mapping[str, str], refused: tuple[Refusal, ...] = ()) -> Mark:
        """Return the mark to leave after the last write."""
        state = State.REFUSED if refused else State.CLEAN
        return replace(self, state=state, parts=frozen_map(parts), names=(), refused=refused)


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
            refused=tuple(_refusal(one) for one in body.get("refused", ())),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _refusal(block: Mapping[str, Any]) -> Refusal:
    kind, scope, name = map(str, block["key"])
    return Refusal(
        key=(kind, scope, name),
        call=str(block["call"]),
        wanted=str(block["wanted"]),
        error=str(block["error"]),
        message=str(block["message"]),
        last_good=block["last_good"] is True,
        missing=block["missing"] is True,
        keeps=tuple(map(str, block["keeps"])),
    )


def _texts(block: Mapping[str, Any]) -> Mapping[str, str]:
    return frozen_map({str(key): str(value) for key, value in block.items()})
