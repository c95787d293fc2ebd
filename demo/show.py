"""How the demo speaks: headings, tables, bars; plain text where nobody watches a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

BAR = 40
"""Characters of a full bar."""


@dataclass(slots=True)
class Show:
    """Prints, and remembers what differed from the story."""

    console: Console = field(
        default_factory=lambda: Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    )
    differed: list[str] = field(default_factory=list)
    checked: int = 0
    started: float = field(default_factory=time.monotonic)

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.console.rule(f"[bold]{title}[/]  [dim]{time.monotonic() - self.started:.1f} s[/]", align="left")

    def say(self, text: str) -> None:
        """Say a sentence."""
        self.console.print(text)

    def check(self, sentence: str, *, holds: bool, seen: object = "") -> None:
        """Say whether a sentence of the story holds; one that does not makes the demo fail."""
        self.checked += 1
        told = f" ({seen})" if seen != "" else ""
        if holds:
            self.console.print(Text.assemble(("  ok  ", "bold green"), sentence, (told, "dim")))
        else:
            self.differed.append(f"{sentence}{told}")
            self.console.print(Text.assemble((" NOT  ", "bold red"), sentence, told))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table."""
        table = Table(title=title, title_justify="left")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        self.console.print(table)

    def bar(self, title: str, shares: Mapping[str, int]) -> None:
        """Print shares of a whole as a bar."""
        total = sum(shares.values()) or 1
        self.console.print(f"  {title}")
        for name, count in sorted(shares.items()):
            length = round(BAR * count / total)
            line = Text.assemble(f"  {name:>10} ", ("█" * length, "cyan"), ("·" * (BAR - length), "dim"))
            self.console.print(line.append(f" {100 * count / total:.0f} % ({count})"))
