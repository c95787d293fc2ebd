"""Raw calls to the API server: plain dicts in and out, every failure one of our errors. Knows no kind of object."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from kubernetes.client.exceptions import ApiException

from kube.errors import NoSuchObject, error_of, unreachable
from reconciler.errors import Unavailable

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from kubernetes.client.rest import RESTResponse

type Plain = dict[str, Any]

PAGE = 500
"""Objects a page of a list: what client-go asks for."""
_JSON = "application/json"
_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_NETWORK = (urllib3.exceptions.HTTPError, OSError, ApiException)
"""What the client raises when there is no answer; ApiException is its word for a failed TLS handshake."""
_BOOKMARKS = {"watch": "true", "allowWatchBookmarks": "true"}


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, or a page of one, at one resourceVersion."""

    items: tuple[Plain, ...]
    version: str


@dataclass(frozen=True, slots=True)
class WatchSpan:
    """From which version to watch, for how long, and how long silence may last (seconds)."""

    version: str
    seconds: float
    silence: float = 90.0


@dataclass(frozen=True, slots=True)
class Api:
    """Calls the API server of one cluster. Every method raises ReconcilerError and nothing else."""

    client: ApiClient
    timeout: float = 15.0

    def get(self, path: str, *, metadata_only: bool = False) -> Plain | None:
        """Return an object (or only its metadata: nothing else leaves the API server), None if there is none.

        Raises NotFound where the kind is not served, or where the 404 is not the API server's own.
        """
        try:
            found = self._json("GET", path, accept=_METADATA if metadata_only else _JSON)
        except NoSuchObject:
            return None
        meta = found.get("metadata")
        if not isinstance(meta, dict) or not meta.get("name"):
            raise Unavailable(f"GET {path}: the answer is no object with a name")
        return found

    def list(self, path: str, query: Mapping[str, str] | None = None) -> Listing:
        """Return all objects of a list as the API server has them now. Raises NotFound, Expired too."""
        found: list[Plain] = []
        version = ""
        for page in self.pages(path, query):
            found.extend(page.items)
            version = page.version
        return Listing(tuple(found), version)

    def pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[Listing]:
        """Yield a list page by page, all of one moment; what was yielded is worth nothing if a later page fails."""
        more = ""
        while True:
            page = self._json("GET", path, {**(query or {}), "limit": str(PAGE)} | ({"continue": more} if more else {}))
            items, meta = _page(page, path)
            named = {"apiVersion": page.get("apiVersion"), "kind": str(page["kind"]).removesuffix("List")}
            yield Listing(tuple(named | item for item in items), str(meta["resourceVersion"]))
            more = str(meta.get("continue") or "")
            if not more:
                return

    def patch(self, path: str, body: Plain, *, strategic: bool = False) -> Plain:
        """Merge-patch an object and return it; `strategic`: lists with keys entry by entry (built-in kinds only)."""
        return self._json("PATCH", path, body=body, content=_STRATEGIC_PATCH if strategic else _MERGE_PATCH)

    def put(self, path: str, body: Plain) -> Plain:
        """Replace an object (or its status) and return it."""
        return self._json("PUT", path, body=body)

    def watch(self, path: str, span: WatchSpan) -> Generator[tuple[str, Plain]]:
        """Yield (type, object) of what happens after a version, until the span ends; type BOOKMARK moves the version.

        Raises Expired if the version is too old, Unavailable if the stream breaks or is silent for too long.
        """
        seconds = max(1, round(span.seconds))
        query = {**_BOOKMARKS, "resourceVersion": span.version, "timeoutSeconds": str(seconds)}
        what = f"WATCH {path}"
        try:
            answer = self._send("GET", path + "?" + urlencode(query), timeout=min(span.silence, seconds + 5.0))
        except _NETWORK as error:
            raise unreachable(what, error) from error
        try:
            if answer.status != HTTPStatus.OK:
                raise error_of(answer.status, what, answer.read(), answer.headers)  # type: ignore[no-untyped-call]
            for line in _lines(answer.response.stream(None)):
                yield _event(line, what)
        except _NETWORK as error:
            raise unreachable(what, error) from error
        finally:
            answer.response.close()

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Plain | None = None,
        accept: str = _JSON,
        content: str = _JSON,
    ) -> Plain:
        url, what = path + ("?" + urlencode(query) if query else ""), f"{method} {path}"
        headers = {"Accept": accept, "Content-Type": content}
        try:
            answer = self._send(method, url, headers, body, timeout=self.timeout)
            data: bytes = answer.read()  # type: ignore[no-untyped-call]
        except _NETWORK as error:
            raise unreachable(what, error) from error
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise error_of(answer.status, what, data, answer.headers)
        return _object(data, what)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Plain | None = None,
        *,
        timeout: float,
    ) -> RESTResponse:
        """Send a request; a read is sent once more if the kept connection turned out to be closed."""
        settings = self.client.configuration
        sent = {"User-Agent": "routewright", **(headers or {"Accept": _JSON})}
        for credential in settings.auth_settings().values():
            if credential["value"]:
                sent[credential["key"]] = credential["value"]
        limits = (min(5.0, timeout), timeout)
        try:
            return self.client.call_api(method, settings.host + url, sent, body, _request_timeout=limits)
        except urllib3.exceptions.ProtocolError:
            if method != "GET":
                raise
            return self.client.call_api(method, settings.host + url, sent, body, _request_timeout=limits)


def _page(page: Plain, path: str) -> tuple[list[Plain], Plain]:
    """Return the objects and the metadata of one page. Raises Unavailable for what is no list, or not all of one.

    Every list of an API server carries a resourceVersion; one that says it goes on (`remainingItemCount`) without
    saying how was cut on its way. `items: null` is how Go writes an empty list.
    """
    meta, items = page.get("metadata"), page.get("items", False)
    items = [] if items is None else items
    whole = isinstance(meta, dict) and isinstance(items, list) and str(page.get("kind", "")).endswith("List")
    if not whole or not isinstance(meta, dict) or not meta.get("resourceVersion"):
        raise Unavailable(f"GET {path}: the answer is no list")
    if meta.get("remainingItemCount") and not meta.get("continue"):
        raise Unavailable(f"GET {path}: the list was cut")
    return items, meta


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of a stream; what follows the last line break was cut off and says nothing."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())


def _event(line: bytes, what: str) -> tuple[str, Plain]:
    event = _object(line, what)
    kind, item = str(event.get("type")), event.get("object")
    if not isinstance(item, dict):
        raise Unavailable(f"{what}: an event without an object")
    if kind == "ERROR":
        raise error_of(int(item.get("code") or HTTPStatus.INTERNAL_SERVER_ERROR), what, json.dumps(item).encode())
    return kind, item


def _object(data: bytes, what: str) -> Plain:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"{what}: the answer is not JSON that can be read; is a proxy in between?") from error
    if not isinstance(value, dict):
        raise Unavailable(f"{what}: the answer is not an object; is a proxy in between?")
    return value
