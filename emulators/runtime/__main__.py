"""`python -m emulators.runtime MODULE.HANDLER MEGABYTES`: one environment, fed by lines of JSON on standard input."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import traceback
from typing import Any, TextIO

_MEBIBYTE = 1 << 20
_OUT_OF_MEMORY = 137
"""What a process that the kernel killed for its memory exits with."""


class Context:
    """What the function is told besides the event."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left, in milliseconds, never below 0."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def main() -> None:
    """Take invocations until standard input ends; a function that runs out of memory takes its environment along."""
    name, megabytes = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the function prints is log, not answer
    if megabytes:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * _MEBIBYTE, megabytes * _MEBIBYTE))
    module, _, attribute = name.rpartition(".")
    handler = getattr(importlib.import_module(module), attribute)
    _answer(answers, {"loaded": name})
    for line in sys.stdin:
        _answer(answers, _invoke(handler, json.loads(line)))


def _answer(answers: TextIO, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def _invoke(handler: Any, invocation: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": handler(invocation["event"], Context(invocation["seconds"]))}
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - whatever the function raises is the invocation's result
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
