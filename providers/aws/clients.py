"""The one door to AWS: clients made when first needed, limits kept, errors translated, calls counted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from providers.aws.errors import translate
from providers.aws.limiter import Limiter

ATTEMPTS = 4
"""Of the SDK, in all; what is still throttled then goes back to the queue."""
PAGE = 400
_READS = ("Describe", "Get", "Head", "List")
_REGISTRATIONS = frozenset({"RegisterTargets", "DeregisterTargets"})


@dataclass(slots=True)
class Clients:
    """AWS as one placement sees it.

    Attributes:
        region: "" means the environment's.
        role: to assume; "" means our own identity.
        limiter: shared by all placements of a process.
        left: seconds left of the invocation under way.
        counts: calls by `service.Operation`.
    """

    region: str = ""
    role: str = ""
    limiter: Limiter = field(default_factory=Limiter)
    left: Callable[[], float] = lambda: float("inf")
    counts: Counter[str] = field(default_factory=Counter)
    _session: Any = None
    _made: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """Make one call and return its answer. Raises ReconcilerError."""
        name = f"{service}.{operation}"
        self.limiter.take(service, _kind(operation), self.left())
        self.counts[name] += 1
        try:
            answer: dict[str, Any] = getattr(self._client(service), xform_name(operation))(**arguments)
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            raise translate(error, name) from error
        return answer

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of all pages of an ELBv2 describe call (Marker, NextMarker). Raises ReconcilerError."""
        marker: dict[str, str] = {}
        while True:
            answer = self.call(service, operation, **arguments, **marker)
            yield from answer.get(key, ())
            if not answer.get("NextMarker"):
                return
            marker = {"Marker": answer["NextMarker"]}

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                self._session = self._session or self._open()
                retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
                config = Config(
                    retries=retries,
                    connect_timeout=5,
                    read_timeout=20,
                    user_agent_extra="routewright",
                    max_pool_connections=20,
                )
                self._made[service] = self._session.client(service, config=config)
            return self._made[service]

    def _open(self) -> Any:
        own = _own_session(self.region or None)
        return _assumed(own, self.role) if self.role else own


@cache
def _own_session(region: str | None) -> Any:
    """Our own identity; kept, for a session reads megabytes of API models when it makes its first clients."""
    return boto3.Session(region_name=region)


def _assumed(own: Any, role: str) -> Any:
    """A role's identity; renewed before it expires, for a container outlives the hour that STS gives."""
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=own.client,
        source_credentials=own.get_credentials(),
        role_arn=role,
        extra_args={"RoleSessionName": "routewright"},
    )
    session: Any = botocore.session.get_session()
    session._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # noqa: SLF001 - no public way
    return boto3.Session(botocore_session=session, region_name=own.region_name)


def _kind(operation: str) -> str:
    if operation in _REGISTRATIONS:
        return "register"
    return "read" if operation.startswith(_READS) else "write"
