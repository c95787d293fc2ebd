"""Law 6 on real parts: what a Gateway's run does to itself, no other Gateway notices."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.runner import MAX_RECEIVES
from emulators.runtime import Environments, Function, InvocationError
from tests.proof.blast_radius import BAD, prove

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("stage"), pytest.mark.timeout(300)]


def test_a_run_that_hangs_and_one_that_eats_its_memory_cost_only_themselves() -> None:
    counts = prove(4)

    assert (5, 2) == (counts["good"], counts["bad"])
    assert counts["ended"] >= MAX_RECEIVES * len(BAD)


@pytest.fixture(name="echo")
def _echo(tmp_path: Path) -> Iterator[Environments]:
    function = Function("tests.proof.functions_that.handler", seconds=1.0, megabytes=512)
    environments = Environments(function, tmp_path / "log")
    yield environments
    environments.close()


def test_an_environment_is_kept_warm_and_answers_what_the_function_answers(echo: Environments) -> None:
    first, second = (echo({"do": "answer"}, None) for _ in range(2))

    assert first is not None
    assert second == first
    assert os.getpid() != first["pid"]


@pytest.mark.parametrize(("deed", "why"), [("hang", "timed out"), ("eat", "exit code 137"), ("exit", "exit code 3")])
def test_an_invocation_that_goes_wrong_ends_its_environment_and_the_next_gets_a_fresh_one(
    echo: Environments, deed: str, why: str
) -> None:
    before = echo({"do": "answer"}, None)
    started = time.monotonic()

    with pytest.raises(InvocationError, match=why):
        echo({"do": deed}, None)

    assert time.monotonic() - started < 30
    assert before != echo({"do": "answer"}, None)
    assert 1 == echo.ended


def test_a_function_that_raises_keeps_its_environment(echo: Environments) -> None:
    before = echo({"do": "answer"}, None)

    with pytest.raises(InvocationError, match="ValueError: no"):
        echo({"do": "raise"}, None)

    assert before == echo({"do": "answer"}, None)
