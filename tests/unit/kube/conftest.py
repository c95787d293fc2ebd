"""A scripted API server on loopback: each request takes the next answer of its path."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from kube.api import Api


@dataclass
class Answer:
    """What to answer: status and body; `lines` a watch stream; `silence` seconds before it, `hang` after the lines."""

    status: int = 200
    body: Any = None
    lines: tuple[Any, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    silence: float = 0.0
    hang: float = 0.0


class Script:
    """The answers to come and the requests that came."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[str] = []
        self._lock = threading.Lock()

    def say(self, *answers: Answer) -> None:
        """Append answers; when none is left, the last one is repeated."""
        self.answers.extend(answers)

    def take(self, request: str) -> Answer:
        """Note a request and return its answer."""
        with self._lock:
            self.requests.append(request)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class FakeServer:
    """A script and an Api that talks to it; `api` gives up on a silent answer after half a second."""

    script: Script
    api: Api


@pytest.fixture
def server() -> Iterator[FakeServer]:
    script = Script()

    class _Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = script.take(f"{self.command} {self.path}")
            time.sleep(answer.silence)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.lines:
                self._stream(answer)
                return
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, answer: Answer) -> None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in answer.lines:
                text = json.dumps(line).encode() + b"\n"
                self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
                self.wfile.flush()
            time.sleep(answer.hang)
            with contextlib.suppress(OSError):
                self.wfile.write(b"0\r\n\r\n")

        do_PATCH = do_PUT = do_GET  # noqa: N815 - the verbs' own names

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    settings = Configuration(host=f"http://127.0.0.1:{http.server_port}")
    settings.retries = False
    yield FakeServer(script, Api(ApiClient(settings), timeout=0.5))
    http.shutdown()
    http.server_close()


def listing(*names: str, version: str = "10", more: str = "") -> dict[str, Any]:
    """Return a list of objects."""
    items = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names]
    meta = {"resourceVersion": version} | ({"continue": more} if more else {})
    return {"kind": "GatewayList", "apiVersion": "gateway.networking.k8s.io/v1", "metadata": meta, "items": items}


def event(what: str, name: str = "gw", version: str = "11") -> dict[str, Any]:
    """Return a watch event."""
    return {"type": what, "object": {"metadata": {"name": name, "resourceVersion": version}}}
