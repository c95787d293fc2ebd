"""Starts, feeds and ends the processes in which a function runs."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).parents[2]
_CHUNK = 1 << 16
LOADING = 60.0
"""Seconds in which an environment has to load its function."""


class InvocationError(Exception):
    """The function raised, ran out of time or of memory: the invocation has failed."""


@dataclass(frozen=True, slots=True)
class Function:
    """What Lambda is told about a function.

    Attributes:
        handler: `module.name` of a callable that takes an event and a context.
        seconds: timeout of one invocation.
        megabytes: memory of an environment, in MiB of address space; 0 sets no limit.
    """

    handler: str
    seconds: float = 60.0
    megabytes: int = 0


class Environments:
    """A function, callable as its handler is; use it as a context manager, or `close` it.

    Attributes:
        ended: how many environments were ended by a timeout, by memory, or by an end of their own.
    """

    def __init__(self, function: Function, log: Path) -> None:
        self.function = function
        self.ended = 0
        self._log = log
        self._idle: list[_Environment] = []
        self._busy: set[_Environment] = set()
        self._lock = threading.Lock()

    def __call__(self, event: Mapping[str, Any], _context: object) -> Mapping[str, Any] | None:
        """Invoke the function in an environment that is free, else in a fresh one. Raises InvocationError."""
        environment = self._take()
        try:
            answer = environment.invoke(event, self.function.seconds)
        except EnvironmentEndedError as error:
            environment.end()
            with self._lock:
                self.ended += 1
                self._busy.discard(environment)
            raise InvocationError(f"{self.function.handler}: {error}") from None
        with self._lock:
            self._busy.discard(environment)
            self._idle.append(environment)
        if "error" in answer:
            raise InvocationError(f"{self.function.handler}: {answer['error']}")
        found: Mapping[str, Any] | None = answer["answer"]
        return found

    def close(self) -> None:
        """End every environment."""
        with self._lock:
            for environment in (*self._idle, *self._busy):
                environment.end()
            self._idle.clear()

    def _take(self) -> _Environment:
        with self._lock:
            environment = self._idle.pop() if self._idle else _Environment(self.function, self._log)
            self._busy.add(environment)
        return environment


class EnvironmentEndedError(Exception):
    """The environment ended, or has to be ended."""


class _Environment:
    """One process. Its memory limit stands before it loads the function."""

    def __init__(self, function: Function, log: Path) -> None:
        command = [sys.executable, "-m", "emulators.runtime", function.handler, str(function.megabytes)]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        self._into = cast("IO[bytes]", self._process.stdin)
        self._out = cast("IO[bytes]", self._process.stdout)
        self._loaded = False

    def invoke(self, event: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Return `{"answer": ...}` or `{"error": ...}`. Raises EnvironmentEndedError.

        Loading the function the first time takes time of its own, as with Lambda.
        """
        if not self._loaded:
            self._loaded = bool(self._read(LOADING))
        try:
            self._into.write(json.dumps({"event": event, "seconds": seconds}).encode() + b"\n")
            self._into.flush()
        except OSError:
            raise EnvironmentEndedError("the environment was gone") from None
        found: dict[str, Any] = json.loads(self._read(seconds))
        return found

    def _read(self, seconds: float) -> bytes:
        """Return the next line that the process writes."""
        deadline, line = time.monotonic() + seconds, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._out], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise EnvironmentEndedError("timed out")
            chunk = os.read(self._out.fileno(), _CHUNK)
            if not chunk:
                raise EnvironmentEndedError(f"ended with exit code {self._process.wait()}")
            line += chunk
        return line

    def end(self) -> None:
        """Kill the process and forget it."""
        self._process.kill()
        self._process.wait()
        self._out.close()
        with suppress(OSError):  # what was still to be sent has nobody left to read it
            self._into.close()
