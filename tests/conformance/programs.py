"""The upstream conformance suite and its echo server, built once from their Go module, unmodified."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulators.cluster.pods import Image
from emulators.gotool import digest, go, made_once, progress
from tests.conformance.profiles import BUNDLE

GOMOD = Path(__file__).parent / "gomod"
_ECHO = "sigs.k8s.io/gateway-api/conformance/echo-basic"
_RECIPE = "1"


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the two programs."""

    suite: Path
    echo: Path


def ensure_programs() -> Programs:
    """Return the programs, built now if they are not in the cache. Raises BuildError with what to do."""
    folder = made_once(f"conformance-{BUNDLE}-{digest(GOMOD, _RECIPE)}", _build)
    return Programs(folder / "suite", folder / "echo")


def images(programs: Programs) -> Mapping[str, Image]:
    """Return what runs in place of the images that the suite's manifests name."""
    echo = Image(
        command=(str(programs.echo),),
        environment={
            "HTTP_PORT": "$(PORT_3000)",
            "TCP_PORT": "$(PORT_3000)",
            "H2C_PORT": "$(PORT_3001)",
            "HTTPS_PORT": "$(PORT_8443)",
            "TLS_PORT": "$(PORT_8443)",
            "UDP_PORT": "$(PORT_8080)",
        },
        ports=(3000, 3001, 8443, 8080),
    )
    root = str(Path(__file__).parents[2])
    dns = Image((sys.executable, "-m", "emulators.cluster.dns"), {"PYTHONPATH": root}, (53,))
    return {"registry.k8s.io/gateway-api/echo-basic": echo, "registry.k8s.io/coredns/coredns": dns}


def _build(out: Path) -> None:
    with progress(f"building the conformance suite {BUNDLE}"):
        go("test", "-c", "-trimpath", "-o", str(out / "suite"), ".", folder=GOMOD)
    with progress("building its echo server"):
        go("build", "-trimpath", "-o", str(out / "echo"), _ECHO, folder=GOMOD)


if __name__ == "__main__":
    sys.stdout.write(f"conformance suite: {ensure_programs().suite.parent}\n")
