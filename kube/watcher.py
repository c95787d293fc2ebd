"""The watcher of one cluster: follows every kind, asks the index whom an event touches, and sends triggers.

Until every kind has been listed nobody is woken; then, and after any list that does not continue a watch, every Gateway
is: a Route deleted meanwhile leaves no other trace. A trigger that the queue does not take waits and is sent again.
Nodes are followed only while some BackendConfig asks for them, and wake only whom they matter to.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kube import kinds, watch
from kube.api import Api
from kube.debounce import Debounce
from kube.index import Index
from kube.links import Name
from kube.poll import Poll
from reconciler.errors import Unavailable
from reconciler.events import Cause, Seen, Trigger
from reconciler.mark import finalizer
from reconciler.ports import Queue

_TICK = 1.0
"""Seconds between two rounds over the Secrets and ConfigMaps that are due."""
_AT_ONCE = 50
"""Triggers sent between two looks at what happened: a relist of a large cluster does not hold up fresh events."""
_IN_A_ROW = 1000
"""Happenings taken between two sends."""
_AGAIN = 1.0
"""Seconds to wait after the queue refused a trigger."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """Whom to watch for: cluster id, our controllerName, the provider's short name; `quiet` seconds end a burst."""

    api: Api
    cluster: str
    controller: str
    provider: str
    quiet: float = 0.1


class Watcher:
    """Sends triggers for one cluster; `new_run` names what a relist sends, so that it is never taken for a repeat."""

    def __init__(self, watched: Watched, triggers: Queue, new_run: Callable[[], str]) -> None:
        self._watched, self._queue, self._new_run = watched, triggers, new_run
        self._index = Index(watched.controller, finalizer(watched.provider))
        self._debounce = Debounce(watched.quiet)
        self._poll = Poll(watched.api)
        self._unlisted = set(kinds.WATCHED)
        self._next_poll = 0.0
        self._paused_until = 0.0
        self._no_more_nodes: threading.Event | None = None
        self._happened: queue.SimpleQueue[watch.Happening] = queue.SimpleQueue()

    @property
    def synced(self) -> bool:
        """Whether every kind has been listed."""
        return not self._unlisted

    def run(self, lasting: watch.Lasting) -> None:
        """Watch until the deadline or the stop; then send what waits. Raises what broke the following of a kind."""
        threads = [
            threading.Thread(
                target=watch.follow,
                args=(self._watched.api, kind, self._happened.put, lasting),
                name=f"watch-{kind.plural}",
                daemon=True,
            )
            for kind in kinds.WATCHED
        ]
        for thread in threads:
            thread.start()
        try:
            while not lasting.over:
                self._step(lasting.left())
                self._follow_nodes(lasting)
        finally:
            lasting.stop.set()
            self._leave_nodes()
            self._send(time.monotonic(), everything=True)

    def _follow_nodes(self, lasting: watch.Lasting) -> None:
        """Begin to follow Nodes when the first BackendConfig asks for them, and leave off with the last one."""
        if not self._index.asks_for_nodes:
            self._leave_nodes()
        elif self._no_more_nodes is None:
            self._no_more_nodes = stop = threading.Event()

            def emit(happening: watch.Happening) -> None:
                if not stop.is_set():
                    self._happened.put(happening)

            span = watch.Lasting(lasting.left, stop, lasting.silence)
            about = (self._watched.api, kinds.NODE, emit, span)
            threading.Thread(target=watch.follow, args=about, name="watch-nodes", daemon=True).start()

    def _leave_nodes(self) -> None:
        if self._no_more_nodes is not None:
            self._no_more_nodes.set()
            self._no_more_nodes = None
            self._index.replace(watch.Listed(kinds.NODE, ()))

    def _step(self, left: float) -> None:
        """Take what happened, up to the moment when something is due."""
        now = time.monotonic()
        try:
            timeout = self._debounce.wait(now, min(_TICK, max(left, 0.0)))
            self._take(self._happened.get(timeout=max(timeout, self._paused_until - now, 0.001)))
            for _ in range(_IN_A_ROW):
                self._take(self._happened.get_nowait())
        except queue.Empty:
            pass
        now = time.monotonic()
        if self.synced and now >= self._next_poll:
            self._look_around(now)
        if now >= self._paused_until:
            self._send(now)

    def _take(self, happening: watch.Happening) -> None:
        match happening:
            case watch.Listed():
                self._index.replace(happening)
                self._unlisted.discard(happening.kind)
                if self.synced:
                    _LOG.info("listed %s; waking all Gateways that it matters to", happening.kind.plural)
                    self._wake_all(happening.kind)
            case watch.Changed():
                touched = self._index.apply(happening)
                if self.synced and touched.seen is not None:
                    self._wake(touched.subjects, touched.seen, touched.services)
            case watch.Broken():
                raise happening.error

    def _wake_all(self, listed: kinds.Kind) -> None:
        """Trigger every subject that a list may be about, all but for Nodes.

        What is polled is looked at first, so that no change falls between look and run.
        """
        now, run = time.monotonic(), self._new_run()
        self._poll.look(self._index.polled(), now)
        subjects = self._index.of_nodes() if listed is kinds.NODE else self._index.subjects()
        for name in sorted(subjects):
            self._debounce.add(self._trigger(name, cause=Cause.RELIST, run=run), now)

    def _look_around(self, now: float) -> None:
        self._next_poll = now + _TICK
        polled = self._index.polled()
        for name, seen in self._poll.look(polled, now).items():
            self._wake(polled[name], seen)

    def _wake(self, subjects: Iterable[Name], seen: Seen, services: tuple[str, ...] = ()) -> None:
        now = time.monotonic()
        for name in subjects:
            self._debounce.add(self._trigger(name, seen=(seen,), services=services), now)

    def _trigger(
        self,
        name: Name,
        *,
        cause: Cause = Cause.EVENT,
        seen: tuple[Seen, ...] = (),
        services: tuple[str, ...] = (),
        run: str = "",
    ) -> Trigger:
        kind, namespace, own = name
        return Trigger(
            self._watched.cluster,
            namespace,
            own,
            kind=kind,
            cause=cause,
            seen=seen,
            services=services,
            run=run,
            known=self._index.known,
        )

    def _send(self, now: float, *, everything: bool = False) -> None:
        due = self._debounce.take(float("inf") if everything else now, len(self._debounce) if everything else _AT_ONCE)
        for place, trigger in enumerate(due):
            try:
                self._queue.send(trigger)
            except Unavailable as error:
                _LOG.warning("a trigger waits: %s", error.message)
                for waiting in due[place:]:
                    self._debounce.add(waiting, now)
                self._paused_until = now + _AGAIN
                return
