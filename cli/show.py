"""Plans and statuses as tables for people; plain text where the output is no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.plan import Answer
from reconciler.offline import Planned
from reconciler.plan import Change, Op

_COLOURS = {Op.CREATE: "green", Op.UPDATE: "yellow", Op.DELETE: "red"}
_GOOD_WHEN_FALSE = frozenset({"Conflicted", "PartiallyInvalid", "OverlappingTLSConfig"})


def plain(text: str, style: str = "") -> Text:
    """Return a text of the user's as a terminal may have it: no markup, and no control character takes effect."""
    return Text("".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text), style)


def show_answer(console: Console, answer: Answer) -> None:
    """Print findings, the plan of each Gateway, every status, and the notes."""
    for finding in answer.findings:
        told = f"{finding.place}: {finding.name}: {finding.field}: {finding.message}"
        console.print(Text("refused by the schema ", style="red") + plain(told))
    for planned in answer.offline.gateways:
        console.print(gateway_tables(planned))
    console.print(status_table(answer.offline.statuses))
    for note in answer.notes:
        console.print(plain(f"note: {note}", style="dim"))


def gateway_tables(planned: Planned) -> RenderableType:
    """Return the calls that would build one Gateway, and what cannot be built."""
    where = f"Gateway {planned.key.namespace}/{planned.key.name}"
    if not planned.plan:
        return plain(f"{where}: nothing would be built")
    parts: list[RenderableType] = [changes_table(where, planned.plan.changes)]
    parts += [plain(f"cannot: {one.origin}: {one.message}", style="yellow") for one in planned.rejections]
    if planned.want.shadowed:
        parts.append(
            plain(f"never reached, an earlier equal match wins: {', '.join(planned.want.shadowed)}", style="dim")
        )
    return Group(*parts)


def changes_table(title: str, changes: Sequence[Change]) -> Table:
    """Return a table of changes with their reasons."""
    table = Table(title=plain(f"{title}: {len(changes)} calls"), title_justify="left", expand=False)
    for heading in ("", "call", "resource", "why"):
        table.add_column(heading, overflow="fold")
    for change in changes:
        style = _COLOURS[change.op]
        why = f"{change.why} [DISRUPTIVE: {change.disruptive}]" if change.disruptive else change.why
        table.add_row(Text(change.op, style=style), change.call, plain(str(change.key)), plain(why))
    return table


def status_table(statuses: Sequence[tuple[str, str, str, Mapping[str, Any]]]) -> Table:
    """Return a table with a line for each condition of each object."""
    table = Table(title="status after apply", title_justify="left", expand=False)
    for heading in ("object", "condition", "status", "reason", "message"):
        table.add_column(heading, overflow="fold")
    for kind, namespace, name, status in statuses:
        who = "/".join(part for part in (kind, namespace, name) if part)
        for part, condition in _conditions(status):
            good = (condition["status"] == "True") != (condition["type"] in _GOOD_WHEN_FALSE)
            shown = plain(condition["status"], style="green" if good else "red")
            told = (plain(condition[name]) for name in ("reason", "message"))
            table.add_row(plain(f"{who}{part}"), plain(condition["type"]), shown, *told)
        if not any(True for _ in _conditions(status)):
            table.add_row(plain(who), "none", "", "", "no Gateway of ours says anything about it")
    return table


def _conditions(status: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for condition in status.get("conditions", ()):
        yield "", condition
    for listener in status.get("listeners", ()):
        for condition in listener["conditions"]:
            yield f" listener {listener['name']} ({listener['attachedRoutes']} routes)", condition
    for parent in status.get("parents", ()):
        ref = parent["parentRef"]
        section = f"/{ref['sectionName']}" if "sectionName" in ref else ""
        for condition in parent["conditions"]:
            yield f" on {ref['name']}{section}", condition
