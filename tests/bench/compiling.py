"""Seconds, memory and growth of the pure part: snapshot to rendered resources, each size in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from tests.bench.reconciles import ROOT
from tests.bench.rows import Row, Say, seconds


def measure_compile(say: Say) -> Iterator[Row]:
    """Measure 1,000 Routes of 5 matches, and how time grows from 500."""
    say("compiling 500 and 1,000 HTTPRoutes")
    half, full = _compile(500), _compile(1000)
    yield seconds("1,000 HTTPRoutes x 5 matches: seconds of one core", full["seconds"], 2)
    yield Row("1,000 HTTPRoutes x 5 matches: peak memory", round(full["megabytes"]), 300, " MB")
    yield Row("1,000 HTTPRoutes x 5 matches: rejections", full["rejections"], 0)
    yield Row(
        "growth from 500 to 1,000 Routes (n log n is 2.2, with noise)", full["seconds"] / half["seconds"], 3, " x"
    )


def _compile(count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.compile_run", str(count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT)  # noqa: S603 - our own module
    found: dict[str, float] = json.loads(answer.stdout)
    return found
