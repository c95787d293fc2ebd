"""QUICRoute on real parts, in a process that has the extension installed; prints what it saw as JSON."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from demo.stage import Setting, Stage
from emulators.cluster.pods import IMAGES, Image

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "extensions" / "quicroute" / "manifests"
KIND = ("routewright.dev/v1alpha1", "QUICRoute")
SERVER = Image((sys.executable, "-m", "tests.integration.quic_server"), {"PYTHONPATH": str(ROOT)})
CHOSEN = bytes.fromhex("8394c8f03e515708")
"""The connection id of a client's first datagram, as in RFC 9001, appendix A."""


class QuicStage(Stage):
    """A stage whose cluster knows QUICRoutes, and lets us read them, before anything of ours starts."""

    def _start_cluster_and_cloud(self, stack: ExitStack) -> None:
        super()._start_cluster_and_cloud(stack)
        self.plane.install_crds(MANIFESTS / "crd.yaml")
        self.apply(MANIFESTS / "rights.yaml", "admin")


def servers() -> list[dict[str, Any]]:
    """Return the namespace of the example and the Deployment behind its Service."""
    labels = {"app": "world"}
    container = {
        "name": "server",
        "image": "example.com/game",
        "ports": [{"containerPort": 8443, "protocol": "UDP"}],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    }
    template = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "world", "namespace": "games"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "games"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
    ]


def first_datagram() -> bytes:
    """Return a datagram that opens a connection: long header, version 1, padded to 1,200 bytes (RFC 9000, 14.1)."""
    head = bytes([0xC3]) + (1).to_bytes(4) + bytes([len(CHOSEN)]) + CHOSEN + bytes([0])
    return head.ljust(1200, b"\0")


def ask(place: tuple[str, int]) -> str:
    """Return what answers a first datagram, "" if nothing does within a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1.0)
        client.sendto(first_datagram(), place)
        try:
            return client.recv(2048).decode()
        except OSError:
            return ""


def conditions(stage: Stage) -> dict[str, str]:
    """Return the conditions of the Route's only parent."""
    item = stage.admin.get(*KIND, "games", "world") or {}
    found = item.get("status", {}).get("parents", [{}])[0].get("conditions", ())
    return {one["type"]: f"{one['status']} {one['reason']}" for one in found}


def attached(stage: Stage) -> int | None:
    """Return how many Routes the listener says are attached."""
    item = stage.admin.get("gateway.networking.k8s.io/v1", "Gateway", "games", "play") or {}
    return next((one["attachedRoutes"] for one in item.get("status", {}).get("listeners", ())), None)


def registered(stage: Stage) -> list[dict[str, Any]]:
    """Return all targets that AWS knows."""
    elbv2 = stage.aws("elbv2")
    groups = [one["TargetGroupArn"] for one in elbv2.describe_target_groups()["TargetGroups"]]
    healths = (elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] for arn in groups)
    return [one["Target"] for found in healths for one in found]


def tell(stage: Stage) -> dict[str, Any]:
    """Play the story: attach, answer, detach, leave nothing."""
    stage.plane.apply(servers())
    stage.plane.apply(yaml.safe_load_all((MANIFESTS / "example.yaml").read_text()))
    stage.wait_programmed("games", "play")
    stage.wait(lambda: conditions(stage).get("Accepted"), "the Route's status")
    stage.wait(lambda: registered(stage), "the server to be registered")
    place = stage.address("games", "play", 443)
    answer = stage.wait(lambda: ask(place), "an answer by QUIC")
    elbv2 = stage.aws("elbv2")
    (balancer,) = elbv2.describe_load_balancers()["LoadBalancers"]
    listeners = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    seen = {
        "conditions": conditions(stage),
        "attached": attached(stage),
        "answer": answer,
        "target": registered(stage)[0],
        "listeners": [(one["Protocol"], one["Port"]) for one in listeners],
        "security groups": balancer.get("SecurityGroups", []),
    }
    started = time.monotonic()
    stage.admin.delete(*KIND, "games", "world")
    stage.wait(lambda: attached(stage) == 0, "the Route to be detached")
    stage.wait(lambda: not ask(place), "the answers to end")
    stage.admin.delete("gateway.networking.k8s.io/v1", "Gateway", "games", "play")
    stage.wait(lambda: not stage.cloud_left()["load balancers"], "the load balancer to go")
    stage.sweep()
    return seen | {"left": stage.cloud_left(), "seconds": round(time.monotonic() - started, 1)}


if __name__ == "__main__":
    setting = Setting(provisioning=0.2, images={**IMAGES, "example.com/game": SERVER})
    with QuicStage(setting) as running:
        told = tell(running)
    sys.stdout.write(json.dumps(told) + os.linesep)
