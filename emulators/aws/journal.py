"""Every call that reached the emulated account, in order, with its parameters and its result or error.

Budgets are counted here, and tests read here what really happened. Private keys never enter.
"""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

READ_PREFIXES = ("Describe", "List", "Get", "Head", "Receive", "Lookup", "Search")
HIDDEN = frozenset({"PrivateKey", "ClientSecret", "Passphrase"})
CLOUD = frozenset({"elbv2", "ec2", "acm", "resourcegroupstaggingapi", "s3", "wafv2"})


@dataclass(slots=True)
class Entry:
    """One call.

    Attributes:
        sequence: 1, 2, 3, ... since the last reset.
        time: the emulated clock when it came in.
        service: botocore's name of the service, e.g. `elbv2`.
        operation: e.g. `CreateRule`.
        region: the Region it was signed for.
        parameters: the request as botocore names it.
        result: the answer, where the emulator made it itself; None while the call runs, and after an error.
        error: the wire code, or the fault that was played; None for success.
        message: the text of the error.
        fault: the kind of fault played on this call, if any.
        effect: whether the operation was carried out.
    """

    sequence: int
    time: float
    service: str
    operation: str
    region: str
    parameters: dict[str, Any]
    result: dict[str, Any] | None = None
    error: str | None = None
    message: str | None = None
    fault: str | None = None
    effect: bool = False

    @property
    def name(self) -> str:
        """`service.Operation`."""
        return f"{self.service}.{self.operation}"

    @property
    def write(self) -> bool:
        """Whether the operation changes something when it succeeds."""
        return is_write(self.operation)


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each `service.Operation` was called, and how many of the calls were reads and writes."""

    operations: dict[str, int] = field(default_factory=dict)
    reads: int = 0
    writes: int = 0


def is_write(operation: str) -> bool:
    """Whether an operation changes something, by its name."""
    return not operation.startswith(READ_PREFIXES)


class Journal:
    """The calls of one emulated account; safe to use from several threads."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()
        self._silent = threading.local()

    def open(self, entry: Entry) -> Entry:
        """Take up a call, give it its sequence number and return it."""
        if getattr(self._silent, "on", False):
            return entry
        with self._lock:
            entry.sequence = len(self._entries) + 1
            self._entries.append(entry)
        return entry

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Leave out the calls that this thread makes inside."""
        self._silent.on = True
        try:
            yield
        finally:
            self._silent.on = False

    def entries(self, since: int = 0) -> tuple[Entry, ...]:
        """Return the calls with a sequence number above `since`."""
        with self._lock:
            return tuple(self._entries[since:])

    def writes(self, services: Iterable[str] = CLOUD) -> tuple[Entry, ...]:
        """Return the calls to `services` that change something, failed ones included."""
        wanted = frozenset(services)
        return tuple(entry for entry in self.entries() if entry.write and entry.service in wanted)

    def counts(self, services: Iterable[str] = CLOUD) -> Counts:
        """Count the calls to `services`; retries count as calls, as they do for AWS's rate limits."""
        wanted = frozenset(services)
        calls = [entry for entry in self.entries() if entry.service in wanted]
        writes = sum(entry.write for entry in calls)
        return Counts(dict(sorted(Counter(entry.name for entry in calls).items())), len(calls) - writes, writes)

    def reset(self) -> None:
        """Forget all calls; the next one has number 1."""
        with self._lock:
            self._entries.clear()


def printable(value: Any) -> Any:
    """Return `value` as JSON can carry it: bytes as base64, dates as ISO 8601, secrets not at all."""
    if isinstance(value, dict):
        return {key: "(hidden)" if key in HIDDEN else printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    return value
