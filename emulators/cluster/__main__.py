"""Run a cluster until Ctrl-C: `python -m emulators.cluster [--folder D]`; the first line printed is the kubeconfig."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from emulators.cluster.build import crds
from emulators.cluster.control_plane import ControlPlane, ControlPlaneError
from emulators.cluster.kubelet import Kubelet
from emulators.gotool import BuildError


def main(arguments: list[str] | None = None) -> int:
    """Start control plane, Gateway API CRDs and kubelet; print where they are; end all on SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m emulators.cluster", description=__doc__)
    parser.add_argument("--folder", type=Path, help="data, certificates and logs; a temporary one if not given")
    parser.add_argument("--provider-id", default="", help="of the Node, e.g. aws:///us-east-1a/i-0abc; with node ports")
    given = parser.parse_args(arguments)
    folder: Path | None = given.folder
    try:
        if folder is not None:
            _run(folder.resolve(), given.provider_id)
        else:
            with tempfile.TemporaryDirectory(prefix="routewright-cluster-") as scratch:
                _run(Path(scratch), given.provider_id)
    except (BuildError, ControlPlaneError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _run(folder: Path, provider_id: str) -> None:
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    with ControlPlane(folder / "control-plane") as plane:
        plane.install_crds(crds())
        with Kubelet(plane, folder / "pods", provider_id=provider_id) as kubelet:
            sys.stdout.write(f"{plane.kubeconfig()}\n")
            sys.stdout.write(f"addresses: {kubelet.addresses}\nlogs: {kubelet.logs}\nCtrl-C ends the cluster\n")
            sys.stdout.flush()
            asked.wait()


if __name__ == "__main__":
    sys.exit(main())
