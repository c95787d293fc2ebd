"""How the proof speaks to people: bars on a terminal, a line a share elsewhere, a table in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.proof.table import Counts, Row

if TYPE_CHECKING:
    from rich.console import Console

    from tests.proof.runner import Told

SHOWN = 20
"""Failures that are printed of a row; the rest is counted."""

type Ended = Callable[[int, int, Counts], None]
"""(row number, shares that ended, counts so far)."""


@contextmanager
def shown_progress(console: Console, rows: Sequence[Row]) -> Iterator[Ended]:
    """Show progress while the block runs; what it yields is to be called when a share has ended."""
    if not console.is_terminal:
        yield _lines(console, rows)
        return
    columns = (TextColumn("law {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[told]}"), console=console) as progress:
        tasks = [progress.add_task(f"{row.law}: {row.what}", total=row.shares, told="") for row in rows]

        def ended(number: int, shares: int, counts: Counts) -> None:
            progress.update(tasks[number], completed=shares, told=_so_far(counts))

        yield ended


def _lines(console: Console, rows: Sequence[Row]) -> Ended:
    def ended(number: int, shares: int, counts: Counts) -> None:
        row = rows[number]
        console.print(f"law {row.law}: {row.what}: {shares} of {row.shares} shares, {_so_far(counts)}", soft_wrap=True)

    return ended


def _so_far(counts: Counts) -> str:
    failed = f", {len(counts.failures)} FAILED" if counts.failures else ""
    return f"{counts.cases} cases{failed}"


def show_failures(console: Console, told: Sequence[Told]) -> None:
    """Print what failed."""
    for one in told:
        for text in one.counts.failures[:SHOWN]:
            console.print(f"law {one.row.law}: {text}", style="red", markup=False, highlight=False, soft_wrap=True)
        if more := len(one.counts.failures[SHOWN:]):
            console.print(f"law {one.row.law}: and {more} more")


def show_summary(console: Console, told: Sequence[Told]) -> None:
    """Print the table of laws and cases."""
    table = Table("law", "what", "cases", "failures", "seconds", "besides", "verdict", title="proof")
    for one in told:
        besides = ", ".join(f"{count:,} {name}" for name, count in one.counts.told.items())
        numbers = (f"{one.counts.cases:,}", str(len(one.counts.failures)), f"{one.seconds:.0f}")
        style = "green" if one.passed else "red"
        table.add_row(one.row.law, one.row.what, *numbers, besides, one.verdict, style=style)
    console.print(table)
