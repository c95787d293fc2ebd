"""What a failed read means to a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from kube.api import Api
from kube.fetch import Fetch
from kube.freshness import Need
from kube.store import Found, Store
from reconciler.errors import PermissionDenied, Unavailable
from reconciler.events import Cause, Trigger
from tests.builders import CLUSTER, CONTROLLER, gateway, gateway_class, listener

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class _Cluster:
    """Answers reads by the last part of the path; Secrets are forbidden."""

    objects: Mapping[str, Any] = field(default_factory=dict)

    def get(self, path: str, *, metadata_only: bool = False) -> Any:
        if "/secrets/" in path:
            raise PermissionDenied(f"GET {path}: forbidden")
        return None if metadata_only else self.objects.get(path.rpartition("/")[2])


@dataclass
class _NoRoutes:
    def routes(self, _namespace: str, _name: str, _need: Callable[[str], Need]) -> Found:
        return Found((), {})


def test_a_secret_that_may_not_be_read_ends_the_run_and_is_not_taken_for_a_bad_one() -> None:
    """A right that was lost must not take down a listener that is served."""
    tls = {"certificateRefs": [{"name": "c"}]}
    named = {"gw": gateway(listeners=[listener("https", 443, "HTTPS", tls=tls)]), "aws": gateway_class()}
    fetch = Fetch(cast("Api", _Cluster(named)), cast("Store", _NoRoutes()), CONTROLLER, "aws")

    with pytest.raises(Unavailable, match="Secret infra/c may not be read; grant routewright `get`"):
        fetch.gateway(Trigger(CLUSTER, "infra", "gw", cause=Cause.RESYNC), NOW)
