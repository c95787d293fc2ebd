"""`make bench`: the budgets of docs/architecture.md as counts and ratios; exit code 1 when one is over.

`python -m tests.bench NAME ...` measures only what is named.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.console import Console

from tests.bench.changes import measure_changes
from tests.bench.compiling import measure_compile, measure_growth
from tests.bench.imports import measure_imports
from tests.bench.packing import measure_packing
from tests.bench.reconciles import measure_cold, measure_runs
from tests.bench.rows import Measure, Row, table
from tests.bench.snapshots import measure_snapshots
from tests.bench.waiting import measure_long_change, measure_waiting
from tests.bench.wall_clock import measure_wall_clock

MEASUREMENTS: Mapping[str, Measure] = {
    "runs": measure_runs,
    "changes": measure_changes,
    "cold": measure_cold,
    "packing": measure_packing,
    "imports": measure_imports,
    "compile": measure_compile,
    "waiting": measure_waiting,
    "long-change": measure_long_change,
    "wall-clock": measure_wall_clock,
    "growth": measure_growth,
    "snapshots": measure_snapshots,
}


def main(names: list[str]) -> int:
    """Measure, print the tables, return the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        console.print(f"no measurement {unknown[0]!r}; there are {', '.join(MEASUREMENTS)}")
        return 2
    rows = [row for name in names or MEASUREMENTS for row in measured(name, console)]
    console.print(table("Budgets", (row for row in rows if row.budget is not None)))
    if reports := [row for row in rows if row.budget is None]:
        console.print(table("Reported", reports))
    return 0 if all(row.holds for row in rows) else 1


def measured(name: str, console: Console) -> list[Row]:
    """Return the rows of one measurement, telling on the way what is done."""
    if not console.is_terminal:
        return list(MEASUREMENTS[name](lambda text: console.print(f"{name}: {text}")))
    with console.status(name) as status:
        return list(MEASUREMENTS[name](lambda text: status.update(f"{name}: {text}")))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
