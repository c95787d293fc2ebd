"""The composition root: settings become clients, once a container.

Every setting is an environment variable, read here and nowhere else; `docs/settings.md` is the table of them.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions import log
from providers import provider_for
from reconciler.errors import Misconfigured
from reconciler.ports import Clock
from reconciler.reconcile import Room

if TYPE_CHECKING:
    from functions.queue import SqsQueue
    from kube.cluster import KubeCluster
    from reconciler.ports import Provider

PREFIX = "ROUTEWRIGHT_"
MODES = ("apply", "observe")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment says, by environment variable (prefix ROUTEWRIGHT_).

    Attributes:
        controller: CONTROLLER, our controllerName.
        queue_url: QUEUE_URL, the provider's FIFO queue.
        later_url: LATER_URL, the standard queue in front of it.
        kubeconfigs: KUBECONFIGS, paths joined by `:`, one a cluster; empty means KUBECONFIG or in-cluster.
        mode: MODE, `apply` (default) or `observe`.
        log_level: LOG_LEVEL.
        sweep_grace: SWEEP_GRACE, seconds that something has to be unused before the sweep takes it; 3600 by default.
        roles: ALLOWED_ROLES, identities that a GatewayClass may ask us to assume, joined by `,`.
        debounce: DEBOUNCE, seconds of quiet that end a burst of events of one Gateway; 0.1 by default.
        concurrency: CONCURRENCY, reconciles that run at once in the deployment; they share the rate of calls.
        call_rate: CALL_RATE, how many times the default limits on calls the account has, where AWS raised them.
        settle: SETTLE, seconds until what AWS acknowledged is everywhere; 2 by default.
        bucket: TRUST_STORE_BUCKET, where the objects stand that trust stores are made from; "" verifies no clients.
    """

    controller: str = "routewright.dev/aws"
    queue_url: str = ""
    later_url: str = ""
    kubeconfigs: tuple[str, ...] = ()
    mode: str = "apply"
    log_level: str = "INFO"
    sweep_grace: float = 3600.0
    roles: tuple[str, ...] = ()
    debounce: float = 0.1
    concurrency: int = 1
    call_rate: float = 1.0
    settle: float = 2.0
    bucket: str = ""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment. Raises Misconfigured, naming the variable, for a value that is wrong."""
    known = {PREFIX + name for name in _READERS}
    if unknown := sorted(name for name in environment if name.startswith(PREFIX) and name not in known | _FOREIGN):
        raise Misconfigured(f"unknown setting {unknown[0]}; known are {', '.join(sorted(known))}")
    values: dict[str, Any] = {}
    for name, (attribute, read) in _READERS.items():
        if text := environment.get(PREFIX + name, ""):
            try:
                values[attribute] = read(text)
            except ValueError as error:
                raise Misconfigured(f"setting {PREFIX}{name}={text!r}: {error}") from error
    return Settings(**values)


def _mode(text: str) -> str:
    if text not in MODES:
        raise ValueError(f"expected one of {', '.join(MODES)}")
    return text


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError("expected seconds, 0 or more")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("expected a number above 0")
    return value


def _level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("expected DEBUG, INFO, WARNING or ERROR")
    return text.upper()


_READERS: Mapping[str, tuple[str, Any]] = {
    "CONTROLLER": ("controller", str),
    "QUEUE_URL": ("queue_url", str),
    "LATER_URL": ("later_url", str),
    "KUBECONFIGS": ("kubeconfigs", lambda text: tuple(part for part in text.split(":") if part)),
    "MODE": ("mode", _mode),
    "LOG_LEVEL": ("log_level", _level),
    "SWEEP_GRACE": ("sweep_grace", _seconds),
    "ALLOWED_ROLES": ("roles", lambda text: tuple(part.strip() for part in text.split(",") if part.strip())),
    "DEBOUNCE": ("debounce", _seconds),
    "CONCURRENCY": ("concurrency", _count),
    "CALL_RATE": ("call_rate", _seconds),
    "SETTLE": ("settle", _seconds),
    "TRUST_STORE_BUCKET": ("bucket", str),
}
_FOREIGN = frozenset({PREFIX + "CACHE"})
"""Read by the laptop's build, not by the functions."""


@dataclass(slots=True)
class Deadline:
    """Seconds left of the invocation under way, less what writing the status takes; endless outside of one."""

    reserve: float = 5.0
    _local: threading.local = field(default_factory=threading.local)

    def start(self, context: object) -> None:
        """Take the deadline of Lambda's context object."""
        self._local.left = getattr(context, "get_remaining_time_in_millis", None)

    def __call__(self) -> float:
        """Return the seconds left."""
        left = getattr(self._local, "left", None)
        return float("inf") if left is None else left() / 1000 - self.reserve


@dataclass(slots=True)
class Container:
    """What lives as long as the function's container: clients, kept warm. `clock`: seconds since the epoch."""

    settings: Settings
    provider: Provider
    queue: SqsQueue
    deadline: Deadline
    _clusters: dict[str, KubeCluster] = field(default_factory=dict)
    clock: Clock = time.time

    def clusters(self) -> Sequence[KubeCluster]:
        """Return the clusters of this deployment, by id."""
        return [self._clusters[cluster] for cluster in sorted(self._clusters)]

    def room(self, cluster: str) -> Room:
        """Return what a run in a cluster works with. Raises Misconfigured for a cluster that is not ours to touch."""
        if cluster not in self._clusters:
            raise Misconfigured(f"cluster {cluster!r} is not one of this deployment's: {', '.join(self._clusters)}")
        return Room(
            cluster=self._clusters[cluster],
            provider=self.provider,
            nonce=new_nonce,
            observe_only=self.settings.mode == "observe",
        )

    def new_run(self) -> str:
        """Return a fresh id for a resync or backfill run."""
        return secrets.token_hex(8)


def new_nonce() -> str:
    """Return a fresh nonce for a load balancer."""
    return secrets.token_hex(8)


def build(settings: Settings) -> Container:
    """Return a container of these settings. Raises Misconfigured for what cannot be connected to."""
    from functions.queue import SqsQueue
    from kube.api import Api
    from kube.auth import connect
    from kube.cluster import KubeCluster

    log.setup(settings.log_level)
    deadline = Deadline()
    provider = provider_for(
        settings.controller,
        left=deadline,
        roles=settings.roles,
        concurrency=settings.concurrency,
        rate=settings.call_rate,
        settle=settings.settle,
        bucket=settings.bucket,
    )
    clusters: dict[str, KubeCluster] = {}
    for path in settings.kubeconfigs or ("",):
        cluster = KubeCluster(Api(connect(path)), settings.controller, provider.name)
        clusters[cluster.cluster_id] = cluster
    return Container(settings, provider, SqsQueue(_sqs(), settings.queue_url, settings.later_url), deadline, clusters)


def _sqs() -> Any:
    import boto3

    return boto3.client("sqs")


_LOCK = threading.Lock()
_KEPT: list[Container] = []


def container() -> Container:
    """Return this process's container, made at the first call from the environment."""
    with _LOCK:
        if not _KEPT:
            _KEPT.append(build(read_settings(os.environ)))
        return _KEPT[0]


def keep(wired: Container | None) -> None:
    """Use this container from now on; None makes the next call build a fresh one, as a new process would."""
    with _LOCK:
        _KEPT[:] = [wired] if wired else []
