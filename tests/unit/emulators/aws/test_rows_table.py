"""The table of `emulators/aws/README.md` and the tests name the same rows and groups."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
README = (HERE.parents[3] / "emulators" / "aws" / "README.md").read_text()
NAMES = {
    name for path in HERE.glob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
}


def test_every_row_has_a_test_and_every_test_a_row() -> None:
    rows = set(re.findall(r"^\| (\d\d) \|", README, re.MULTILINE))

    assert rows == {name.split("_")[2] for name in NAMES if name.startswith("test_row_")}
    assert {f"{number:02}" for number in range(1, 42)} <= rows


def test_every_group_that_the_readme_names_has_tests() -> None:
    groups = set(re.findall(r"`(test_\w+_)\.\.\.`", README)) - {"test_row_NN_"}

    assert groups
    assert {group: any(name.startswith(group) for name in NAMES) for group in groups} == dict.fromkeys(groups, True)
    for file in re.findall(r"`(test_\w+\.py)`", README):
        assert (HERE / file).exists()
