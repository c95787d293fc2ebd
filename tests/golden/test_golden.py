"""Each folder here is a case: manifests in `in/`, and in `plan.yaml` what `routewright plan` says of them as YAML.

Those in `reference/` are planned for the reference provider, which can do all that the specification has; those in
`bucket/` for a deployment on AWS with a bucket for the authorities of clients, called `authorities`.

The sentence that a case proves stands in the first line of its input.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.plan import Answer, document, make_plan, plan_with
from providers.memory import MemoryProvider

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REFERENCE, BUCKET = HERE / "reference", HERE / "bucket"
CASES = sorted(path.parent for path in HERE.glob("**/in"))


_TELL = """
import json
from cli.plan import document
from tests.golden.test_golden import CASES, plan_of

for case in CASES:
    print(json.dumps(document(plan_of(case, case / "in"))))
"""


def plan_of(case: Path, where: Path) -> Answer:
    if case.parent == REFERENCE:
        return plan_with([str(where)], "routewright.dev/memory", MemoryProvider())
    return make_plan([str(where)], bucket="authorities" if case.parent == BUCKET else "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_manifests_become_the_plan_and_the_status_that_stand_beside_them(case: Path, *, update_golden: bool) -> None:
    answer = plan_of(case, case / "in")
    text = yaml.safe_dump(document(answer), sort_keys=True, width=110, allow_unicode=True)

    if update_golden:
        (case / "plan.yaml").write_text(text, encoding="utf-8")
    assert () == answer.findings
    assert (case / "plan.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_order_of_the_input_never_matters(case: Path, tmp_path: Path) -> None:
    documents = [text for file in sorted((case / "in").iterdir()) for text in _documents(file)]
    for place, text in enumerate(reversed(documents)):
        (tmp_path / f"{place:03}.yaml").write_text(text, encoding="utf-8")

    assert document(plan_of(case, case / "in")) == document(plan_of(case, tmp_path))


def _documents(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8")
    return [text] if file.suffix == ".json" else text.split("\n---\n")


def test_the_seed_of_pythons_hashes_never_matters() -> None:
    """Sets of texts have another order in every process."""
    told = [
        subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _TELL],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert len(CASES) == len(told[0].splitlines())
    assert told[0] == told[1]


def test_there_are_at_least_a_hundred_cases_and_each_says_its_sentence() -> None:
    silent = [case.name for case in CASES if not _sentence(case)]

    assert [] == silent
    assert len(CASES) >= 100


def _sentence(case: Path) -> str:
    lines = (file.read_text(encoding="utf-8").splitlines()[0] for file in sorted((case / "in").glob("*.y*ml")))
    return next((line for line in lines if line.startswith("# ")), "")
