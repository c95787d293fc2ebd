"""What a run is worth: the upstream report against the tests that may be left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.table import Table

from tests.conformance.features import counted_extended
from tests.conformance.profiles import Profile
from tests.conformance.run import Results

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged run.

    Attributes:
        report: path of the upstream report.
        body: its content.
        wrong: what is not as it has to be, a sentence each.
    """

    report: Path
    body: dict[str, Any]
    wrong: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def write(self, folder: Path) -> None:
        """Keep the upstream report as it is, unless the one there says the same but for its date."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / f"{self.body['profiles'][0]['name'].lower()}.yaml"
        before = yaml.safe_load(kept.read_text()) if kept.exists() else {}
        if before | {"date": ""} != self.body | {"date": ""}:
            kept.write_bytes(self.report.read_bytes())


def judge(profile: Profile, results: Results) -> Verdict:
    """Return what the run is worth."""
    if not results.report.exists():
        return Verdict(results.report, {}, (f"the suite broke off with exit code {results.exit_code}",))
    body: dict[str, Any] = yaml.safe_load(results.report.read_text())
    wrong = [f"{name} failed" for name in results.failed]
    wrong += _skips_gone_wrong(profile, results, body)
    wrong += _claims_not_judged(profile, body)
    if results.exit_code and not wrong:
        wrong.append(f"the suite ended with exit code {results.exit_code}: see {results.log}")
    return Verdict(results.report, body, tuple(wrong))


def _skips_gone_wrong(profile: Profile, results: Results, body: dict[str, Any]) -> Iterator[str]:
    """Yield what was left out without a name, and what is named without need. Some tests are in no report."""
    allowed = {one.test for one in profile.skips}
    reported = {test for part in _parts(body) for test in part.get("skippedTests") or ()}
    skipped = reported | set(results.left_out)
    yield from (f"{name} was left out and is not named in skips.yaml" for name in sorted(skipped - allowed))
    yield from (f"{name} is named in skips.yaml and was not left out" for name in sorted(allowed - skipped))


def _claims_not_judged(profile: Profile, body: dict[str, Any]) -> Iterator[str]:
    """Yield the claims that the suite does not know by that name; a report without extended tests lists none."""
    extended = body["profiles"][0].get("extended")
    if extended is None:
        return
    known = set(extended.get("supportedFeatures") or ())
    for name in counted_extended(profile.features, profile.kind):
        if name not in known:
            yield f"{name} is claimed and unknown to the suite {body.get('gatewayAPIVersion')}"


def _parts(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for found in body["profiles"]:
        yield found.get("core") or {}
        yield found.get("extended") or {}


def show(profile: Profile, verdict: Verdict, console: Console) -> None:
    """Print the totals, and what is wrong."""
    table = Table(title=f"{profile.name}, suite {verdict.body.get('gatewayAPIVersion', '?')}", title_justify="left")
    for column in ("part", "result", "passed", "skipped", "failed"):
        table.add_column(column)
    for found in verdict.body.get("profiles", ()):
        for part in ("core", "extended"):
            if body := found.get(part):
                counts = body["statistics"]
                cells = (str(counts[name]) for name in ("Passed", "Skipped", "Failed"))
                table.add_row(part, body["result"], *cells)
    console.print(table)
    for sentence in verdict.wrong:
        console.print(sentence, style="bold red")
