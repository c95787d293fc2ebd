"""`routewright`: plan offline, backfill by hand. Talks to people; decides nothing."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.manifests import ManifestError
from reconciler.errors import ReconcilerError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they may hold a Secret
    help="Gateway API objects become cloud load balancers.",
)


class Output(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    YAML = "yaml"


@app.callback()
def root() -> None:
    """Gateway API objects become cloud load balancers."""


@app.command()
def plan(
    where: Annotated[
        list[str],
        typer.Option("-f", "--file", help="Manifests: a folder, a file, or - for standard input; repeatable."),
    ],
    provider: Annotated[
        str, typer.Option(help="The cloud to plan for, by its name among `routewright.providers`.")
    ] = "aws",
    output: Annotated[Output, typer.Option(help="Tables for people, or one YAML document.")] = Output.TABLE,
    crds: Annotated[
        Path | None, typer.Option(help="Folder with the CRDs whose schemas the input is checked by.")
    ] = None,
    bucket: Annotated[
        str,
        typer.Option(
            "--trust-store-bucket",
            envvar="ROUTEWRIGHT_TRUST_STORE_BUCKET",
            help="The deployment's bucket for the authorities of clients; without it none are verified.",
        ),
    ] = "",
) -> None:
    """Show what manifests would become: resources with reasons, and every status. Needs no cluster and no cloud.

    Ends with 1 if the input cannot be read or a schema refuses an object.
    """
    from cli.plan import document, make_plan
    from cli.show import plain, show_answer

    errors = Console(stderr=True)
    try:
        answer = make_plan(where, provider, crds, bucket)
    except (ManifestError, ReconcilerError) as error:
        errors.print(plain(str(error), style="red"))
        raise typer.Exit(1) from error
    if output is Output.YAML:
        sys.stdout.write(yaml.safe_dump(document(answer), sort_keys=True, width=110, allow_unicode=True))
        for finding in answer.findings:
            errors.print(plain(f"{finding.place}: {finding.name}: {finding.field}: {finding.message}"))
        for note in answer.notes:
            errors.print(plain(f"note: {note}"))
    else:
        show_answer(_console(), answer)
    if answer.findings:
        raise typer.Exit(1)


@app.command()
def backfill(
    cluster: Annotated[str, typer.Option(help="Cluster id; all of the deployment's if not given.")] = "",
    namespace: Annotated[str, typer.Option(help="Only Gateways of this namespace.")] = "",
    gateway_class: Annotated[str, typer.Option("--class", help="Only Gateways of this class.")] = "",
    name: Annotated[str, typer.Option(help="Only Gateways of this name.")] = "",
) -> None:
    """Look at Gateways again, by hand: a trigger for each selected one goes onto the queue."""
    from functions import wiring
    from functions.resync import Selection, triggers
    from reconciler.events import Cause

    console = _console()
    try:
        wired = wiring.container()
        run, selection = wired.new_run(), Selection(namespace, name, gateway_class)
        wanted = [one for one in wired.clusters() if cluster in ("", one.cluster_id)]
        found = [one for source in wanted for one in triggers(source.gateways(), selection, Cause.BACKFILL, run)]
        columns = (TextColumn("[progress.description]{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console) as progress:
            for trigger in progress.track(found, description="backfill"):
                wired.queue.send(trigger)
    except ReconcilerError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    console.print(f"run {run}: {len(found)} Gateways queued")


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
