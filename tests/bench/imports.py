"""What a cold start of the AWS function spends on imports, in a fresh process, byte code in place."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.bench.reconciles import ROOT
from tests.bench.rows import Row, Say, seconds

_ROUNDS = 3
_PROGRAM = """
import json, sys, time
before = time.process_time()
import functions.reconcile, functions.queue, kube.auth, kube.cluster, providers.aws.provider, boto3
took = time.process_time() - before
print(json.dumps({"seconds": took, "foreign": [name for name in sys.modules if name.split(".")[0] == "google"]}))
"""


def measure_imports(say: Say) -> Iterator[Row]:
    """Import all that a reconcile on AWS needs; the first round only compiles byte code."""
    say("importing")
    found = [_once() for _ in range(_ROUNDS + 1)][1:]
    yield seconds("import of the AWS function", statistics.median(one["seconds"] for one in found), 1)
    yield Row("import of the AWS function: modules of the other cloud's SDK", len(found[0]["foreign"]), 0)


def _once() -> dict[str, Any]:
    command = [sys.executable, "-c", _PROGRAM]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)  # noqa: S603 - our own text
    found: dict[str, Any] = json.loads(answer.stdout)
    return found
