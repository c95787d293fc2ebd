"""Triggers: what travels on the queue. A trigger names a subject and says why; it never carries an object.

Text form: a CloudEvent 1.0 in structured JSON, on the `later` queue a batch of them. Ids are SQS FIFO's: a message
group per subject, so that one Gateway is serial and thousands run in parallel; a deduplication id from what changed,
never from the content.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from reconciler.errors import Misconfigured
from reconciler.keys import GatewayKey
from reconciler.values import frozen_map

SCHEMA = "1"
EVENT_TYPE = "dev.routewright.trigger"
MAX_BYTES = 256 * 1024
"""A message longer than this is not ours: a trigger stays under 8 KiB whatever the objects hold."""
MAX_BATCH = 20
"""Triggers that travel together on the `later` queue."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""Names as the API server takes them (RFC 1123), and namespaces, which are shorter."""
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PLAIN = re.compile(r"[ -~]{0,600}")
"""What all other texts of ours are made of: ids, versions, `namespace/name`."""
_MAX_DIGITS = 40


class Cause(StrEnum):
    """Why a Gateway is looked at; of two, the later one here asks for more, and stands for both."""

    EVENT = "event"  # something it depends on changed
    LATER = "later"  # an earlier run said: look again
    RESYNC = "resync"  # the schedule, light
    RELIST = "relist"  # the watcher may have missed something
    DEEP = "deep"  # the schedule, with a full observe against drift
    BACKFILL = "backfill"  # somebody asked by hand


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """An object version that caused a trigger."""

    kind: str
    uid: str
    version: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """Look at this subject.

    Attributes:
        cluster: cluster id.
        namespace, name: the subject; namespace is "" for a GatewayClass.
        kind: `Gateway` or `GatewayClass`.
        cause: see `Cause`.
        seen: for events, the versions that caused it.
        services: `namespace/name` of Services whose endpoints changed, sorted.
        run: id of the resync or backfill run; with a look-again the id of the first trigger.
        attempt: how often it was looked at again.
        waiting: ids, the provider's own, of what the cloud is still making: before one of them is there, a look is in
            vain. Empty: look now.
        known: (kind, version) pairs: up to which version the watcher knew a kind whose objects have to be searched for,
            and which may have woken nobody when they came. It asks for fresh answers; it tells of no change.
    """

    cluster: str
    namespace: str
    name: str
    kind: str = "Gateway"
    cause: Cause = Cause.EVENT
    seen: tuple[Seen, ...] = ()
    services: tuple[str, ...] = ()
    run: str = ""
    attempt: int = 0
    waiting: tuple[str, ...] = ()
    known: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> GatewayKey:
        """The Gateway's key."""
        return GatewayKey(self.cluster, self.namespace, self.name)

    @property
    def versions(self) -> Mapping[str, str]:
        """Return the highest resourceVersion seen by kind: the snapshot must not be older."""
        return frozen_map(_highest((item.kind, item.version) for item in self.seen))

    @property
    def only_endpoints(self) -> bool:
        """Whether nothing but endpoints changed."""
        return self.cause is Cause.EVENT and bool(self.seen) and {item.kind for item in self.seen} == {"EndpointSlice"}

    @property
    def group(self) -> str:
        """Return the message group id: at most 52 characters, whatever the length of the names."""
        subject = f"{self.namespace}/{self.name}" if self.kind == "Gateway" else f"{self.kind}:{self.name}"
        return _short(f"{self.cluster}\n{subject}")

    @property
    def deduplication(self) -> str:
        """Return the deduplication id: the same change twice is one message, a run or a look-again never is.

        Those that wait for the same are one message as well, whoever sent them.
        """
        if self.cause is Cause.EVENT:
            what = json.dumps(sorted([s.kind, s.uid, s.version, s.deleted] for s in self.seen))
        elif self.waiting:
            what = json.dumps([*self.waiting, self.attempt])
        else:
            what = f"{self.run}#{self.attempt}"
        return _short(f"{self.group}\n{self.cause}\n{what}")

    def again(self) -> Trigger:
        """Return the trigger that goes on where a run ended: it asks for all that this one asked for."""
        cause = Cause.LATER if self.cause is Cause.EVENT else self.cause
        run = self.run or self.deduplication
        return replace(self, cause=cause, run=run, attempt=self.attempt + 1, waiting=())

    def awaiting(self, ids: Iterable[str]) -> Trigger:
        """Return the trigger that comes when one of these is there: all that this one asked for has been done."""
        return replace(self.again(), cause=Cause.LATER, services=(), waiting=tuple(sorted(ids)))

    def polling(self, run: str) -> Trigger:
        """Return the trigger of another look at what changes without an event; those of one `run` are one message."""
        return replace(self, cause=Cause.LATER, services=(), run=run, attempt=0, waiting=())

    def merge(self, newer: Trigger) -> Trigger:
        """Return one trigger for two of the same subject: nothing is lost, and if one cannot wait, none does."""
        stronger = max(self.cause, newer.cause, key=list(Cause).index)
        return replace(
            newer,
            cause=stronger,
            seen=tuple(sorted({*self.seen, *newer.seen})),
            services=tuple(sorted({*self.services, *newer.services})),
            run=newer.run or self.run,
            attempt=max(self.attempt, newer.attempt),
            waiting=tuple(sorted({*self.waiting, *newer.waiting})) if self.waiting and newer.waiting else (),
            known=tuple(sorted(_highest((*self.known, *newer.known)).items())),
        )


def to_text(trigger: Trigger) -> str:
    """Return the CloudEvent of a trigger."""
    return _dump(_event(trigger))


def batch_to_text(triggers: Iterable[Trigger]) -> str:
    """Return the CloudEvents batch of triggers, at most `MAX_BATCH`."""
    return _dump([_event(trigger) for trigger in triggers])


def _dump(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _event(trigger: Trigger) -> Mapping[str, object]:
    return {
        "specversion": "1.0",
        "type": EVENT_TYPE,
        "source": f"/clusters/{trigger.cluster}",
        "id": trigger.deduplication,
        "subject": f"{trigger.kind}/{trigger.namespace}/{trigger.name}",
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
        "data": {
            "cause": trigger.cause,
            "seen": [[s.kind, s.uid, s.version, s.deleted] for s in trigger.seen],
            "services": trigger.services,
            "run": trigger.run,
            "attempt": trigger.attempt,
            "waiting": trigger.waiting,
            "known": trigger.known,
        },
    }


def from_text(text: str) -> Trigger:
    """Return the trigger of a CloudEvent. Raises Misconfigured for a message that is not one of ours."""
    (trigger,) = _triggers(text, lambda event: [event])
    return trigger


def batch_from_text(text: str) -> tuple[Trigger, ...]:
    """Return the triggers of a CloudEvents batch, at least one. Raises Misconfigured as `from_text` does."""
    return _triggers(text, _items)


def _triggers(text: str, events: Callable[[Any], list[Any]]) -> tuple[Trigger, ...]:
    if len(text) > MAX_BYTES:
        raise Misconfigured(f"queue message of {len(text)} characters is not a trigger (at most {MAX_BYTES})")
    try:
        return tuple(_read(event) for event in events(json.loads(text)))
    except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Misconfigured("queue message is not a routewright trigger: expected a CloudEvent of ours") from error


def _items(value: object) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_BATCH:
        raise TypeError(value)
    return value


def _read(event: Mapping[str, Any]) -> Trigger:
    if event["type"] != EVENT_TYPE or event["dataschema"] != SCHEMA:
        raise ValueError(event["type"])
    kind, namespace, name = _plain(event["subject"]).split("/")
    source = _plain(event["source"])
    if not _is_subject(kind, namespace, name) or not source.startswith("/clusters/"):
        raise ValueError(kind)
    data = event["data"]
    attempt = int(data["attempt"])
    if attempt < 0:
        raise ValueError(attempt)
    return Trigger(
        cluster=source.removeprefix("/clusters/"),
        namespace=namespace,
        name=name,
        kind=kind,
        cause=Cause(data["cause"]),
        seen=tuple(Seen(_plain(k), _plain(u), _plain(v), bool(d)) for k, u, v, d in data["seen"]),
        services=_texts(data["services"]),
        run=_plain(data["run"]),
        attempt=attempt,
        waiting=_texts(data["waiting"]),
        known=tuple((_plain(k), _plain(v)) for k, v in data.get("known", ())),
    )


def _highest(versions: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the highest version by kind."""
    found: dict[str, str] = {}
    for kind, version in versions:
        found[kind] = max(found.get(kind, ""), version, key=number_of)
    return found


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(_plain(one) for one in value)


def _plain(value: object) -> str:
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        raise ValueError("not a text of ours")
    return value


def _is_subject(kind: str, namespace: str, name: str) -> bool:
    """Return whether Kubernetes could have an object of these names: they become part of a path at the API server."""
    if not _NAME.fullmatch(name):
        return False
    return (kind == "GatewayClass" and not namespace) or (kind == "Gateway" and bool(_NAMESPACE.fullmatch(namespace)))


def _short(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=").lower()


def number_of(version: object) -> int:
    """Return a resourceVersion as the number that it is on every API server of today, 0 for any other.

    Source: Kubernetes API concepts, "Resource versions": comparable as integers since 1.35, across kinds as well.
    """
    number = isinstance(version, str) and version.isascii() and version.isdigit() and len(version) <= _MAX_DIGITS
    return int(version) if isinstance(version, str) and number else 0
