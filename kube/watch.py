"""Follows one kind: list, then watch from there, and again from the last version seen whenever the stream ends.

A stream that breaks or falls silent is opened anew where it was; only an expired version (410) costs a new list, and
says so (`Listed`): whoever follows may have missed something.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kube.api import Api, Plain, WatchSpan
from kube.errors import Expired, NotFound
from kube.kinds import Kind
from reconciler.errors import PermissionDenied, ReconcilerError, TransientError

_SPAN = 300.0
"""Seconds that one watch lasts; the API server then ends it and it goes on from the last bookmark."""
_ABSENT = 30.0
"""Seconds between looks for a kind that is not served."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
_REFUSED_PAUSE = 3.0
"""After a refusal: an API server that has just started refuses everybody until it has read its roles."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of a kind; nothing says what happened since the last time."""

    kind: Kind
    items: tuple[Plain, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object came, changed or went (`deleted`)."""

    kind: Kind
    item: Plain
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """Following a kind ended by a bug; the process must not go on as if nothing had happened."""

    kind: Kind
    error: Exception


type Happening = Listed | Changed | Broken


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long to follow.

    Attributes:
        left: seconds until the deadline; infinite for a Deployment.
        stop: set to end earlier.
        silence: seconds without a byte after which a stream counts as dead.
    """

    left: Callable[[], float] = lambda: float("inf")
    stop: threading.Event = field(default_factory=threading.Event)
    silence: float = 90.0

    @property
    def over(self) -> bool:
        """Whether to end now."""
        return self.stop.is_set() or self.left() <= 0

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the deadline or the stop."""
        self.stop.wait(max(0.0, min(seconds, self.left())))


def follow(api: Api, kind: Kind, emit: Callable[[Happening], None], lasting: Lasting) -> None:
    """Emit what happens to a kind until the deadline or the stop; returns, never raises."""
    follower = _Follower(api, kind, emit, lasting)
    while not lasting.over:
        try:
            follower.step()
        except ReconcilerError as error:
            follower.recover(error)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the happenings
            emit(Broken(kind, error))
            return


class _Follower:
    """Where following a kind stands: the version to go on from ("" asks for a list), and failures in a row."""

    def __init__(self, api: Api, kind: Kind, emit: Callable[[Happening], None], lasting: Lasting) -> None:
        self._api, self._kind, self._emit, self._lasting = api, kind, emit, lasting
        self._version = ""
        self._failures = 0
        self._absent = False

    def step(self) -> None:
        """List if needed, then watch until the stream ends."""
        path = self._kind.path()
        if not self._version:
            listing = self._api.list(path)
            self._emit(Listed(self._kind, listing.items))
            self._version, self._absent = listing.version, False
        started = time.monotonic()
        span = WatchSpan(self._version, min(_SPAN, self._lasting.left()), self._lasting.silence)
        for what, item in self._api.watch(path, span):
            self._version = item["metadata"]["resourceVersion"]
            self._failures = 0
            if what != "BOOKMARK":
                named = {"apiVersion": self._kind.api_version, "kind": self._kind.name, **item}
                self._emit(Changed(self._kind, named, deleted=what == "DELETED"))
            if self._lasting.stop.is_set():
                return
        if time.monotonic() - started < 1.0:  # a server that ends every watch at once must not be asked in a tight loop
            self._lasting.pause(_FIRST_PAUSE)

    def recover(self, error: ReconcilerError) -> None:
        """Decide from a failure where to go on, and wait."""
        if isinstance(error, Expired):
            self._version = ""
        if self._kind.optional and isinstance(error, NotFound | PermissionDenied):
            self._leave_out()
            return
        if isinstance(error, NotFound):  # the kind itself is gone: what we knew of it is worth nothing
            self._version = ""
        _LOG.warning("following %s failed, trying again: %s", self._kind.plural, error.message)
        after = error.retry_after if isinstance(error, TransientError) else _REFUSED_PAUSE
        backoff = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._lasting.pause(after if after is not None else backoff * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def _leave_out(self) -> None:
        """Say once that there is none, and look again now and then."""
        if not self._absent or self._version:
            self._emit(Listed(self._kind, ()))
        self._version, self._absent = "", True
        self._lasting.pause(_ABSENT)
