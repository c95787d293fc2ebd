"""The extension of this repository, installed as a third party's would be: by its package's metadata, in no venv."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kube import kinds as edge
from reconciler.gatewayapi import kinds

ROOT = Path(__file__).parents[1]
EXTENSION = ROOT / "extensions" / "quicroute"
EDGE = edge.ROUTES
"""Read when the edge is imported, so here, before anything is installed: other tests of this process see none of it."""
_CACHED = (kinds.route_kinds, kinds.transport_of, kinds.carried, kinds.has_hostnames)


def install(folder: Path) -> Path:
    """Install the extension into a folder, for PYTHONPATH; nothing is downloaded."""
    uv, given = str(Path(sys.executable).with_name("uv")), ["--offline", "--no-deps", "--no-build-isolation", "--quiet"]
    command = [uv, "pip", "install", *given, "--python", sys.executable, "--target", str(folder), str(EXTENSION)]
    subprocess.run(command, check=True, timeout=60)  # noqa: S603 - our own tool on our own folder
    return folder


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Make what is installed in a folder known in this process, and forget it afterwards."""
    sys.path.insert(0, str(folder))
    _forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        _forget()


def _forget() -> None:
    for known in _CACHED:
        known.cache_clear()
