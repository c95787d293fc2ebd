"""The table of the proof: a law, what is done for it, and a callable that plays a share of the cases.

A row of your own: write `play(share) -> Counts` (any exception it lets through is a failure, too), and add a Row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice


@dataclass(frozen=True, slots=True)
class Share:
    """One of `of` equal parts of a row's cases; the parts run in different processes, in any order."""

    index: int = 0
    of: int = 1

    def part[T](self, cases: Iterable[T]) -> Iterator[T]:
        """Yield this share's cases."""
        return islice(cases, self.index, None, self.of)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a share gave.

    Attributes:
        cases: how many were run.
        failures: one text each.
        told: further counts, for the summary.
    """

    cases: int = 0
    failures: tuple[str, ...] = ()
    told: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        told = {name: self.told.get(name, 0) + other.told.get(name, 0) for name in {**self.told, **other.told}}
        return Counts(self.cases + other.cases, (*self.failures, *other.failures), told)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        law: its number in the list of laws, or a word.
        what: what is done, in a few words.
        play: `module:function`; plays a share of the cases. Imported where it runs.
        shares: into how many parts the cases are split.
        least: how many cases there must be, so that a row can not pass by doing nothing.
    """

    law: str
    what: str
    play: str
    shares: int = 1
    least: int = 1

    def function(self) -> Callable[[Share], Counts]:
        """Return the callable."""
        module, _, name = self.play.partition(":")
        found: Callable[[Share], Counts] = getattr(import_module(module), name)
        return found


ROWS = (
    Row("4", "a fault at every call, then the same, another or the old want", "tests.proof.cuts:play", 25, 9000),
    Row("5", "random transitions, every state evaluated", "tests.proof.traffic:play", 50, 500),
    Row("5", "real requests through Envoy, 200 a second", "tests.proof.live:play", 1, 20),
    Row("5", "a wrong order is caught by real requests", "tests.proof.live:play_mutant", 1, 1),
    Row("5", "revocations cut at once", "tests.proof.revocations:play", 4, 20),
    Row("5", "wrong orders are caught", "tests.proof.traffic:play_mutants", 4, 4),
    Row("6", "a run that hangs and one that eats its memory, 30 others", "tests.proof.laws:play_blast_radius", 1, 32),
    Row("9", "events lost, doubled, late and out of order", "tests.proof.laws:play_streams", 10, 200),
    Row("9", "watcher and runner killed at random moments", "tests.proof.laws:play_kills", 1, 100),
    Row("10", "nine writers on one status, on a real API server", "tests.proof.laws:play_status_writers", 1, 1000),
    Row("11", "at the quota the oldest stay", "tests.proof.laws:play_quota", 10, 100),
    Row("absence", "what a broken or another cluster says", "tests.proof.laws:play_absence", 1, 22),
    Row("7", "worlds of objects that the CRDs allow", "tests.proof.laws:play_worlds", 20, 20_000),
)
