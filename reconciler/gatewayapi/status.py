"""Status: what we say about each object, and how it goes between what others say.

`build_status` is pure: graph, rejections and outcome in, updates out, without times. `merge_status` puts an update into
an object's status as read: our own entries only, foreign ones untouched, `lastTransitionTime` moved only where `status`
does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gatewayapi.graph import Graph
from reconciler.gatewayapi.resources import ParentRef
from reconciler.ir import Capabilities, GatewayKey, Rejection
from reconciler.plan import Outcome


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition without its times. `status`: True, False or Unknown."""

    type: str
    status: str
    reason: str
    message: str
    generation: int


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """An entry of Gateway.status.listeners."""

    name: str
    kinds: tuple[str, ...]
    attached: int
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """Our part of a Gateway's status. `addresses`: (type, value)."""

    addresses: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...]
    listeners: tuple[ListenerStatus, ...]


@dataclass(frozen=True, slots=True)
class ParentStatus:
    """One entry of ours in a Route's status.parents."""

    parent: ParentRef
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class RouteStatus:
    """Our entries for one Gateway in a Route's status.

    Entries of `controller` whose parentRef resolves to `gateway` and that are not in `parents` are removed; all else
    stays.
    """

    controller: str
    gateway: GatewayKey
    parents: tuple[ParentStatus, ...]


@dataclass(frozen=True, slots=True)
class ClassStatus:
    """Our part of a GatewayClass's status."""

    conditions: tuple[Condition, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What we say about one object. `generation` is the one that was read: a newer object drops the update."""

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    body: GatewayStatus | RouteStatus | ClassStatus


def build_status(
    graph: Graph, capabilities: Capabilities, rejections: Sequence[Rejection], outcome: Outcome
) -> tuple[StatusUpdate, ...]:
    """Return the updates of one run."""
    raise NotImplementedError


def merge_status(update: StatusUpdate, current: Mapping[str, Any], now: str) -> dict[str, Any] | None:
    """Return the whole status to write (plain JSON), None if nothing would change. `now` is RFC 3339."""
    raise NotImplementedError
