"""Calls to the cloud, counted: each reconcile in a process of its own against the emulated AWS, nothing cached."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.aws.server import AwsEmulator
from reconciler.events import Cause, Seen, to_text
from tests.bench.rows import Row, Say
from tests.builders import (
    backend,
    config,
    config_ref,
    endpoints,
    exact,
    gateway,
    gateway_class,
    http_probe,
    of_pods,
    pod,
    prefix,
    route,
    rule,
    service,
    with_service,
)
from tests.fakes import trigger

ROOT = Path(__file__).parent.parent.parent
RULES, SERVICES = 100, 50
ALL_KEY_TYPES = ["RSA_2048", "EC_prime256v1"]
type Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """What one reconcile left of the objects, and its calls to the cloud."""

    objects: list[Plain]
    reads: int
    writes: int
    operations: dict[str, int]


@dataclass(frozen=True, slots=True)
class Cloud:
    """An emulated account, and a folder that carries the objects from process to process."""

    emulator: AwsEmulator
    folder: Path

    def run(self, objects: list[Plain], **more: Any) -> Counted:
        """Reconcile once in a fresh process. Raises CalledProcessError."""
        file = self.folder / "cluster.json"
        file.write_text(json.dumps(objects), encoding="utf-8")
        command = [sys.executable, "-m", "tests.bench.one_run", str(file), to_text(trigger(**more))]
        environment = {**os.environ, **self.emulator.environment(), "PYTHONPATH": str(ROOT)}
        self.emulator.account.journal.reset()
        subprocess.run(command, check=True, env=environment, cwd=ROOT)  # noqa: S603 - our own module
        counts = self.emulator.account.journal.counts()
        found = json.loads(file.read_text(encoding="utf-8"))
        return Counted(found, counts.reads, counts.writes, dict(counts.operations))

    def rules(self) -> int:
        """Return how many rules the load balancer has, default ones apart."""
        (balancer,) = self.emulator.account.state()["loadBalancers"]
        return sum(len(listener["Rules"]) - 1 for listener in balancer["Listeners"])

    def certificates(self) -> int:
        """Return how many certificates ACM holds."""
        with self.emulator.account.journal.silent():
            listed = self.emulator.account.client("acm").list_certificates(Includes={"keyTypes": ALL_KEY_TYPES})
        return len(listed["CertificateSummaryList"])


@contextmanager
def cloud() -> Iterator[Cloud]:
    """Give an account with a network."""
    with tempfile.TemporaryDirectory() as folder, AwsEmulator() as emulator:
        emulator.account.prepare_network()
        yield Cloud(emulator, Path(folder))


def measure_runs(say: Say) -> Iterator[Row]:
    """Measure a no-op, an insertion on top, and a replaced Pod, on 100 rules."""
    with cloud() as aws:
        aws.emulator.account.limits.set("rules-per-application-load-balancer", 200)
        say(f"creating {RULES} rules")
        objects = aws.run(hundred_rules()).objects
        yield Row("rules missing on the load balancer (fewer would prove less)", RULES - aws.rules(), 0)
        say("reconciling again")
        quiet = aws.run(objects, cause=Cause.RESYNC, run="r1")
        yield Row(f"no-op, {RULES} rules: cloud reads", quiet.reads, 2)
        yield Row(f"no-op, {RULES} rules: cloud writes", quiet.writes, 0)
        say("inserting a Route on top")
        on_top = aws.run([*quiet.objects, *inserted()], seen=(Seen("HTTPRoute", "uid-a-top", "9"),))
        yield Row(f"a Route inserted above {RULES} rules: cloud writes", on_top.writes, 3)
        yield Row("a change of one Route: cloud reads (5, and 1 a listener)", on_top.reads, 6)
        say("replacing a Pod")
        seen = (Seen("EndpointSlice", "uid-a-s7-s", "10"),)
        churn = aws.run(pod_replaced(on_top.objects), seen=seen, services=("a/s7",))
        yield Row("one Pod replaced: cloud writes", churn.writes, 2)
        touched = sum(count for name, count in churn.operations.items() if "Rule" in name)
        yield Row("one Pod replaced: calls that read or write rules", touched, 0)


def measure_cold(say: Say) -> Iterator[Row]:
    """Report the calls by operation of a cold creation."""
    with cloud() as aws:
        say("creating 50 Routes from nothing")
        for name, count in sorted(aws.run(fifty_routes()).operations.items()):
            yield Row(f"cold creation, 50 Routes x 2 matches: {name}", count)


def hundred_rules() -> list[Plain]:
    """Return a Gateway with 100 rules over 50 Services, the rules quota set to 200."""
    objects = [
        gateway_class(parametersRef=config_ref()),
        config({"aws": {"quotas": {"rulesPerLoadBalancer": 200}}}),
        gateway(),
    ]
    for number in range(SERVICES):
        objects.extend(with_pod(f"s{number}", f"10.244.1.{number}", "old"))
        rules = [
            rule(backend(f"s{number}"), matches=[{**exact("/one"), "method": "GET"}]),
            rule(backend(f"s{number}"), matches=[{**exact("/two"), "method": "POST"}]),
        ]
        objects.append(route(f"r{number}", "a", rules, [f"h{number}.example.com"]))
    return objects


def with_pod(name: str, address: str, which: str) -> list[Plain]:
    """Return a Service with one Pod behind it, whose readiness probe is the health check."""
    behind = pod(f"{name}-1-{which}", probe=http_probe())
    return [service(name), behind, of_pods(endpoints(name, "a", [address]), behind)]


def inserted() -> list[Plain]:
    """Return a Route that comes before all others, with its Service."""
    headers = {"headers": [{"name": "x-canary", "value": "1"}]}
    match = {**exact("/one"), "method": "GET", **headers}
    top = route("top", "a", [rule(backend("top"), matches=[match])], ["h0.example.com"])
    return [*with_service("top", "a", ["10.244.2.1"]), top]


def pod_replaced(objects: list[Plain]) -> list[Plain]:
    """Return the same objects, with another Pod behind one Service."""
    changed = copy.deepcopy(objects)
    kept = [item for item in changed if not item["metadata"]["name"].startswith(("s7-1-", "s7-s"))]
    return [*kept, *with_pod("s7", "10.244.3.7", "new")[1:]]


def fifty_routes() -> list[Plain]:
    """Return a Gateway with 50 Routes of 2 matches each."""
    objects = [gateway_class(), gateway()]
    for number in range(50):
        objects.extend(with_service(f"s{number}", "a", [f"10.244.1.{number}"]))
        matches = [exact("/login"), prefix("/api")]
        rules = [rule(backend(f"s{number}"), matches=matches)]
        objects.append(route(f"r{number}", "a", rules, [f"h{number}.example.com"]))
    return objects
