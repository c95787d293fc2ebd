"""The echo server of a stand-in Pod: tells in JSON who answered and what arrived.

It is a graceful server: after SIGTERM it goes on accepting for its time of shutdown, asks its clients to close their
connections meanwhile, finishes what is under way, and ends. It knows its Pod from the environment only:

- `PORT`, `PORT_<containerPort>`: loopback ports to listen on; POD_NAME and POD_NAMESPACE: who answers;
- `TEAM`, `SERVICE`, `VERSION`: told in the answer when set; SHUTDOWN_SECONDS: time from SIGTERM to the end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_FINISH = 1.0
"""Seconds at the end of the shutdown in which nothing new is accepted; a quarter of a shorter shutdown."""
_LONGEST_WAIT = 60.0
_IDLE = 120.0


class EchoServer(ThreadingHTTPServer):
    """One listening port; a thread a connection; counts the requests under way.

    Attributes:
        draining: set after SIGTERM; answers then ask for the connection to be closed.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], identity: Mapping[str, str]) -> None:
        super().__init__(address, EchoHandler)
        self.identity = dict(identity)
        self.draining = threading.Event()
        self._under_way = 0
        self._quiet = threading.Condition()

    def begin(self) -> None:
        """Count a request."""
        with self._quiet:
            self._under_way += 1

    def finish(self) -> None:
        """Count its end."""
        with self._quiet:
            self._under_way -= 1
            self._quiet.notify_all()

    def wait_until_quiet(self, timeout: float) -> None:
        """Return when no request is under way, at the latest after `timeout` seconds."""
        with self._quiet:
            self._quiet.wait_for(lambda: self._under_way == 0, timeout)

    def server_bind(self) -> None:
        """Bind without asking DNS for the name of the machine, as the base class would."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]


class EchoHandler(BaseHTTPRequestHandler):
    """Answers one connection. `?seconds=2` makes an answer take that long, `?status=503` gives it that status."""

    protocol_version = "HTTP/1.1"
    server_version = "echo"
    sys_version = ""
    timeout = _IDLE
    disable_nagle_algorithm = True
    server: EchoServer

    def do_GET(self) -> None:
        """Answer a request of any method."""
        self.server.begin()
        try:
            self._answer()
        finally:
            self.server.finish()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 - names of the base class

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
        """Write the access log to standard output, the log of the Pod."""
        sys.stdout.write(f"{self.log_date_time_string()} {format % arguments}\n")
        sys.stdout.flush()

    def _answer(self) -> None:
        self._swallow_body()
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        time.sleep(_number(query, "seconds", 0.0, _LONGEST_WAIT))
        status = int(_number(query, "status", HTTPStatus.OK, 599))
        healthy = {"status": "ok"}
        self._send(status, healthy if parts.path == "/healthz" else self._echo(parts.path))

    def _swallow_body(self) -> None:
        """Read the body away, so that the connection can be used again; a chunked one closes it."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True

    def _echo(self, path: str) -> dict[str, Any]:
        names = dict.fromkeys(name.lower() for name in self.headers)
        return self.server.identity | {
            "path": path,
            "query": urlsplit(self.path).query,
            "host": self.headers.get("Host", ""),
            "method": self.command,
            "headers": {name: ", ".join(self.headers.get_all(name) or ()) for name in names},
        }

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        text = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if self.server.draining.is_set() or self.close_connection:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)


def identity_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return who answers: `pod`, `namespace` and, when set, `team`, `service` and `version`."""
    required = {"pod": environment.get("POD_NAME", ""), "namespace": environment.get("POD_NAMESPACE", "")}
    optional = {name: environment.get(name.upper(), "") for name in ("team", "service", "version")}
    return required | {name: value for name, value in optional.items() if value}


def ports_of(environment: Mapping[str, str]) -> tuple[int, ...]:
    """Return the distinct ports that the environment gives. Raises ValueError if it gives none."""
    names = [name for name in environment if name == "PORT" or name.startswith("PORT_")]
    ports = dict.fromkeys(int(environment[name]) for name in sorted(names))
    if not ports:
        raise ValueError("the echo server has no port: set PORT or declare a containerPort in the Pod")
    return tuple(ports)


def serve(environment: Mapping[str, str]) -> None:
    """Serve on every port until SIGTERM or SIGINT, then shut down gracefully. Raises OSError if a port is taken."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    servers = [EchoServer(("127.0.0.1", port), identity_of(environment)) for port in ports_of(environment)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    asked.wait()
    _shut_down(servers, float(environment.get("SHUTDOWN_SECONDS") or 0))


def _shut_down(servers: list[EchoServer], seconds: float) -> None:
    ending = min(_FINISH, seconds / 4)
    for server in servers:
        server.draining.set()
    time.sleep(seconds - ending)
    for server in servers:
        server.shutdown()
        server.server_close()
    deadline = time.monotonic() + max(ending * 0.75, 0.1)
    for server in servers:
        server.wait_until_quiet(max(0.0, deadline - time.monotonic()))


def _number(query: Mapping[str, list[str]], name: str, default: float, most: float) -> float:
    try:
        return min(float(query[name][0]), most)
    except (KeyError, ValueError):
        return default


if __name__ == "__main__":
    try:
        serve(os.environ)
    except (OSError, ValueError) as error:
        sys.exit(f"echo: {error}")
