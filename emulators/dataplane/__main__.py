"""Run the data plane as a process: `python -m emulators.dataplane --state URL --addresses FILE`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from emulators.dataplane.envoy import EnvoyError
from emulators.dataplane.plane import DataPlane

_MOMENT = 0.5


def main() -> None:
    """Carry traffic until SIGTERM or SIGINT; write `applied VERSION` to standard output after each change."""
    parser = argparse.ArgumentParser(prog="python -m emulators.dataplane", description=__doc__)
    parser.add_argument("--state", required=True, help="URL of the AWS emulator's /_emulator/state")
    parser.add_argument("--addresses", required=True, type=Path, help="JSON file: target address:port to real one")
    parser.add_argument("--folder", type=Path, help="for Envoy's files and the access log; default: a temporary one")
    parser.add_argument("--port-offset", type=int, default=20_000, help="used only where low ports may not be bound")
    options = parser.parse_args()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with tempfile.TemporaryDirectory(prefix="dataplane-") as scratch:
        folder = options.folder or Path(scratch)
        with DataPlane(options.state, options.addresses, folder, options.port_offset) as plane:
            version = 0
            _tell(f"ready: port offset {plane.port_offset}, access log {plane.access_log}")
            while not over.is_set():
                version = _tell_next(plane, version, over)


def _tell_next(plane: DataPlane, version: int, over: threading.Event) -> int:
    """Wait a moment for a version above `version`, tell what became of it, and return the version applied."""
    try:
        applied = plane.wait_for(version + 1, _MOMENT)
    except TimeoutError:
        return version
    except (EnvoyError, LookupError) as error:
        _tell(f"not applied: {error}")
        over.wait(_MOMENT)
        return version
    _tell(f"applied {applied}")
    return applied


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
