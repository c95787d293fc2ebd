"""The stream echo server of a stand-in Pod: answers each line with a line of JSON that tells who answered.

It knows its Pod from the environment, as `echo` does. With TLS_CERT and TLS_KEY (paths) it ends TLS by itself, as a
backend behind a load balancer does that passes TLS on.
"""

from __future__ import annotations

import json
import os
import signal
import socketserver
import ssl
import sys
import threading
from collections.abc import Mapping
from typing import Any

from emulators.cluster.echo import identity_of, ports_of

_HANDSHAKE = 10.0


class StreamServer(socketserver.ThreadingTCPServer):
    """One listening port; a thread a connection."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], identity: Mapping[str, str], tls: ssl.SSLContext | None = None
    ) -> None:
        self.identity = dict(identity)
        self.tls = tls
        super().__init__(address, StreamHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up, and probes that only connect, are no errors."""


class StreamHandler(socketserver.BaseRequestHandler):
    """Answers one connection, line by line."""

    server: StreamServer

    def handle(self) -> None:
        """Answer until the client hangs up."""
        connection, told = self.request, {**self.server.identity, "tls": self.server.tls is not None}
        if self.server.tls is not None:
            connection.settimeout(_HANDSHAKE)
            connection = self.server.tls.wrap_socket(connection, server_side=True)
            connection.settimeout(None)
        with connection, connection.makefile("rwb") as stream:
            for line in stream:
                stream.write(json.dumps({**told, "heard": line.decode(errors="replace").rstrip()}).encode() + b"\n")
                stream.flush()


def serve(environment: Mapping[str, str]) -> None:
    """Serve every port until SIGTERM or SIGINT. Raises OSError if a port is taken, ValueError if there is none."""
    servers = [
        StreamServer(("127.0.0.1", port), identity_of(environment), _tls(environment)) for port in ports_of(environment)
    ]
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    asked.wait()
    for server in servers:
        server.shutdown()
        server.server_close()


def _tls(environment: Mapping[str, str]) -> ssl.SSLContext | None:
    certificate, key = environment.get("TLS_CERT"), environment.get("TLS_KEY")
    if not certificate or not key:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


if __name__ == "__main__":
    try:
        serve(os.environ)
    except (OSError, ValueError) as error:
        sys.exit(f"echo-stream: {error}")
