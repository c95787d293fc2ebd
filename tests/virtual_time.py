"""Threads that share one virtual clock: one runs at a time, and time passes only when all of them sleep.

So minutes of a deployment with several processes pass in a moment, in the same order every time.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from emulators.aws.clock import Clock

_PATIENCE = 60.0
"""Seconds of real time after which a thread that neither sleeps nor ends is a bug of the test."""


@dataclass(slots=True)
class _Sleeper:
    """A thread of the play; `turn` is set when it may run, `rest` when it sleeps again or has ended."""

    turn: threading.Event = field(default_factory=threading.Event)
    rest: threading.Event = field(default_factory=threading.Event)


class VirtualTime:
    """Runs functions as threads on a virtual clock. `sleep` is for those threads, `run` for the one that watches."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._asleep: list[tuple[float, int, _Sleeper]] = []
        self._mine = threading.local()
        self._over = False
        self._failures: list[BaseException] = []

    def now(self) -> float:
        """Return the virtual time, in seconds since the epoch."""
        return self._clock.now()

    def spawn(self, play: Callable[[], None]) -> None:
        """Let a function run as a thread of its own, from now on; it ends when it returns or the play is over."""
        sleeper = _Sleeper()
        threading.Thread(target=self._live, args=(sleeper, play), daemon=True).start()
        self._lie_down(sleeper, 0.0)

    def sleep(self, seconds: float) -> None:
        """Let others run until so many seconds have passed."""
        sleeper: _Sleeper = self._mine.sleeper
        self._lie_down(sleeper, seconds)
        self._wait(sleeper)

    def run(self, until: Callable[[], bool], longest: float) -> None:
        """Let time pass until something is true; then end all threads. Raises what a thread raised, or TimeoutError."""
        end = self.now() + longest
        try:
            while not until():
                if not self._asleep or self._asleep[0][0] > end:
                    raise TimeoutError(f"{longest:g} s of virtual time were not enough")
                self._wake()
        finally:
            self._over = True
            while self._asleep:
                self._wake()

    def _wake(self) -> None:
        """Let the one that is due next run until it sleeps again or ends."""
        due, _, sleeper = heapq.heappop(self._asleep)
        self._clock.advance(max(0.0, due - self.now()) if not self._over else 0.0)
        sleeper.rest.clear()
        sleeper.turn.set()
        if not sleeper.rest.wait(_PATIENCE):
            raise TimeoutError("a thread neither sleeps nor ends")
        if self._failures:
            raise self._failures.pop()

    def _live(self, sleeper: _Sleeper, play: Callable[[], None]) -> None:
        self._mine.sleeper = sleeper
        try:
            self._wait(sleeper)
            play()
        except _Over:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in `run`
            self._failures.append(error)
        sleeper.rest.set()

    def _lie_down(self, sleeper: _Sleeper, seconds: float) -> None:
        heapq.heappush(self._asleep, (self.now() + seconds, next(self._order), sleeper))

    def _wait(self, sleeper: _Sleeper) -> None:
        sleeper.rest.set()
        sleeper.turn.wait()
        sleeper.turn.clear()
        if self._over:
            raise _Over


class _Over(BaseException):
    """Ends a thread when the play is over."""
