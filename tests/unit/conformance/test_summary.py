"""The page beside the reports is what the reports and the named skips say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.profiles import PROFILES, Skip
from tests.conformance.summary import summary

ROOT = Path(__file__).parents[3]
REPORTS = ROOT / "docs" / "conformance" / "aws"
SKIPS = [one for profile in PROFILES.values() for one in profile.skips]


def test_the_kept_page_is_that_of_the_kept_reports() -> None:
    assert (REPORTS.parent / "README.md").read_text() == summary(REPORTS)


def test_every_profile_has_a_row_once_it_has_a_report(tmp_path: Path) -> None:
    (tmp_path / "gateway-tcp.yaml").write_text((REPORTS / "gateway-tcp.yaml").read_text())
    page = summary(tmp_path)
    assert "| [GATEWAY-TCP]" in page
    assert "| [GATEWAY-HTTP]" not in page


@pytest.mark.parametrize("skip", SKIPS, ids=lambda one: one.test)
def test_every_skip_has_a_fact_a_document_and_an_adr_that_exists(skip: Skip) -> None:
    assert skip.fact
    assert skip.document.startswith("https://docs.aws.amazon.com/")
    assert (ROOT / skip.adr).is_file()
