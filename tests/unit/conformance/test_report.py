"""A run is good only if every test passed that is not left out by name, and every name was needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.profiles import Profile, Skip
from tests.conformance.report import judge
from tests.conformance.run import Results

HEADERS = Skip("HeaderModifier", "an ALB lacks it", "https://docs.aws.amazon.com/", "docs/adr/0012-x.md")
PROFILE = Profile("GATEWAY-HTTP", "HTTPRoute", ("Gateway", "HTTPRoute", "HTTPRouteMethodMatching"), (HEADERS,))


def _results(tmp_path: Path, skipped: tuple[str, ...] = ("HeaderModifier",), **more: Any) -> Results:
    """Return a run that is as it has to be, but for what is said otherwise."""
    features = more.pop("features", ["HTTPRouteMethodMatching"])
    body = {
        "gatewayAPIVersion": "v1.6.3",
        "profiles": [
            {
                "name": "GATEWAY-HTTP",
                "core": {"skippedTests": list(skipped)},
                "extended": {"supportedFeatures": features},
            }
        ],
    }
    (tmp_path / "report.yaml").write_text(yaml.safe_dump(body))
    return Results(tmp_path / "log", tmp_path / "report.yaml", **{"left_out": list(skipped), **more})


def test_a_run_with_its_named_skip_is_good(tmp_path: Path) -> None:
    assert () == judge(PROFILE, _results(tmp_path)).wrong


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ({"failed": ["PathMatch"], "exit_code": 1}, "PathMatch failed"),
        ({"skipped": ("HeaderModifier", "Weight")}, "Weight was left out and is not named in skips.yaml"),
        ({"skipped": ()}, "HeaderModifier is named in skips.yaml and was not left out"),
        ({"left_out": ["HeaderModifier", "Uncounted"]}, "Uncounted was left out and is not named in skips.yaml"),
        ({"features": []}, "HTTPRouteMethodMatching is claimed and unknown to the suite v1.6.3"),
    ],
    ids=["failure", "skip-without-name", "name-without-skip", "skip-that-no-report-counts", "claim-without-test"],
)
def test_a_run_is_wrong_for_one_stated_reason(tmp_path: Path, run: dict[str, Any], told: str) -> None:
    assert (told,) == judge(PROFILE, _results(tmp_path, **run)).wrong


def test_a_suite_that_ends_badly_is_never_good(tmp_path: Path) -> None:
    (told,) = judge(PROFILE, _results(tmp_path, exit_code=2)).wrong
    assert "exit code 2" in told


def test_a_suite_that_broke_off_without_a_report_is_never_good(tmp_path: Path) -> None:
    results = Results(tmp_path / "log", tmp_path / "none.yaml", exit_code=1)
    assert ("the suite broke off with exit code 1",) == judge(PROFILE, results).wrong
