"""The guides show code that is tested: every block stands in the file it names, every command does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.extension import ROOT

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^>]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def blocks(guide: Path, kind: str = "") -> Iterator[tuple[str, str]]:
    """Yield (mark, text) of a guide's blocks whose mark begins with `kind`; a block without a mark has none."""
    for found in _BLOCK.finditer(guide.read_text()):
        mark = found["mark"] or ""
        if mark.startswith(kind):
            yield mark, found["text"]


def run(command: str, folder: Path) -> str:
    """Return what a guide's command prints, where the extension is installed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": f"{folder}:{ROOT}"}
    done = subprocess.run(  # noqa: S602 - a command of our own guide, as its reader types it
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def command(word: str) -> str:
    """Return the guides' only command with a word in it."""
    (found,) = (text for guide in GUIDES for _, text in blocks(guide, "run") if word in text)
    return found


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_block_is_a_piece_of_the_file_it_names_or_a_command(guide: Path) -> None:
    shown = list(blocks(guide))

    assert [] == [text for mark, text in shown if not mark.startswith(("file: ", "run"))]
    for mark, text in shown:
        if mark.startswith("file: "):
            assert text in (ROOT / mark.removeprefix("file: ")).read_text()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_file_that_a_guide_leads_to_is_there(guide: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", guide.read_text())

    assert [] == [link for link in links if not (guide.parent / link).exists()]


def test_the_guide_shows_the_whole_of_the_kind() -> None:
    (shown,) = (text for _, text in blocks(GUIDES[1], "file: extensions/quicroute/routewright_quicroute.py"))
    code = (ROOT / "extensions" / "quicroute" / "routewright_quicroute.py").read_text()

    assert code.endswith(f'"""\n\n{shown}')


def test_the_example_becomes_what_the_guide_says(folder: Path) -> None:
    document = yaml.safe_load(run(command("example.yaml"), folder))

    specs = {one["resource"]: one["spec"] for one in document["resources"]}
    statuses = {one["kind"]: one["status"] for one in document["status"]}
    assert "QUIC" == specs["listener/nlb/443"]["Protocol"]
    assert ["True", "True"] == [one["status"] for one in statuses["QUICRoute"]["parents"][0]["conditions"]]


def test_the_server_id_of_the_guide_is_the_one_that_is_registered(folder: Path) -> None:
    from providers.aws.quic import server_id

    assert server_id("10.0.0.7", 8443) == "0x" + run(command("sha256sum"), folder).strip()


def test_the_memory_provider_is_found_by_its_entry_point(folder: Path) -> None:
    document = yaml.safe_load(run(command("--provider memory"), folder))

    statuses = {one["kind"]: one["status"] for one in document["status"]}
    assert ["endpoints", "frontend", "load-balancer", "pool"] == sorted(
        one["resource"].partition("/")[0] for one in document["resources"]
    )
    assert ["True", "True"] == [one["status"] for one in statuses["HTTPRoute"]["parents"][0]["conditions"]]


def test_the_judge_finds_the_memory_provider_keeping_every_law(folder: Path) -> None:
    told = run(command("tests/contract"), folder)

    assert re.search(r"^\d+ passed, \d+ deselected", told.splitlines()[-1])
