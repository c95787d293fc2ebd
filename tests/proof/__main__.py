"""`make proof`: every row of `tests/proof/table.py`, all cases; exit code 1 when one fails or time is over."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from rich.console import Console

from tests.proof.runner import Told, play_rows
from tests.proof.show import show_failures, show_summary
from tests.proof.table import ROWS


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("--law", action="append", help="only these laws, e.g. 4 (may be repeated)")
    parser.add_argument("--minutes", type=float, default=30.0, help="the bound (default: 30)")
    waiting = 1  # some rows mostly wait, for servers and for time to pass
    most = (os.cpu_count() or 1) + waiting
    parser.add_argument("--processes", type=int, default=most, help=f"how many work at once (default: {most})")
    chosen = parser.parse_args()
    rows = [row for row in ROWS if not chosen.law or row.law in chosen.law]
    logging.disable(logging.WARNING)  # failed calls are what this is about
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else 160)
    told: list[Told] = play_rows(rows, console, chosen.minutes * 60, chosen.processes)
    show_failures(console, told)
    show_summary(console, told)
    return 0 if told and all(one.passed for one in told) else 1


if __name__ == "__main__":
    sys.exit(main())
