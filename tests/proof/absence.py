"""Absence has to be proven: whatever a broken or a wrong API server answers, nothing in the cloud is deleted.

Real sweeps and whole runs, over HTTP, against an API server that lies in every way listed here, and the emulated AWS.
What is truly absent goes once the grace is over, and nothing else does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from emulators.aws.account import Account
from emulators.aws.inprocess import strict_aws
from functions import reconcile, sweep, wiring
from functions.queue import SqsQueue
from functions.wiring import Container, Settings
from kube.cluster import KubeCluster
from kube.kinds import GATEWAY
from providers import provider_for
from reconciler.errors import ReconcilerError
from reconciler.events import Cause, Trigger, to_text
from tests.builders import CONTROLLER, gateway, gateway_class, namespace_, parent, route, with_service
from tests.fakes import FakeCluster
from tests.proof.api_server import Answer, ApiServer, Lie, honest, serve

GRACE = 3600.0
NAMES = ("one", "two", "three")
_LIST = GATEWAY.path()
_KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


def _gateways(path: str) -> bool:
    """Return whether a path is that of the Gateways, or of one of them."""
    return path == _LIST or "/gateways/" in path


def _always(answer: Callable[[Answer], Answer]) -> Lie:
    return lambda path, right: answer(right) if _gateways(path) else right


def _to_lists(**change: Any) -> Lie:
    """Change fields of the list's body; None takes a field away."""

    def lie(path: str, right: Answer) -> Answer:
        if path != _LIST:
            return right
        body = {**json.loads(right.body), **change}
        return Answer(200, json.dumps({name: value for name, value in body.items() if value is not None}).encode())

    return lie


def _another_cluster(path: str, right: Answer) -> Answer:
    """Answer as another cluster would: alive and well, with a kube-system of its own and no Gateway of ours."""
    if path == _KUBE_SYSTEM:
        return Answer(200, json.dumps({"metadata": {"name": "kube-system", "uid": "uid-of-another"}}).encode())
    if path == _LIST:
        return _to_lists(items=[])(path, right)
    if _gateways(path):
        status = {"kind": "Status", "reason": "NotFound", "details": {"name": path.rpartition("/")[2]}}
        return Answer(404, json.dumps(status).encode())
    return right


_HTML = b"<html><body>please log in</body></html>"
LIES: Mapping[str, Lie] = {
    "401": _always(lambda _: Answer(401, b"{}")),
    "403": _always(lambda _: Answer(403, b'{"kind": "Status", "message": "forbidden"}')),
    "404 for the kind": _always(lambda _: Answer(404, b"404 page not found\n", "text/plain")),
    "404 without a name": _always(lambda _: Answer(404, b'{"kind": "Status", "reason": "NotFound", "details": {}}')),
    "410": _always(lambda _: Answer(410, b"{}")),
    "429": _always(lambda _: Answer(429, b"{}")),
    "500": _always(lambda _: Answer(500, b"oops")),
    "HTML as success": _always(lambda _: Answer(200, _HTML, "text/html")),
    "HTML as 404": _always(lambda _: Answer(404, _HTML, "text/html")),
    "HTML as 502": _always(lambda _: Answer(502, _HTML, "text/html")),
    "empty body": _always(lambda _: Answer(200, b"")),
    "empty object": _always(lambda _: Answer(200, b"{}")),
    "null": _always(lambda _: Answer(200, b"null")),
    "array": _always(lambda _: Answer(200, b"[]")),
    "cut on the wire": _always(lambda right: Answer(200, right.body, cut=len(right.body) // 2)),
    "cut and ended": _always(lambda right: Answer(200, right.body[: len(right.body) // 2])),
    "list without items": _to_lists(items=None),
    "empty list": _to_lists(items=[]),
    "empty list without a version": _to_lists(items=[], metadata={}),
    "list of which more remains": _to_lists(items=[], metadata={"resourceVersion": "1", "remainingItemCount": 9}),
    "list of another kind": _to_lists(kind="Status", items=[]),
    "another cluster": _another_cluster,
}


@dataclass
class World:
    """Three Gateways in the cloud, an API server to lie, and the functions between them on a clock of ours."""

    account: Account
    cluster: FakeCluster
    server: ApiServer
    seen: KubeCluster
    now: float = 1_000_000.0

    def reconcile(self, name: str, cause: Cause = Cause.DEEP) -> None:
        """Run the function for one Gateway, as its queue would; what it raises goes back to the queue."""
        body = to_text(Trigger(self.seen.cluster_id, "infra", name, cause=cause, run=str(self.now)))
        with suppress(ReconcilerError):
            reconcile.handler({"Records": [{"messageId": "m", "body": body}]}, None)

    def sweep(self, after: float = 0.0) -> dict[str, int]:
        """Let time pass and run the sweep; one that ends without proof has removed nothing."""
        self.now += after
        try:
            return sweep.handler({}, None)
        except ReconcilerError:
            return {}

    def remove_for_good(self, name: str) -> None:
        """Take a Gateway away without a run: its finalizer was removed by hand."""
        self.cluster.objects.pop(("Gateway", "infra", name))

    def deletions(self) -> list[str]:
        """Return what was deleted in the cloud since the start."""
        return [one.operation for one in self.account.journal.writes() if one.operation.startswith("Delete")]

    def ours(self) -> list[str]:
        """Return whose load balancers and target groups there are, by the tag or the name."""
        state = self.account.state()
        whose = [one["Tags"].get("routewright.dev/gateway", "nobody") for one in state["loadBalancers"]]
        return sorted(whose)

    def noted(self) -> int:
        """Return how many resources carry a note that they were found unused."""
        tagging = self.account.client("resourcegroupstaggingapi")
        filters = [{"Key": "routewright.dev/unused-since"}]
        return len(tagging.get_resources(TagFilters=filters)["ResourceTagMappingList"])


@contextmanager
def world() -> Iterator[World]:
    """Open a world in which everything is as it should be."""
    with strict_aws() as account:
        account.prepare_network()
        cluster = FakeCluster(provider="aws")
        cluster.put(gateway_class(), namespace_("infra"), namespace_("a"), *with_service())
        for name in NAMES:
            cluster.put(gateway(name), route(f"to-{name}", parents=[parent(name)]))
        with serve(cluster) as (server, api):
            seen = KubeCluster(api, CONTROLLER, "aws")
            made = World(account, cluster, server, seen)
            queue: Any = SqsQueue(_NoQueue(), "fifo", "later")  # type: ignore[arg-type]
            provider = provider_for(CONTROLLER, rate=1000)
            settings, clusters = Settings(sweep_grace=GRACE), {seen.cluster_id: seen}
            wiring.keep(Container(settings, provider, queue, wiring.Deadline(), clusters, lambda: made.now))
            try:
                for name in NAMES:
                    made.reconcile(name)
                assert [f"infra/{name}" for name in sorted(NAMES)] == made.ours()
                yield made
            finally:
                wiring.keep(None)


class _NoQueue:
    """Takes every message."""

    def send_message(self, **_: Any) -> None:
        """Take a message."""


def check_lie(one: World, name: str) -> dict[str, int]:
    """Sweep and reconcile while the API server tells one lie, for hours; return what was done.

    Raises AssertionError if anything was deleted, or if the lie left a trace once the truth was told again.
    """
    before, deleted = one.account.state()["loadBalancers"], one.deletions()
    one.server.lie = LIES[name]
    pauses = {0.0: Cause.DEEP, GRACE / 2: Cause.RELIST, GRACE: Cause.RESYNC, 3 * GRACE: Cause.EVENT}
    for (pause, cause), gateway_name in zip(pauses.items(), cycle(NAMES), strict=False):
        one.sweep(pause)
        one.reconcile(gateway_name, cause)
    assert deleted == one.deletions(), name
    one.server.lie = honest
    one.sweep()
    assert (deleted, 0) == (one.deletions(), one.noted()), name
    assert before == one.account.state()["loadBalancers"], name
    return {"lies": 1, "sweeps": len(pauses) + 1, "runs": len(pauses)}


def prove(size: int = len(LIES)) -> dict[str, int]:
    """Check the first `size` lies; return counts. Raises AssertionError."""
    total: Counter[str] = Counter()
    with world() as one:
        for name in list(LIES)[:size]:
            total.update(check_lie(one, name))
    return dict(total)
