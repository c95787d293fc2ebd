"""What a bench says: rows that hold a figure against a budget, rows that only report one, and the table of them.

Another measurement is a module with a function that yields rows, named in `tests.bench.__main__.MEASUREMENTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.table import Table

type Say = Callable[[str], None]
"""Shows what is being done, in a few words."""
type Measure = Callable[[Say], Iterator[Row]]

SECONDS = 1.5
"""Margin for seconds: a shared machine with two cores is up to half slower than an idle one. Counts have none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        what: what was measured, in the words of the budget.
        figure: what came out.
        budget: the most that it may be; None for a figure that is only reported.
        unit: of both, with its space, e.g. " MB".
        margin: factor by which a noisy figure may pass its budget; 1 for counts and ratios, which are strict.
    """

    what: str
    figure: float
    budget: float | None = None
    unit: str = ""
    margin: float = 1.0

    @property
    def holds(self) -> bool:
        """Whether the figure is within the budget."""
        return self.budget is None or self.figure <= self.budget * self.margin


def seconds(what: str, figure: float, budget: float) -> Row:
    """Return a row of seconds, with the margin of a noisy machine."""
    return Row(what, figure, budget, " s", SECONDS)


def milliseconds(what: str, figure: float, budget: float) -> Row:
    """Return a row of milliseconds, with the margin of a noisy machine."""
    return Row(what, figure, budget, " ms", SECONDS)


def table(title: str, rows: Iterable[Row]) -> Table:
    """Return rows as a table for people."""
    made = Table(title=title, title_justify="left")
    made.add_column("what")
    for column in ("measured", "budget"):
        made.add_column(column, justify="right")
    made.add_column("")
    for row in rows:
        made.add_row(row.what, _text(row.figure, row.unit), _budget(row), _verdict(row))
    return made


def _text(figure: float, unit: str) -> str:
    return f"{figure:,.0f}{unit}" if figure == int(figure) else f"{figure:,.3g}{unit}"


def _budget(row: Row) -> str:
    if row.budget is None:
        return ""
    return _text(row.budget, row.unit) + (f" (x {row.margin:g})" if row.margin != 1 else "")


def _verdict(row: Row) -> str:
    if row.budget is None:
        return ""
    return "[green]ok[/]" if row.holds else "[red]OVER[/]"
