"""What is withdrawn gets no request after the very next run, whatever else the Gateway goes through."""

from __future__ import annotations

import pytest

from tests.proof.revocations import Case, cases, wrong_with


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_a_revocation_cuts_at_once_and_nothing_falls_back_to_before_it(case: Case) -> None:
    """A grant, a namespace or a kind; alone, while a disruption waits, at a quota, after a failed run."""
    assert "" == wrong_with(case)
