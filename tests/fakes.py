"""A cluster in memory: plain objects, the real merging of statuses, a count of every write."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.errors import Conflict
from reconciler.events import Trigger
from reconciler.gatewayapi.gates import GateUpdate
from reconciler.gatewayapi.pods import GATE
from reconciler.gatewayapi.read import take_snapshot
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.status import StatusUpdate, merge_status
from reconciler.keys import GatewayKey, SecretRef
from reconciler.mark import Mark, annotation, finalizer
from reconciler.ports import KeyPair
from tests.builders import CLUSTER, CONTROLLER

type Plain = dict[str, Any]


@dataclass
class FakeCluster:
    """Implements `reconciler.ports.Cluster`. `provider` names the annotations and the finalizer."""

    provider: str = "memory"
    controller: str = CONTROLLER
    objects: dict[tuple[str, str, str], Plain] = field(default_factory=dict)
    certificates: list[CertificateFacts] = field(default_factory=list)
    bundles: list[CaBundle] = field(default_factory=list)
    pairs: dict[SecretRef, KeyPair] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    on_write: Callable[[str], None] = lambda _: None
    clock: int = 0

    def put(self, *objects: Plain) -> None:
        """Create or replace objects; a changed spec raises the generation, status and uid stay."""
        for item in objects:
            key = _key(item)
            old, fresh = self.objects.get(key), copy.deepcopy(item)
            if old is not None:
                changed = old.get("spec") != fresh.get("spec")
                fresh["metadata"]["generation"] = old["metadata"].get("generation", 1) + (1 if changed else 0)
                fresh["metadata"].setdefault("uid", old["metadata"]["uid"])
                fresh["status"] = old.get("status", {})
                for name in ("annotations", "finalizers"):
                    fresh["metadata"].setdefault(name, old["metadata"].get(name, {} if name == "annotations" else []))
            self.objects[key] = fresh

    def get(self, kind: str, namespace: str, name: str) -> Plain:
        """Return an object."""
        return self.objects[kind, namespace, name]

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object; one with finalizers is only marked as being deleted."""
        item = self.objects[kind, namespace, name]
        if item["metadata"].get("finalizers"):
            item["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
        else:
            del self.objects[kind, namespace, name]

    def snapshot(self, trigger: Trigger) -> Snapshot:
        """Return the snapshot of a trigger's subject."""
        everything: Iterable[Plain] = copy.deepcopy(list(self.objects.values()))
        return take_snapshot(trigger.key, self.controller, everything, [*self.certificates, *self.bundles], "v1.7.0")

    def write_status(self, updates: Sequence[StatusUpdate]) -> int:
        """Merge and write what differs."""
        count = 0
        for update in updates:
            item = self.objects.get((update.kind, update.namespace, update.name))
            if item is None or item["metadata"].get("generation", 1) > update.generation:
                continue
            self.clock += 1
            merged = merge_status(update, item.get("status", {}), f"2026-01-01T00:00:{self.clock:06d}Z")
            if merged is not None:
                self._write(f"status {update.kind}/{update.namespace}/{update.name}")
                item["status"] = merged
                count += 1
        return count

    def write_mark(self, key: GatewayKey, mark: Mark | None, *, finalizer: bool) -> None:
        """Set annotation and finalizer of the provider."""
        item = self.objects.get(("Gateway", key.namespace, key.name))
        if item is None:
            raise Conflict(f"{key} is gone")
        self._write(f"mark {mark.state if mark else 'removed'}")
        metadata = item["metadata"]
        annotations = dict(metadata.get("annotations") or {})
        annotations.pop(annotation(self.provider), None)
        if mark is not None:
            annotations[annotation(self.provider)] = mark.text()
        metadata["annotations"] = annotations
        name = _finalizer(self.provider)
        others = [one for one in metadata.get("finalizers") or [] if one != name]
        metadata["finalizers"] = [*others, name] if finalizer else others
        if metadata.get("deletionTimestamp") and not metadata["finalizers"]:
            del self.objects["Gateway", key.namespace, key.name]

    def write_gates(self, updates: Sequence[GateUpdate]) -> int:
        """Set our condition on Pods that are still there."""
        count = 0
        for update in updates:
            item = self.objects.get(("Pod", update.namespace, update.name))
            if item is not None and item["metadata"]["uid"] == update.uid:
                self._write(f"gate {update.namespace}/{update.name} {update.open}")
                others = [one for one in item["status"].get("conditions", ()) if one["type"] != GATE]
                said = {"type": GATE, "status": str(update.open), "reason": update.reason, "message": update.message}
                item["status"]["conditions"] = [*others, said]
                count += 1
        return count

    def read_secret(self, ref: SecretRef, fingerprint: str) -> KeyPair:
        """Return the key pair of a Secret whose facts still carry the fingerprint."""
        facts = next((one for one in self.certificates if one.ref == ref), None)
        if facts is None or facts.fingerprint != fingerprint:
            raise Conflict(f"{ref} changed")
        return self.pairs[ref]

    def _write(self, what: str) -> None:
        self.on_write(what)
        self.writes.append(what)

    def conditions(self, kind: str, namespace: str, name: str) -> dict[str, tuple[str, str]]:
        """Return {type: (status, reason)} of an object; of a Route those of its first parent entry."""
        status = self.objects[kind, namespace, name].get("status", {})
        found = status["parents"][0]["conditions"] if "parents" in status else status["conditions"]
        return {one["type"]: (one["status"], one["reason"]) for one in found}


_finalizer = finalizer


def trigger(namespace: str = "infra", name: str = "gw", **more: Any) -> Trigger:
    """Return a trigger of the test cluster."""
    return Trigger(CLUSTER, namespace, name, **more)


def _key(item: Plain) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]
