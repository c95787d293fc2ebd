"""Which expressions of a user an ALB takes, as they are written: anchored, in a group."""

from __future__ import annotations

import pytest

from emulators.aws.regexes import LONGEST_CONDITION, check_regex
from providers.aws.dialect import anchored, wrong_regex


@pytest.mark.parametrize(
    "expression", [r"/a\++", "/a[*+]+", "/[]+]+", r"/[\]+]+", r"/a\\1", r"/\(*a", r"/\(?=a", "/a{1,2}", "/a}b"]
)
def test_an_operator_that_is_escaped_or_in_a_class_is_none(expression: str) -> None:
    assert "" == wrong_regex(expression)
    check_regex(anchored(expression), LONGEST_CONDITION, "a test")


@pytest.mark.parametrize(
    "expression",
    [
        "/a++",
        "/a*+",
        "/a?+",
        "/a{2}+",
        "/[a]++",
        r"/\[a++]",
        "/(?=a)",
        "/(?<!a)",
        "/(?>a)",
        r"/(a)\1",
        r"/\\\1",
        r"/\pL",
    ],
)
def test_what_is_outside_of_the_dialect_is_named(expression: str) -> None:
    assert wrong_regex(expression).endswith("is not in the regular expression dialect of an ALB")


@pytest.mark.parametrize("expression", ["(?x)/a #", "(?i)/a", "(?x:/a #", "/a)|(?:b", "[a", "a\\"])
def test_an_expression_has_to_be_one_by_itself_and_in_the_group_it_is_written_into(expression: str) -> None:
    assert wrong_regex(expression).startswith("not a regular expression")
