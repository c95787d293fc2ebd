"""The readable summary beside the upstream reports: made from them and from `skips.yaml`, so that it cannot differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.profiles import BUNDLE, PROFILES, UNCLAIMED_KINDS, UNTESTED, Skip
from tests.conformance.setting import LENIENCY, SECONDS

HINGES = ("GatewaySecretReferenceGrantAllInNamespace", "GatewaySecretReferenceGrantSpecific")
"""Tests that a run without `--allow-any-certificate` fails for their certificate, which is for `*` alone."""
_TEMPLATE = Path(__file__).parent / "summary.template.md"
_NONE: Mapping[str, Any] = {}


def summary(folder: Path) -> str:
    """Return the page for the reports kept in a folder, in the order of the profiles."""
    reports = {name: report for name in PROFILES if (report := _report(folder, name))}
    passed = {feature for one in reports.values() for feature in _passed_features(one)}
    skips = {one.test: one for profile in PROFILES.values() for one in profile.skips}
    return _TEMPLATE.read_text().format(
        bundle=BUNDLE,
        rows="\n".join(_row(name, folder.name, report) for name, report in reports.items()),
        passed=_listed(passed),
        untested=_listed(UNTESTED),
        skips="\n".join(map(_skip_row, skips.values())),
        unclaimed=_listed(UNCLAIMED_KINDS),
        hinges=_listed(HINGES),
        leniency=LENIENCY,
        **{name.split("-")[-1 if name == "interface-linger" else 0]: seconds for name, seconds in SECONDS.items()},
    )


def _report(folder: Path, profile: str) -> Mapping[str, Any]:
    """Return the one profile of a kept report; nothing if there is none yet."""
    kept = folder / f"{profile.lower()}.yaml"
    if not kept.exists():
        return _NONE
    found: Mapping[str, Any] = yaml.safe_load(kept.read_text())["profiles"][0]
    return found


def _passed_features(report: Mapping[str, Any]) -> Iterator[str]:
    extended = report.get("extended") or _NONE
    if not extended.get("failedTests") and not extended.get("skippedTests"):
        yield from extended.get("supportedFeatures") or ()


def _row(name: str, folder: str, report: Mapping[str, Any]) -> str:
    core, extended = report["core"], report.get("extended") or _NONE
    left_out = sorted({one.test for one in PROFILES[name].skips})
    link = f"[{name}]({folder}/{name.lower()}.yaml)"
    return f"| {link} | {_of(core)} | {_of(extended)} | {_listed(left_out)} |"


def _of(part: Mapping[str, Any]) -> str:
    counts = part.get("statistics")
    return f"{counts['Passed']} of {sum(counts.values())}" if counts else "none in it"


def _skip_row(skip: Skip) -> str:
    number = int(Path(skip.adr).name.split("-")[0])
    decision = f"[ADR {number}](../{skip.adr.removeprefix('docs/')})"
    return f"| {skip.test} | {skip.fact} ([document]({skip.document})) | {decision} |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
