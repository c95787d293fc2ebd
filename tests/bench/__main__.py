"""`make bench`: the budgets of docs/architecture.md as counts and ratios; exit code 1 when one is over.

Every reconcile runs in a process of its own against the emulated AWS, so that nothing is cached.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from emulators.aws.server import AwsEmulator
from reconciler.events import Cause, Seen, to_text
from tests.builders import (
    backend,
    config,
    endpoints,
    exact,
    gateway,
    gateway_class,
    prefix,
    route,
    rule,
    with_service,
)
from tests.fakes import trigger

ROOT = Path(__file__).parent.parent.parent
RULES, SERVICES = 100, 50
type Plain = dict[str, Any]


@dataclass
class Bench:
    """Runs, counts, and compares with the budgets."""

    emulator: AwsEmulator
    folder: Path
    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def run(self, objects: list[Plain], **more: Any) -> list[Plain]:
        """Reconcile once in a fresh process; return the objects as it left them. Raises CalledProcessError."""
        file = self.folder / "cluster.json"
        file.write_text(json.dumps(objects), encoding="utf-8")
        command = [sys.executable, "-m", "tests.bench.one_run", str(file), to_text(trigger(**more))]
        environment = {**os.environ, **self.emulator.environment(), "PYTHONPATH": str(ROOT)}
        subprocess.run(command, check=True, env=environment, cwd=ROOT)  # noqa: S603 - our own module
        found: list[Plain] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def counted(self, objects: list[Plain], **more: Any) -> tuple[list[Plain], int, int, dict[str, int]]:
        """Reconcile once; return also the reads and writes to the cloud, and calls by operation."""
        self.emulator.account.journal.reset()
        found = self.run(objects, **more)
        counts = self.emulator.account.journal.counts()
        return found, counts.reads, counts.writes, dict(counts.operations)

    def hold(self, what: str, figure: float, budget: float, unit: str = "") -> None:
        """Note a figure against its budget."""
        self.rows.append((what, f"{figure:g}{unit}", f"{budget:g}{unit}", figure <= budget))


def hundred_rules() -> list[Plain]:
    """Return a Gateway with 100 rules over 50 Services, the rules quota set to 200."""
    ref = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "namespace": "infra", "name": "config"}
    objects = [gateway_class(parametersRef=ref), config({"aws": {"quotas": {"rulesPerLoadBalancer": 200}}}), gateway()]
    for number in range(SERVICES):
        address = f"10.244.1.{number}"
        objects.extend(with_service(f"s{number}", "a", [address]))
        rules = [
            rule(backend(f"s{number}"), matches=[{**exact("/one"), "method": "GET"}]),
            rule(backend(f"s{number}"), matches=[{**exact("/two"), "method": "POST"}]),
        ]
        objects.append(route(f"r{number}", "a", rules, [f"h{number}.example.com"]))
    return objects


def cold_objects() -> list[Plain]:
    """Return a Gateway with 50 Routes of 2 matches each."""
    objects = [gateway_class(), gateway()]
    for number in range(50):
        objects.extend(with_service(f"s{number}", "a", [f"10.244.1.{number}"]))
        matches = [exact("/login"), prefix("/api")]
        objects.append(
            route(f"r{number}", "a", [rule(backend(f"s{number}"), matches=matches)], [f"h{number}.example.com"])
        )
    return objects


def measure_runs(bench: Bench) -> None:
    """Measure no-op, insertion on top, and a replaced Pod."""
    bench.emulator.account.limits.set("rules-per-application-load-balancer", 200)
    objects = bench.run(hundred_rules())
    rules = sum(
        len(listener["Rules"]) - 1 for listener in bench.emulator.account.state()["loadBalancers"][0]["Listeners"]
    )
    bench.hold("rules on the load balancer (fewer would prove less)", RULES - rules, 0)
    objects, reads, writes, _ = bench.counted(objects, cause=Cause.RESYNC, run="r1")
    bench.hold(f"no-op, {RULES} rules: cloud reads", reads, 2)
    bench.hold(f"no-op, {RULES} rules: cloud writes", writes, 0)
    top = route(
        "top",
        "a",
        [rule(backend("top"), matches=[{**exact("/one"), "method": "GET", **_headers()}])],
        ["h0.example.com"],
    )
    more = [*objects, *with_service("top", "a", ["10.244.2.1"]), top]
    objects, reads, writes, _ = bench.counted(more, seen=(Seen("HTTPRoute", "uid-a-top", "9"),))
    bench.hold(f"a Route inserted above {RULES} rules: cloud writes", writes, 3)
    bench.hold("a change of one Route: cloud reads (5, and 1 a listener)", reads, 6)
    changed = copy.deepcopy(objects)
    pod = next(item for item in changed if item["kind"] == "EndpointSlice" and item["metadata"]["name"] == "s7-s")
    pod["endpoints"] = endpoints("s7", "a", ["10.244.3.7"])["endpoints"]
    seen = (Seen("EndpointSlice", "uid-a-s7-s", "10"),)
    _, _, writes, names = bench.counted(changed, seen=seen, services=("a/s7",))
    bench.hold("one Pod replaced: cloud writes", writes, 2)
    touched = sum(count for name, count in names.items() if "Rule" in name)
    bench.hold("one Pod replaced: calls that read or write rules", touched, 0)


def _headers() -> Plain:
    return {"headers": [{"name": "x-canary", "value": "1"}]}


def measure_cold(bench: Bench) -> dict[str, int]:
    """Return the calls by operation of a cold creation with 50 Routes of 2 matches."""
    _, _, _, names = bench.counted(cold_objects())
    return names


def measure_compile(bench: Bench) -> None:
    """Measure 1,000 Routes of 5 matches, and how time grows from 500."""
    half, full = _compile(500), _compile(1000)
    bench.hold("1,000 HTTPRoutes x 5 matches: seconds of one core", round(full["seconds"], 2), 2.0, " s")
    bench.hold("1,000 HTTPRoutes x 5 matches: peak memory", round(full["megabytes"]), 300, " MB")
    bench.hold("1,000 HTTPRoutes x 5 matches: rejections", full["rejections"], 0)
    growth = full["seconds"] / half["seconds"]
    bench.hold("growth from 500 to 1,000 Routes (n log n is 2.2, with noise)", round(growth, 2), 3.0, " x")


def _compile(count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.compile_run", str(count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT)  # noqa: S603 - our own module
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def main() -> int:
    """Measure everything, print tables, return the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=3)
        with AwsEmulator() as emulator:
            emulator.account.prepare_network()
            bench = Bench(emulator, Path(folder))
            measure_runs(bench)
            progress.advance(task)
        with AwsEmulator() as emulator:
            emulator.account.prepare_network()
            cold = measure_cold(Bench(emulator, Path(folder)))
            progress.advance(task)
        measure_compile(bench)
        progress.advance(task)
    _print(console, bench, cold)
    return 0 if all(holds for *_, holds in bench.rows) else 1


def _print(console: Console, bench: Bench, cold: dict[str, int]) -> None:
    table = Table(title="Budgets", title_justify="left")
    for column in ("what", "measured", "budget", ""):
        table.add_column(column)
    for what, figure, budget, holds in bench.rows:
        table.add_row(what, figure, budget, "[green]ok[/]" if holds else "[red]OVER[/]")
    console.print(table)
    calls = Table(title="Cold creation, 50 Routes x 2 matches: calls by operation", title_justify="left")
    calls.add_column("operation")
    calls.add_column("calls", justify="right")
    for name, count in sorted(cold.items()):
        calls.add_row(name, str(count))
    console.print(calls)


if __name__ == "__main__":
    raise SystemExit(main())
