"""The centre's `Cluster` port on the real API server: reads by `fetch`, writes nothing but status and metadata."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from kube import kinds
from kube.api import Api, Plain
from kube.certificates import key_pair_of
from kube.errors import NotFound
from kube.fetch import Fetch
from kube.pods import Pods
from kube.store import Store
from reconciler.config import Placement
from reconciler.errors import Conflict, ReconcilerError, TransientError, Unavailable
from reconciler.events import Trigger
from reconciler.gatewayapi.config import read_config
from reconciler.gatewayapi.gates import GateUpdate
from reconciler.gatewayapi.pods import GATE, sharing_of
from reconciler.gatewayapi.read import take_snapshot
from reconciler.gatewayapi.references import configs_named
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.status import StatusUpdate, merge_status
from reconciler.gatewayapi.values import mapping, number, text
from reconciler.keys import GatewayKey, SecretRef
from reconciler.mark import Mark, annotation, finalizer
from reconciler.ports import Clock, KeyPair

_ATTEMPTS = 5
"""Reads and writes of one object before a conflict goes back to the queue."""
_ID_LENGTH = 10
_OTHER_UID = "metadata.uid: Invalid value"
"""In the API server's answer (422) to a patch of an object that has another UID by now."""


@dataclass(frozen=True, slots=True)
class GatewayRef:
    """A Gateway of ours and the name of its class."""

    key: GatewayKey
    class_name: str


@dataclass(slots=True)
class KubeCluster:
    """Implements `reconciler.ports.Cluster`.

    Attributes:
        api: calls of one cluster's API server.
        controller: our controllerName.
        provider: short name of the provider, which annotation and finalizer carry.
        clock: seconds since the epoch.
    """

    api: Api
    controller: str
    provider: str
    clock: Clock = time.time
    _id: str = ""
    _uids: dict[GatewayKey, str] = field(default_factory=dict)
    _pods: Pods = field(default_factory=Pods)
    _store: Store = field(init=False)

    def __post_init__(self) -> None:
        self._store = Store(self.api, self.controller)

    @property
    def cluster_id(self) -> str:
        """First 10 base32 digits of sha256 of the UID of Namespace kube-system. Raises ReconcilerError at first use."""
        if not self._id:
            self._id = self._read_id()
        return self._id

    def _read_id(self) -> str:
        found = self.api.get(kinds.NAMESPACE.path(name="kube-system"))
        if found is None:
            raise Unavailable("Namespace kube-system is not there; is this address a Kubernetes API server?")
        digest = hashlib.sha256(str(found["metadata"]["uid"]).encode()).digest()
        return base64.b32encode(digest).decode().lower()[:_ID_LENGTH]

    def _check_identity(self) -> None:
        """Raise Unavailable if another cluster answers by now: what is absent there says nothing about ours."""
        if (found := self._read_id()) != self.cluster_id:
            raise Unavailable(f"cluster {found} answers where cluster {self.cluster_id} did; nothing is concluded")

    def classes(self) -> list[str]:
        """Return the names of the GatewayClasses of our controller, sorted. Raises ReconcilerError."""
        return sorted(item["metadata"]["name"] for item in self._classes())

    def _classes(self) -> list[Plain]:
        found = self.api.list(kinds.GATEWAY_CLASS.path()).items
        return [item for item in found if mapping(item.get("spec")).get("controllerName") == self.controller]

    def placements(self) -> list[Placement]:
        """Return where load balancers may stand: at our own place, and where the settings of our classes say.

        Settings that no class of ours names say nothing: whoever may write an object could send us anywhere.
        Raises ReconcilerError.
        """
        kind = kinds.LOAD_BALANCER_CONFIG
        refs = {ref for item in self._classes() for ref in configs_named(item) if ref[:2] == (kind.group, kind.name)}
        found = (self.api.get(kind.path(namespace, name)) for _, _, namespace, name in sorted(refs))
        told = {read_config(mapping(item.get("spec")), self.provider).placement for item in found if item}
        own = Placement()
        return [own, *sorted(told - {own}, key=astuple)]

    def gateways(self) -> list[GatewayRef]:
        """Return the Gateways of our classes, and those that left us but still carry our finalizer, sorted by key."""
        ours, mine = set(self.classes()), finalizer(self.provider)
        refs = [
            GatewayRef(
                GatewayKey(self.cluster_id, item["metadata"]["namespace"], item["metadata"]["name"]),
                text(mapping(item.get("spec")).get("gatewayClassName")),
            )
            for item in self.api.list(kinds.GATEWAY.path()).items
            if text(mapping(item.get("spec")).get("gatewayClassName")) in ours
            or mine in item["metadata"].get("finalizers", ())
        ]
        return sorted(refs, key=lambda ref: ref.key)

    def gateway_uids(self) -> frozenset[str]:
        """Return the UIDs of all Gateways, whoever's they are. Raises ReconcilerError rather than return too few."""
        found = frozenset(str(item["metadata"]["uid"]) for item in self.api.list(kinds.GATEWAY.path()).items)
        self._check_identity()
        return found

    def has_gateway(self, namespace: str, name: str, uid: str) -> bool:
        """Return whether this very Gateway exists, asked for by name. Raises ReconcilerError rather than guess."""
        found = self.api.get(kinds.GATEWAY.path(namespace, name))
        if found is not None and found["metadata"]["uid"] == uid:
            return True
        self._check_identity()
        return False

    def snapshot(self, trigger: Trigger) -> Snapshot:
        """Return all that a run for a Gateway or a GatewayClass needs, as fresh as its trigger asks for.

        Raises ReconcilerError.
        """
        fetch = Fetch(self.api, self._store, self.controller, self.provider, self._pods)
        key = trigger.key
        if trigger.kind == "GatewayClass":
            key, fetched = GatewayKey(key.cluster, "", key.name), fetch.gateway_class(trigger.name)
        else:
            fetched = fetch.gateway(trigger, datetime.fromtimestamp(self.clock(), UTC))
        snapshot = take_snapshot(
            key,
            self.controller,
            fetched.objects,
            fetched.facts,
            fetched.bundle_version,
            fetched.versions,
        )
        if fetched.sharing:
            snapshot = replace(snapshot, sharing=sharing_of(self.controller, fetched.sharing, snapshot.pods))
        if snapshot.gateway is not None:
            self._uids[key] = snapshot.gateway.meta.uid
        return snapshot

    def read_secret(self, ref: SecretRef, fingerprint: str) -> KeyPair:
        """Return a Secret's key pair. Raises Conflict if it is gone, unusable or another one by now."""
        secret = self.api.get(kinds.SECRET.path(ref.namespace, ref.name))
        if secret is None:
            raise Conflict(f"{ref} is gone since it was planned")
        try:
            pair, found = key_pair_of(secret)
        except ValueError as error:
            raise Conflict(f"{ref} changed since it was planned: {error}") from None
        if found != fingerprint:
            raise Conflict(f"{ref} holds another certificate than was planned")
        return pair

    def write_status(self, updates: Sequence[StatusUpdate]) -> int:
        """Merge and write what differs; return the number of writes.

        A failure stops none of the others; the first transient one, else the first, is raised at the end.
        """
        count, failures = 0, list[ReconcilerError]()
        for update in updates:
            try:
                count += self._write_status(update)
            except ReconcilerError as error:
                failures.append(error)
        _raise_one(failures)
        return count

    def write_gates(self, updates: Sequence[GateUpdate]) -> int:
        """Set our condition on Pods; return the number of writes. A Pod that is gone, or another by now, wants none.

        A failure stops none of the others; the first transient one, else the first, is raised at the end.
        """
        count, failures = 0, list[ReconcilerError]()
        for update in updates:
            now = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            status = "True" if update.open else "False"
            said = {"type": GATE, "status": status, "reason": update.reason, "message": update.message}
            body = {
                "metadata": {"uid": update.uid},
                "status": {"conditions": [said | {"lastTransitionTime": now}]},
            }
            try:
                self.api.patch(f"{kinds.POD.path(update.namespace, update.name)}/status", body, strategic=True)
            except (NotFound, Conflict):
                continue
            except ReconcilerError as error:
                if _OTHER_UID not in error.message:
                    failures.append(error)
            else:
                count += 1
        _raise_one(failures)
        return count

    def _write_status(self, update: StatusUpdate) -> bool:
        """Return whether a write was needed. Raises Conflict when others write faster than we do."""
        path = kinds.BY_NAME[update.kind].path(update.namespace, update.name)
        for _ in range(_ATTEMPTS):
            current = self.api.get(path)
            if current is None or not _is_meant(update, current):
                return False
            now = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            merged = merge_status(update, mapping(current.get("status")), now)
            if merged is None:
                return False
            try:
                self.api.put(f"{path}/status", {**current, "status": merged})
            except Conflict:
                continue
            return True
        raise Conflict(
            f"status of {update.kind} {update.namespace}/{update.name} changes faster than it can be written"
        )

    def write_mark(self, key: GatewayKey, mark: Mark | None, *, finalizer: bool) -> None:
        """Set or remove our annotation and finalizer in one patch; nothing is written if nothing would change.

        Raises Conflict if the Gateway is gone or is not the one of the last snapshot any more.
        """
        path = kinds.GATEWAY.path(key.namespace, key.name)
        for _ in range(_ATTEMPTS):
            current = self.api.get(path)
            uid = str(current["metadata"]["uid"]) if current is not None else ""
            if current is None or self._uids.get(key, uid) != uid:
                raise Conflict(f"{key} is gone or was created anew")
            change = self._change(current["metadata"], mark, wanted=finalizer)
            if not change:
                return
            try:
                version = current["metadata"]["resourceVersion"]
                self.api.patch(path, {"metadata": {"uid": uid, "resourceVersion": version, **change}})
            except Conflict:
                continue
            return
        raise Conflict(f"{key} changes faster than it can be written")

    def _change(self, meta: Plain, mark: Mark | None, *, wanted: bool) -> dict[str, Any]:
        """Return the metadata to merge into a Gateway's; empty if annotation and finalizer are as wanted."""
        name, mine, change = annotation(self.provider), finalizer(self.provider), dict[str, Any]()
        value = None if mark is None else mark.text()
        if mapping(meta.get("annotations")).get(name) != value:
            change["annotations"] = {name: value}
        before = list(meta.get("finalizers") or ())
        if (mine in before) != wanted:
            change["finalizers"] = [*before, mine] if wanted else [one for one in before if one != mine]
        return change


def _raise_one(failures: Sequence[ReconcilerError]) -> None:
    """Raise the first transient failure, else the first, if there is any."""
    if failures:
        raise next((error for error in failures if isinstance(error, TransientError)), failures[0])


def _is_meant(update: StatusUpdate, current: Plain) -> bool:
    """Return whether an object is still the one, and of the generation, that an update speaks of."""
    meta = current["metadata"]
    return update.uid in ("", meta.get("uid")) and (number(meta.get("generation")) or 1) <= update.generation
