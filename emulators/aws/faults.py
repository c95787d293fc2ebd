"""A plan of things that go wrong: at the nth call of an operation, before or after its effect.

"After the effect" is what finds missing idempotency: the account has changed and the caller does not know.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from emulators.aws.journal import is_write

Kind = Literal["throttle", "500", "503", "html500", "denied", "refused", "timeout", "reset", "cut"]
Effect = Literal["before", "after"]
NO_PARAMETERS: Mapping[str, Any] = {}


class ProcessCut(BaseException):
    """The calling process dies here: no handler for ordinary exceptions sees it. Only raised in the same process."""


class Unanswered(Exception):
    """The call gets no answer: the connection is held (`seconds`) and closed, or reset."""

    def __init__(self, kind: str, seconds: float) -> None:
        super().__init__(f"{kind} after {seconds} s")
        self.kind = kind
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        kind: `throttle` (in the service's own words), `denied` (403, AccessDeniedException), `refused` (400 with the
            wire code `code`: AWS does not take it), `500`, `503` (AWS's error documents), `html500` (a page that
            no parser understands), `timeout` (held for `seconds`, then closed without an answer), `reset` (connection
            reset), `cut` (the caller's process dies: in-process only; over HTTP the connection is reset).
        operation: an operation's name, or `*`, `read`, `write`.
        service: botocore's service name, or `*`.
        nth: at which matching call from now it strikes, counted from 1.
        count: how many matching calls it strikes in a row.
        effect: whether the operation is carried out first; a refused one never is.
        seconds: how long a timeout holds the connection.
        about: what has to stand in some value of the parameters for a call to match, e.g. a name or a path; "" for any.
        code: the wire code of a refusal.
    """

    kind: Kind
    operation: str = "*"
    service: str = "*"
    nth: int = 1
    count: int = 1
    effect: Effect = "before"
    seconds: float = 0.0
    about: str = ""
    code: str = "ValidationError"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or self.effect not in get_args(Effect):
            raise ValueError(
                f"fault {self.kind!r} {self.effect!r}: kind is one of {get_args(Kind)}, effect of {get_args(Effect)}"
            )
        if self.kind in {"throttle", "denied", "refused"} and self.effect == "after":
            raise ValueError(f"a refused call never has an effect: fault kind {self.kind!r} needs effect 'before'")
        if self.nth < 1 or self.count < 1:
            raise ValueError(f"fault at call {self.nth}, {self.count} times: both are counted from 1")

    def matches(self, service: str, operation: str, parameters: Mapping[str, Any] = NO_PARAMETERS) -> bool:
        """Whether this fault counts a call of `operation`."""
        if self.service not in {"*", service} or not any(self.about in text for text in _texts(parameters)):
            return False
        if self.operation in {"read", "write"}:
            return is_write(operation) == (self.operation == "write")
        return self.operation in {"*", operation}


class Faults:
    """The faults that are planned; each counts its matching calls from the moment it was added."""

    def __init__(self) -> None:
        self._planned: list[tuple[Fault, list[int]]] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Plan further faults."""
        with self._lock:
            self._planned += [(fault, [0]) for fault in faults]

    def clear(self) -> None:
        """Plan none any more."""
        with self._lock:
            self._planned.clear()

    def take(self, service: str, operation: str, parameters: Mapping[str, Any] = NO_PARAMETERS) -> Fault | None:
        """Count a call and return the fault that strikes it, if any."""
        struck = None
        with self._lock:
            for fault, seen in self._planned:
                if not fault.matches(service, operation, parameters):
                    continue
                seen[0] += 1
                if struck is None and fault.nth <= seen[0] < fault.nth + fault.count:
                    struck = fault
        return struck


def read_faults(items: Iterable[dict[str, Any]]) -> tuple[Fault, ...]:
    """Return the faults of a JSON list whose objects have the attributes of `Fault`.

    Raises:
        ValueError: an object has unknown attributes or values.
    """
    faults = []
    for item in items:
        if unknown := set(item) - set(Fault.__slots__):
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}; it has {', '.join(Fault.__slots__)}")
        faults.append(Fault(**item))
    return tuple(faults)


def _texts(value: Any) -> Iterator[str]:
    """Yield the values in parameters as texts, and an empty one."""
    yield ""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)
