"""The proof's runner: every share counts, and nothing that went wrong passes."""

from __future__ import annotations

import io

from rich.console import Console

from tests.proof.runner import Told, play_rows
from tests.proof.show import show_failures, show_summary
from tests.proof.table import ROWS, Row

_HERE = "tests.unit.proof.played"


def _played(*rows: Row, seconds: float = 60.0) -> tuple[list[Told], str]:
    console = Console(file=io.StringIO(), width=200)
    told = play_rows(rows, console, seconds, 2)
    show_failures(console, told)
    show_summary(console, told)
    assert isinstance(console.file, io.StringIO)
    return told, console.file.getvalue()


def test_all_shares_are_played_and_what_fails_or_breaks_or_is_missing_is_told() -> None:
    """A row passes only if all its cases were run, as many as promised, and none failed."""
    rows = (
        Row("1", "good", f"{_HERE}:passes", 3, 10),
        Row("2", "bad", f"{_HERE}:fails", 2),
        Row("3", "broken", f"{_HERE}:breaks", 1),
        Row("4", "too few", f"{_HERE}:passes", 2, 11),
    )

    told, text = _played(*rows)

    assert ["passed", "2 failed", "1 failed", "fewer than 11 cases"] == [one.verdict for one in told]
    assert [True, False, False, False] == [one.passed for one in told]
    assert (10, {"numbers": 9}) == (told[0].counts.cases, told[0].counts.told)
    assert "law 1: good: 3 of 3 shares, 10 cases" in text
    assert "share 1 is wrong" in text
    assert "ValueError: share 0 broke" in text


def test_what_has_not_ended_in_time_is_given_up_and_said_so() -> None:
    """The bound holds whatever a case does."""
    told, text = _played(Row("1", "endless", f"{_HERE}:hangs", 2), seconds=0.5)

    assert ["ran out of time"] == [one.verdict for one in told]
    assert "ran out of time" in text


def test_every_row_of_the_table_can_be_played() -> None:
    """Its function is where it says."""
    assert all(callable(row.function()) for row in ROWS)
