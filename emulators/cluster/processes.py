"""Child processes that end when we say so: exactly those we started, by their own handle."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PRCTL = getattr(ctypes.CDLL(None), "prctl", None)
"""Looked up here, because between fork and exec of a threaded program as little as possible may happen."""
_LOOK = 0.02
_PORTS = range(10_000, 32_000)
"""Below those of outgoing connections (from 32768 on Linux, from 49152 elsewhere)."""


def free_port() -> int:
    """Return a loopback port that is free now; whoever binds it has to be ready to try another.

    It is none of those that systems give to outgoing connections: one of these may be taken a moment later.
    Raises OSError when none of a hundred tries is free.
    """
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(errno.EADDRINUSE, f"no free loopback port was found between {_PORTS.start} and {_PORTS.stop}")


class Child:
    """A process with its output in a file, the leader of a group of its own; its group ends with it.

    Start it from a thread that lives longer: on Linux the child is asked to end when that thread ends.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._lock = threading.Lock()
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                list(command),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=dict(environment) if environment is not None else None,
                process_group=0,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - only a prctl call, no Python state
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended()

    @property
    def exit_code(self) -> int | None:
        """Exit code, None while it runs."""
        return self._process.returncode if self._ended() else None

    def terminate(self) -> None:
        """Ask it to end; does not wait."""
        if self.running:
            self._process.terminate()

    def kill(self) -> None:
        """End it and its group at once and wait for it."""
        if self.running:
            self._process.kill()
        while self.running:
            time.sleep(_LOOK)

    def stop(self, grace: float = 10.0) -> None:
        """End it, politely for `grace` seconds."""
        self.terminate()
        deadline = time.monotonic() + grace
        while self.running and time.monotonic() < deadline:
            time.sleep(_LOOK)
        self.kill()

    def tail(self, lines: int = 15) -> str:
        """Return the end of its output, for error messages."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _ended(self) -> bool:
        """Tell whether it ended; before its id is free for others, what it started and left behind is ended too."""
        with self._lock:
            if self._process.returncode is None:
                if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    return False
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()
            return True


def _die_with_parent() -> None:
    """Let a child end with us even when we are killed (Linux)."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)
