"""The API server's answers become our errors: the one table for the cluster edge. Makes no call itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from reconciler.errors import Conflict, Misconfigured, PermissionDenied, ReconcilerError, Throttled, Unavailable

_MAX_TEXT = 400


class NotFound(Unavailable):
    """The object, or its whole kind, is not there. Unless the caller expects it, nothing may be concluded from it."""


class NoSuchObject(NotFound):
    """The API server itself says that it serves the kind and has no object of that name.

    A proxy's 404, or one for a kind that is not served, is a plain NotFound: it says nothing about the object.
    """


class Expired(Unavailable):
    """A resourceVersion is too old to go on from (410): list again."""


def error_of(status: int, what: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> ReconcilerError:
    """Return the error of an answer that is no success.

    Args:
        status: the HTTP status, or the code of a Status object in a watch.
        what: the call, e.g. `GET /api/v1/namespaces/kube-system`.
        body: the answer's body, a `Status` object as JSON if the API server itself answered.
        headers: the answer's headers, for `Retry-After`.

    Source: Kubernetes API conventions, "HTTP Status codes".
    """
    text, wait = _message(body), _retry_after(headers)
    known: dict[int, ReconcilerError] = {
        HTTPStatus.NOT_FOUND: (NoSuchObject if _names_object(body) else NotFound)(f"{what}: not found"),
        HTTPStatus.GONE: Expired(f"{what}: the resourceVersion is too old"),
        HTTPStatus.CONFLICT: Conflict(f"{what}: the object changed in between"),
        HTTPStatus.UNAUTHORIZED: PermissionDenied(f"{what}: our identity is not known; check the credentials"),
        HTTPStatus.FORBIDDEN: PermissionDenied(f"{what}: {text or 'forbidden'}; grant the right in RBAC"),
        HTTPStatus.TOO_MANY_REQUESTS: Throttled(f"{what}: the API server asks to slow down", retry_after=wait),
        HTTPStatus.REQUEST_TIMEOUT: Unavailable(f"{what}: the API server timed out", retry_after=wait),
    }
    if status in known:
        return known[status]
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Misconfigured(f"{what}: refused with {status}: {text or 'no reason given'}")
    return Unavailable(f"{what}: answered {status}", retry_after=wait)


def unreachable(what: str, cause: BaseException) -> Unavailable:
    """Return the error of a call that got no answer; names the cause's type only, for addresses and ports change."""
    return Unavailable(f"{what}: no answer from the API server ({type(cause).__name__})")


def _message(body: bytes) -> str:
    message = _status(body).get("message")
    return message[:_MAX_TEXT] if isinstance(message, str) else ""


def _names_object(body: bytes) -> bool:
    """Return whether a 404 is the API server's own word on one object: a Status that names it."""
    status = _status(body)
    details = status.get("details")
    named = isinstance(details, dict) and bool(details.get("name"))
    return named and (status.get("kind"), status.get("reason")) == ("Status", "NotFound")


def _status(body: bytes) -> dict[str, Any]:
    try:
        status: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return status if isinstance(status, dict) else {}


def _retry_after(headers: Mapping[str, str] | None) -> float | None:
    value = next((text for name, text in (headers or {}).items() if name.lower() == "retry-after"), "")
    return float(value) if value.isascii() and value.isdigit() else None
