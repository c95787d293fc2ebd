"""One run of the suite as a child process: its flags, its progress, its results as they come."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from demo.stage import Stage
from emulators.gotool import cache_folder
from tests.conformance.profiles import Profile

if TYPE_CHECKING:
    from rich.console import Console

_RESULT = re.compile(r"^\x16?\s*--- (PASS|FAIL): TestConformance/([^/ ]+) \(([0-9.]+)s\)")
_LEFT_OUT = re.compile(r"Skipping (\w+): test explicitly skipped$")
_LIMIT = "40m"
_PARALLEL = "4"
_CLASS = "routewright-aws"
_FOREIGN_ADDRESS = "192.0.2.1"
_IMPLEMENTATION = {
    "organization": "routewright",
    "project": "routewright",
    "url": "https://routewright.dev",
    "version": "0.1.0",
    "contact": "https://routewright.dev/security",
}


@dataclass(slots=True)
class Results:
    """What a run gave.

    Attributes:
        log: everything that the suite printed.
        report: the upstream report, which may not exist after a run that broke off.
        exit_code: of the suite.
        passed, failed: names of tests in the order of their ends.
        left_out: names of tests that were skipped because we asked for it, not for a feature that is not claimed.
    """

    log: Path
    report: Path
    exit_code: int = 0
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def run(suite: Path, profile: Profile, stage: Stage, console: Console, only: str = "") -> Results:
    """Run the suite to its end and tell each result as it comes."""
    folder = cache_folder() / "conformance-logs"
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder / f"{profile.name.lower()}.log", stage.folder / f"{profile.name}.yaml")
    started = time.monotonic()
    environment = os.environ | {"KUBECONFIG": str(stage.kubeconfig)}
    with results.log.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - the program that we built, with our own flags
            [str(suite), *_flags(profile, results.report, only), *_addresses(profile, stage)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            _note(line, results, console, started)
            if not only and (found := _LEFT_OUT.search(line.rstrip())):
                results.left_out.append(found[1])
        results.exit_code = process.wait()
    shutil.copyfile(stage.functions_log, folder / f"{profile.name.lower()}-functions.log")
    return results


def _flags(profile: Profile, report: Path, only: str) -> list[str]:
    flags = ["-test.v=test2json", "-test.run=TestConformance", f"-test.timeout={_LIMIT}", f"-test.parallel={_PARALLEL}"]
    flags += [f"--gateway-class={_CLASS}", f"--conformance-profiles={profile.name}"]
    flags += [f"--supported-features={','.join(profile.features)}"]
    if only:
        return [*flags, f"--run-test={only}"]
    flags += [f"--{name}={value}" for name, value in _IMPLEMENTATION.items()]
    return [*flags, f"--report-output={report}", f"--skip-tests={','.join(one.test for one in profile.skips)}"]


def _addresses(profile: Profile, stage: Stage) -> list[str]:
    """Return flags with an address that the account has, and one that nobody ever has (RFC 5737)."""
    if "GatewayStaticAddresses" not in profile.features:
        return []
    usable = stage.aws("ec2").allocate_address(Domain="vpc")["PublicIp"]
    return [f"--usable-address={usable}", f"--unusable-address={_FOREIGN_ADDRESS}"]


def _note(line: str, results: Results, console: Console, started: float) -> None:
    if not (found := _RESULT.match(line)):
        return
    result, name, seconds = found.groups()
    (results.passed if result == "PASS" else results.failed).append(name)
    style = {"PASS": "green", "FAIL": "bold red"}[result]
    number = len(results.passed) + len(results.failed)
    clock = time.monotonic() - started
    console.print(f"[{style}]{result.lower()}[/] {number:3} {name} [dim]{seconds} s, at {clock:.0f} s[/]")
