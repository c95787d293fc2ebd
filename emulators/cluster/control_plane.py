"""The control plane: etcd, kube-apiserver and kube-controller-manager as child processes on loopback."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from emulators.cluster import objects
from emulators.cluster.build import ensure_assets
from emulators.cluster.pki import Authority, Pair
from emulators.cluster.processes import Child, free_port

_CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
)
_READY = 60.0
_TRIES = 3
_TAKEN = "address already in use"


class ControlPlaneError(Exception):
    """A part did not start; carries the end of its log."""


class ControlPlane:
    """A running control plane; use it as a context manager.

    Attributes:
        folder: data, certificates, kubeconfigs and logs.
        url: of the API server.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="routewright-cluster-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._assets = ensure_assets()
        self._children: dict[str, Child] = {}
        self._port = free_port()
        self._etcd = ""

    @property
    def url(self) -> str:
        """Address of the API server."""
        return f"https://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all parts and wait until the API server is ready. Raises ControlPlaneError."""
        self._authority = Authority(self.folder / "pki")
        self._serving = self._authority.server("kube-apiserver")
        self._tokens = self._authority.key_pair("service-accounts")
        self._admin = self._authority.client("admin", ("system:masters",))
        self._at_a_free_port(self._start_etcd)
        self._at_a_free_port(self._start_apiserver)
        self._start_controllers()

    def stop(self) -> None:
        """End the children, the controllers first; remove the folder if it was made here."""
        for name in ("kube-controller-manager", "kube-apiserver", "etcd"):
            if child := self._children.pop(name, None):
                child.stop(grace=5.0 if name != "etcd" else 2.0)
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def restart_apiserver(self) -> None:
        """Kill the API server and start it again on the same port, as a crash would."""
        self._children["kube-apiserver"].kill()
        self._start_apiserver()

    def kill_apiserver(self) -> None:
        """Kill the API server and leave it dead."""
        self._children["kube-apiserver"].kill()

    def start_apiserver(self) -> None:
        """Start the API server again after `kill_apiserver`."""
        self._start_apiserver()

    def kubeconfig(self, user: str = "admin", groups: tuple[str, ...] = ("system:masters",)) -> Path:
        """Return a kubeconfig with a client certificate of this user and these groups."""
        path = self.folder / f"kubeconfig-{user.replace(':', '-')}"
        if not path.exists():
            pair = self._admin if (user, groups) == ("admin", ("system:masters",)) else None
            path.write_text(self._kubeconfig(pair or self._authority.client(user, groups), user))
            path.chmod(0o600)
        return path

    def client(self, user: str = "admin", groups: tuple[str, ...] = ("system:masters",)) -> objects.Objects:
        """Return a small object client that acts as this user."""
        return objects.Objects(self.kubeconfig(user, groups))

    def install_crds(self, *folders: Path) -> None:
        """Apply every manifest of these folders or files and wait until the CRDs are established."""
        client = self.client()
        for folder in folders:
            files = sorted(folder.glob("*.yaml")) if folder.is_dir() else [folder]
            for file in files:
                self.apply(yaml.safe_load_all(file.read_text()), client=client)
        client.wait_for_crds(timeout=30.0)

    def apply(self, documents: Iterable[Mapping[str, Any]], *, client: objects.Objects | None = None) -> None:
        """Apply manifests in the order given (server-side apply); as the admin unless a client is given."""
        client = client or self.client()
        for document in documents:
            if document:
                client.apply(document)

    def _at_a_free_port(self, start: Callable[[], None]) -> None:
        """Start a part, at other ports when somebody else has just taken those that were free."""
        for _ in range(_TRIES - 1):
            try:
                return start()
            except ControlPlaneError as error:
                if _TAKEN not in str(error):
                    raise
                self._port = free_port()
        return start()

    def _start_etcd(self) -> None:
        port, peer = free_port(), free_port()
        self._etcd = f"http://127.0.0.1:{port}"
        self._children["etcd"] = Child(
            "etcd",
            [
                str(self._assets.etcd),
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={self._etcd}",
                f"--advertise-client-urls={self._etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
                "--unsafe-no-fsync",
                "--log-level=warn",
            ],
            self.folder / "etcd.log",
        )
        self._wait("etcd", f"{self._etcd}/health")

    def _start_apiserver(self) -> None:
        pki = self.folder / "pki"
        self._children["kube-apiserver"] = Child(
            "kube-apiserver",
            [
                str(self._assets.kube_apiserver),
                f"--etcd-servers={self._etcd}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--endpoint-reconciler-type=none",
                f"--secure-port={self._port}",
                f"--tls-cert-file={self._serving.certificate}",
                f"--tls-private-key-file={self._serving.key}",
                f"--client-ca-file={self._authority.bundle}",
                f"--service-account-key-file={self._tokens.certificate}",
                f"--service-account-signing-key-file={self._tokens.key}",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                "--allow-privileged=true",
                "--shutdown-delay-duration=0s",
                f"--cert-dir={pki}",
                "--v=0",
            ],
            self.folder / "kube-apiserver.log",
        )
        self._wait("kube-apiserver", f"{self.url}/readyz", self._admin)

    def _start_controllers(self) -> None:
        pair = self._authority.client("system:kube-controller-manager", ())
        config = self.folder / "kubeconfig-controllers"
        config.write_text(self._kubeconfig(pair, "system:kube-controller-manager"))
        self._children["kube-controller-manager"] = Child(
            "kube-controller-manager",
            [
                str(self._assets.kube_controller_manager),
                f"--kubeconfig={config}",
                f"--authentication-kubeconfig={config}",
                f"--authorization-kubeconfig={config}",
                f"--controllers={','.join(_CONTROLLERS)}",
                "--use-service-account-credentials=true",
                "--leader-elect=false",
                "--secure-port=0",
                f"--service-account-private-key-file={self._tokens.key}",
                f"--root-ca-file={self._authority.bundle}",
                f"--cert-dir={self.folder / 'pki'}",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
                "--concurrent-deployment-syncs=10",
                "--v=0",
            ],
            self.folder / "kube-controller-manager.log",
        )

    def _kubeconfig(self, pair: Pair, user: str) -> str:
        cluster = {"server": self.url, "certificate-authority": str(self._authority.bundle)}
        credentials = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "routewright",
                "clusters": [{"name": "routewright", "cluster": cluster}],
                "users": [{"name": user, "user": credentials}],
                "contexts": [{"name": "routewright", "context": {"cluster": "routewright", "user": user}}],
            }
        )

    def _wait(self, name: str, url: str, pair: Pair | None = None) -> None:
        """Wait until a part answers 200. Raises ControlPlaneError if it ends or takes too long."""
        context = ssl.create_default_context(cafile=str(self._authority.bundle)) if pair else None
        if context is not None and pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        child, deadline = self._children[name], time.monotonic() + _READY
        while time.monotonic() < deadline:
            if not child.running:
                raise ControlPlaneError(f"{name} ended with exit code {child.exit_code}:\n{child.tail()}")
            with (
                contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError, ssl.SSLError),
                urllib.request.urlopen(url, timeout=2, context=context) as answer,  # noqa: S310 - loopback, our own URL
            ):
                if answer.status == 200:  # noqa: PLR2004 - OK
                    return
            time.sleep(0.1)
        raise ControlPlaneError(f"{name} is not ready after {_READY:.0f} s:\n{child.tail()}")
