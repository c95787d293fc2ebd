"""An API server on loopback over the cluster in memory: it answers as a real one does, until it is told to lie."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes.client import ApiClient, Configuration

from kube.api import Api
from kube.kinds import BY_NAME, CRD
from tests.builders import meta
from tests.fakes import FakeCluster

type Plain = dict[str, Any]

_KINDS = {kind.path(): kind.name for kind in (*BY_NAME.values(), CRD)}
"""Path of a kind in the whole cluster -> its name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `cut` bytes of the body never arrive though its length was announced."""

    status: int
    body: bytes
    content: str = "application/json"
    cut: int = 0


type Lie = Callable[[str, Answer], Answer]
"""(path without its query, the honest answer) -> what is answered instead."""


def honest(_: str, answer: Answer) -> Answer:
    """Answer what is so."""
    return answer


@dataclass
class ApiServer:
    """Serves the objects of a `FakeCluster`; its kube-system has the UID `uid`."""

    cluster: FakeCluster
    uid: str = "uid-of-kube-system"
    lie: Lie = honest
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, url: str) -> Answer:
        """Answer a GET."""
        parts = urlsplit(url)
        with self.lock:
            return self.lie(parts.path, self._read(parts.path, parse_qs(parts.query)))

    def write(self, url: str, body: Plain) -> Answer:
        """Answer a PATCH of metadata or a PUT of a status."""
        path = urlsplit(url).path
        with self.lock:
            item = self._object(path.removesuffix("/status"))
            if item is None:
                return _status(404, "NotFound", path)
            if path.endswith("/status"):
                item["status"] = body["status"]
            else:
                _merge(item, {"metadata": {k: v for k, v in body["metadata"].items() if k != "resourceVersion"}})
            return Answer(200, json.dumps(item).encode())

    def _read(self, path: str, query: Mapping[str, list[str]]) -> Answer:
        if path == "/api/v1/namespaces/kube-system":
            return Answer(200, json.dumps({"metadata": {"name": "kube-system", "uid": self.uid}}).encode())
        if path.rpartition("/")[0] in _KINDS or self._object(path) is not None:
            item = self._object(path)
            return _status(404, "NotFound", path) if item is None else Answer(200, json.dumps(item).encode())
        kind, namespace = _selected(path)
        if not kind:
            return Answer(404, b"404 page not found\n", "text/plain")
        if path.count("/") > _depth(kind, namespaced=bool(namespace)):
            return _status(404, "NotFound", path)
        return self._list(kind, namespace, query.get("labelSelector", [""])[0])

    def _list(self, kind: str, namespace: str, selector: str) -> Answer:
        label, _, value = selector.partition("=")
        items = [
            item
            for (own, place, _), item in sorted(self.cluster.objects.items())
            if own == kind and namespace in ("", place)
            if not label or item["metadata"].get("labels", {}).get(label) == value
        ]
        body = {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}
        return Answer(200, json.dumps(body).encode())

    def _object(self, path: str) -> Plain | None:
        kind, namespace = _selected(path)
        return self.cluster.objects.get((kind, namespace, path.rpartition("/")[2]))


def _selected(path: str) -> tuple[str, str]:
    """Return kind ("" for one that is not served) and namespace of a path."""
    before, marker, after = path.partition("/namespaces/")
    if marker and "/" in after:
        namespace, _, rest = after.partition("/")
        return _KINDS.get(f"{before}/{rest.partition('/')[0]}", ""), namespace
    for root, kind in _KINDS.items():
        if path == root or path.startswith(f"{root}/"):
            return kind, ""
    return "", ""


def _depth(kind: str, *, namespaced: bool) -> int:
    root = next(path for path, name in _KINDS.items() if name == kind)
    return root.count("/") + (2 if namespaced else 0)


def _status(code: int, reason: str, path: str) -> Answer:
    details = {"name": path.rpartition("/")[2], "kind": path.split("/")[-2]}
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "details": details}
    return Answer(code, json.dumps(body | {"code": code, "message": f"{details['name']} not found"}).encode())


def _merge(item: Plain, patch: Plain) -> None:
    """Apply a JSON merge patch (RFC 7396)."""
    for name, value in patch.items():
        if value is None:
            item.pop(name, None)
        elif isinstance(value, dict):
            _merge(item.setdefault(name, {}), value)
        else:
            item[name] = value


@contextmanager
def serve(cluster: FakeCluster) -> Iterator[tuple[ApiServer, Api]]:
    """Serve a cluster on loopback; give the server, to make it lie, and calls to it."""
    server = ApiServer(cluster)
    cluster.put({"kind": "CustomResourceDefinition", "metadata": meta("gateways.gateway.networking.k8s.io")})

    class _Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with contextlib.suppress(ConnectionResetError):  # a client that gave up on an answer
                super().handle()

        def do_GET(self) -> None:
            self._send(server.get(self.path))

        def do_PATCH(self) -> None:
            length = int(self.headers["Content-Length"])
            self._send(server.write(self.path, json.loads(self.rfile.read(length))))

        do_PUT = do_PATCH  # noqa: N815 - the verb's own name

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(answer.body[: len(answer.body) - answer.cut])
            self.close_connection = answer.cut > 0

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    settings = Configuration(host=f"http://127.0.0.1:{http.server_port}")
    settings.retries = False
    client = ApiClient(settings)
    try:
        yield server, Api(client, timeout=5.0)
    finally:
        client.rest_client.pool_manager.clear()
        http.shutdown()
        http.server_close()
        thread.join()
