"""The stage: every real part started, wired and ended; and the doors through which the story acts and looks."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import boto3
import yaml

from demo.runner import Runner
from demo.stream import Answer, request
from emulators.cluster.build import crds
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.kubelet import Kubelet
from emulators.cluster.objects import Objects
from emulators.cluster.pods import IMAGES, Image
from emulators.cluster.processes import Child
from emulators.dataplane import DataPlane
from emulators.runtime import Function

ROOT = Path(__file__).parent.parent
INFRA = ROOT / "infra"
ROUTE = ("gateway.networking.k8s.io/v1", "HTTPRoute")
KINDS = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")
"""The kinds of Routes of the story, all of one version."""
CONTROLLER = "routewright.dev/aws"
BUCKET = "authorities"
PATIENCE = 30.0
START = 120.0
"""Seconds for the emulated AWS to come up: its libraries are many, and the machine may be busy."""
TEAMS = {"a": "team-a", "b": "team-b", "c": "team-c"}


class StageError(Exception):
    """Something that the story waits for did not come."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a stage is made of.

    Attributes:
        provisioning: seconds until a load balancer is active.
        linger: seconds for which a deleted load balancer holds its security groups.
        aws: further options of `python -m emulators.aws`.
        bundle: version of the Gateway API CRDs.
        images: what runs in place of container images.
        environment: of the functions, beyond what every stage sets.
        function: how Lambda would run the reconcile function; None runs it in this process.
    """

    provisioning: float = 0.5
    linger: float = 0.5
    aws: tuple[str, ...] = ()
    bundle: str = "1.7.0"
    images: Mapping[str, Image] = IMAGES
    environment: Mapping[str, str] = field(default_factory=dict)
    function: Function | None = None


class Stage:
    """A cluster, an AWS account, a data plane, and routewright between them; a context manager."""

    def __init__(self, setting: Setting | None = None) -> None:
        self._stack = ExitStack()
        self.setting = setting or Setting()
        self.folder = Path(tempfile.mkdtemp(prefix="routewright-stage-"))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        self._start_cluster_and_cloud(stack)
        self.kubelet = stack.enter_context(Kubelet(self.plane, self.folder / "pods", self.setting.images))
        self.dataplane = stack.enter_context(
            DataPlane(f"{self.endpoint_url}/_emulator/state", self.kubelet.addresses, self.folder / "envoy")
        )
        self._start_runner(stack)

    def _start_cluster_and_cloud(self, stack: ExitStack) -> None:
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.plane = stack.enter_context(ControlPlane(self.folder / "cluster"))
        self.endpoint_url = self._start_aws(stack)
        self._environment(stack)
        self.plane.install_crds(crds(self.setting.bundle), INFRA / "crds")
        self.admin = self.plane.client()
        for file in (INFRA / "gatewayclasses.yaml", INFRA / "rbac.yaml", *self._manifests("00-*.yaml")):
            self.apply(file, "admin")

    def _start_runner(self, stack: ExitStack) -> None:
        self.runner = stack.enter_context(Runner(self.endpoint_url, self.functions_log, function=self.setting.function))

    def _start_aws(self, stack: ExitStack) -> str:
        log = self.folder / "aws.log"
        delays = "--provisioning", str(self.setting.provisioning), "--interface-linger", str(self.setting.linger)
        command = [sys.executable, "-m", "emulators.aws", *delays, *self.setting.aws]
        child = Child("aws", command, log, {**os.environ, "PYTHONPATH": str(ROOT)})
        stack.callback(child.stop)
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and child.running:
            lines = log.read_text().splitlines()
            if len(lines) > 1:
                return lines[0]
            time.sleep(0.1)
        raise StageError(f"the emulated AWS did not start:\n{child.tail()}")

    def _environment(self, stack: ExitStack) -> None:
        """Set what a deployment would set; put back what was there when the stage ends."""
        config = self.plane.kubeconfig("routewright", ())
        ours = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "ROUTEWRIGHT_CONTROLLER": CONTROLLER,
            "ROUTEWRIGHT_KUBECONFIGS": str(config),
            "ROUTEWRIGHT_SWEEP_GRACE": "0",
            "ROUTEWRIGHT_CALL_RATE": "100",
            "ROUTEWRIGHT_SETTLE": "0.2",
            "ROUTEWRIGHT_TRUST_STORE_BUCKET": BUCKET,
        } | dict(self.setting.environment)
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        stack.callback(_restore, before)
        boto3.client("s3", endpoint_url=self.endpoint_url).create_bucket(Bucket=BUCKET)

    @staticmethod
    def _manifests(pattern: str) -> list[Path]:
        return sorted((Path(__file__).parent / "manifests").glob(pattern))

    # --- acting ---

    @property
    def kubeconfig(self) -> Path:
        """The cluster admin's kubeconfig."""
        return self.plane.kubeconfig()

    @property
    def functions_log(self) -> Path:
        """Where the functions log, as JSON lines."""
        return self.folder / "functions.log"

    def user(self, name: str) -> Objects:
        """Return a client that acts as a Kubernetes user, with the rights that RBAC gives."""
        return self.admin if name == "admin" else self.plane.client(name, ())

    def apply(self, file: Path, user: str) -> None:
        """Apply a file of manifests as a user."""
        self.plane.apply(yaml.safe_load_all(file.read_text()), client=self.user(user))

    def set_weights(self, namespace: str, name: str, weights: Mapping[str, int]) -> None:
        """Change the weights of a Route's backends, as its team."""
        item = self.admin.get(*ROUTE, namespace, name)
        if item is None:
            raise StageError(f"HTTPRoute {namespace}/{name} is gone")
        for rule in item["spec"]["rules"]:
            for ref in rule.get("backendRefs", ()):
                ref["weight"] = weights[ref["name"]]
        self.user(TEAMS[namespace]).merge(item, {"spec": {"rules": item["spec"]["rules"]}})

    def restart(self, namespace: str, deployment: str) -> None:
        """Roll out new Pods, as `kubectl rollout restart` does."""
        item = self.admin.get("apps/v1", "Deployment", namespace, deployment)
        if item is None:
            raise StageError(f"Deployment {namespace}/{deployment} is gone")
        annotations = {"kubectl.kubernetes.io/restartedAt": str(time.time())}
        patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        self.user(TEAMS[namespace]).merge(item, patch)

    def delete_all(self) -> None:
        """Delete every Gateway and Route, then the teams' namespaces; wait until both Gateways are gone."""
        for kind in (*KINDS, "Gateway"):
            for item in self.admin.list(ROUTE[0], kind):
                self.admin.delete(ROUTE[0], kind, item["metadata"]["namespace"], item["metadata"]["name"])
        self.wait(lambda: not self.admin.list(ROUTE[0], "Gateway"), "the Gateways to go")
        for namespace in TEAMS:
            self.admin.delete("v1", "Namespace", "", namespace)

    def sweep(self) -> str:
        """Run the sweep once; return what it says it removed."""
        return self.runner.sweep()

    # --- looking ---

    def wait[T](self, look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
        """Return the first true answer of `look`. Raises StageError when patience ends."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.05)
        raise StageError(f"waited {patience:.0f} s for {what}; {self.runner.last_words()}")

    def wait_programmed(self, namespace: str, name: str) -> None:
        """Wait until a Gateway is Programmed at its generation, and its load balancer carries traffic."""

        def programmed() -> bool:
            item = self.admin.get(ROUTE[0], "Gateway", namespace, name) or {}
            conditions = {one["type"]: one for one in item.get("status", {}).get("conditions", ())}
            found = conditions.get("Programmed", {})
            return bool(found.get("status") == "True" and item["status"].get("addresses"))

        self.wait(programmed, f"Gateway {namespace}/{name} to be Programmed")
        self.wait(lambda: self._listens(namespace, name), f"the data plane of {namespace}/{name}")

    def _listens(self, namespace: str, name: str) -> bool:
        """Return whether any port of a Gateway is open."""
        item = self.admin.get(ROUTE[0], "Gateway", namespace, name) or {}
        ports = {one["port"] for one in item.get("spec", {}).get("listeners", ())}
        return any(self.dataplane.listens(one, port) for one in self.addresses(namespace, name) for port in ports)

    def wait_route(
        self, namespace: str, name: str, condition: str, status: str, kind: str = "HTTPRoute"
    ) -> dict[str, Any]:
        """Return a Route's condition once it has this status at the Route's generation."""

        def told() -> dict[str, Any] | None:
            item = self.admin.get(ROUTE[0], kind, namespace, name) or {}
            for one in _conditions(item):
                fresh = one.get("observedGeneration") == item["metadata"]["generation"]
                if one["type"] == condition and one["status"] == status and fresh:
                    return one
            return None

        return self.wait(told, f"{condition}={status} on {kind} {namespace}/{name}")

    def addresses(self, namespace: str, name: str) -> tuple[str, ...]:
        """Return the addresses that a Gateway's status tells, in its order."""
        item = self.admin.get(ROUTE[0], "Gateway", namespace, name) or {}
        return tuple(one["value"] for one in item.get("status", {}).get("addresses") or ())

    def address(self, namespace: str, name: str, port: int = 80) -> tuple[str, int]:
        """Return where a Gateway's listener really answers on this machine. Raises LookupError while it does not."""
        for dns_name in self.addresses(namespace, name):
            if self.dataplane.listens(dns_name, port):
                return self.dataplane.address(dns_name, port)
        raise LookupError(f"no load balancer of {namespace}/{name} listens on port {port}")

    def wait_address(self, namespace: str, name: str, port: int) -> tuple[str, int]:
        """Wait until a Gateway's listener answers, and return where."""

        def found() -> tuple[str, int] | None:
            with suppress(LookupError):
                return self.address(namespace, name, port)
            return None

        return self.wait(found, f"port {port} of {namespace}/{name}")

    def eventually(self, namespace: str, gateway: str, host: str, path: str, right: Callable[[Answer], bool]) -> Answer:
        """Return the first answer that is right, or the last one of five seconds."""
        address, port = self.address(namespace, gateway)
        deadline, answer = time.monotonic() + 5.0, Answer(0)
        while time.monotonic() < deadline:
            answer = request(address, port, host, path)
            if right(answer):
                break
            time.sleep(0.05)
        return answer

    def attachments(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield (Route, Gateway, condition, reason) of every parent entry."""
        for item in self.admin.list(*ROUTE):
            meta = item["metadata"]
            for parent in item.get("status", {}).get("parents", ()):
                for one in parent["conditions"]:
                    told = f"{one['type']}={one['status']}"
                    yield f"{meta['namespace']}/{meta['name']}", parent["parentRef"]["name"], told, one["reason"]

    def pods(self, namespace: str, deployment: str) -> set[str]:
        """Return the names of a Deployment's Pods that run and are not being deleted."""
        return {
            item["metadata"]["name"]
            for item in self.admin.list("v1", "Pod", namespace)
            if item["metadata"]["name"].startswith(f"{deployment}-") and "deletionTimestamp" not in item["metadata"]
        }

    def wait_rollout(self, namespace: str, deployment: str, before: set[str]) -> set[str]:
        """Wait until none of the Pods of `before` exists any more and the Deployment is available; return its Pods."""

        def replaced() -> set[str] | None:
            names = {item["metadata"]["name"] for item in self.admin.list("v1", "Pod", namespace)}
            item = self.admin.get("apps/v1", "Deployment", namespace, deployment) or {}
            status, wanted = item.get("status", {}), item.get("spec", {}).get("replicas")
            done = status.get("updatedReplicas") == status.get("availableReplicas") == wanted
            return self.pods(namespace, deployment) if done and not names & before else None

        return self.wait(replaced, f"the rollout of {namespace}/{deployment}")

    def aws(self, service: str) -> Any:
        """Return a boto3 client of the emulated account."""
        client: Any = boto3.client
        return client(service, endpoint_url=self.endpoint_url, region_name="us-east-1")

    def counts(self) -> dict[str, Any]:
        """Return the calls to the cloud's load balancer API by operation."""
        with urllib.request.urlopen(f"{self.endpoint_url}/_emulator/counts", timeout=10) as answer:  # noqa: S310 - loopback
            found: dict[str, Any] = json.load(answer)
        return dict(found["operations"])

    def cloud_left(self) -> dict[str, int]:
        """Return how many resources of ours are left, by kind."""
        elbv2, ec2, acm = self.aws("elbv2"), self.aws("ec2"), self.aws("acm")
        groups = ec2.describe_security_groups()["SecurityGroups"]
        ours = [one for one in groups if any(tag["Key"].startswith("routewright.dev/") for tag in one.get("Tags", ()))]
        return {
            "load balancers": len(elbv2.describe_load_balancers()["LoadBalancers"]),
            "target groups": len(elbv2.describe_target_groups()["TargetGroups"]),
            "security groups": len(ours),
            "certificates": len(acm.list_certificates()["CertificateSummaryList"]),
        }

    def dead_letters(self) -> int:
        """Return how many messages the dead-letter queue holds."""
        return self.runner.dead_letters()


def _conditions(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for parent in item.get("status", {}).get("parents", ()):
        yield from parent["conditions"]


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
