"""Seconds, memory and growth of the pure part, snapshot to plan; each size in a process of its own."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.bench.growth_run import SHAPES
from tests.bench.reconciles import ROOT
from tests.bench.rows import Row, Say, seconds

SIZES = (100, 1000, 3000)
"""Matches."""
EXPONENT = 1.25
"""Of the calls of functions. n log n has 1.18 from 100 to 1,000 and 1.13 from there to 3,000; more is tolerance."""


def measure_compile(say: Say) -> Iterator[Row]:
    """Measure 1,000 Routes of 5 matches."""
    say("compiling 1,000 HTTPRoutes")
    full = _run("compile_run", "1000")
    yield seconds("1,000 HTTPRoutes x 5 matches: seconds of one core", full["seconds"], 2)
    yield Row("1,000 HTTPRoutes x 5 matches: peak memory", round(full["megabytes"]), 300, " MB")
    yield Row("1,000 HTTPRoutes x 5 matches: rejections", full["rejections"], 0)


def measure_growth(say: Say) -> Iterator[Row]:
    """Measure how the calls of functions grow from 100 to 3,000 matches, step by step, in the worst of the shapes."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for shape in SHAPES:
        for size in SIZES:
            say(f"{size:,} matches, {shape}")
            found[shape, size] = _run("growth_run", shape, str(size))
    for step in next(iter(found.values()))["calls"]:
        exponents = (
            _exponent(few, many, found[shape, few]["calls"][step], found[shape, many]["calls"][step])
            for shape in SHAPES
            for few, many in pairwise(SIZES)
        )
        yield Row(f"growth to 3,000 matches, {step}: exponent", max(exponents), EXPONENT)
    for what, name, budget in (("nothing to do", "nothing", 0), ("a Route on top", "inserted", 1)):
        changes = max(one[name] for one in found.values())
        yield Row(f"changes planned on up to 3,000 matches: {what}", changes, budget)
    for step in next(iter(found.values()))["seconds"]:
        slowest = max(found[shape, SIZES[-1]]["seconds"][step] for shape in SHAPES)
        yield Row(f"3,000 matches, {step}: seconds of one core", slowest, None, " s")


def _exponent(few: int, many: int, before: float, after: float) -> float:
    return math.log(after / before) / math.log(many / few)


def _run(module: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT)  # noqa: S603 - our own module
    found: dict[str, Any] = json.loads(answer.stdout)
    return found
