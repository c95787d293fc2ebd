"""The emulated account over HTTP on loopback, in threads of this process."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from emulators.aws.account import Account
from emulators.aws.faults import ProcessCut, Unanswered
from emulators.aws.settings import Settings
from emulators.aws.transport import client_of, environment_of

HOST = "127.0.0.1"
SERVER_ACCOUNT = "123456789012"


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections alive and writes no log line a request."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        """Write nothing: the journal knows every call."""


class AwsEmulator:
    """Runs an emulated account on 127.0.0.1; a context manager.

    Attributes:
        account: the account behind the endpoint: its clock, faults, journal, limits, state.
        endpoint_url: where it listens, e.g. `http://127.0.0.1:40123`.
    """

    def __init__(self, settings: Settings | None = None, *, port: int = 0, account_id: str | None = None) -> None:
        """Listen at once on `port` (0: any free one); requests are answered inside the context only."""
        self.account = Account(settings or Settings(), account_id)
        self._server: BaseWSGIServer = make_server(
            HOST, port, self._answer, threaded=True, request_handler=_QuietHandler
        )
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws-emulator", daemon=True)
        self.endpoint_url = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.account.forget()

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables in which any AWS SDK talks to this emulator."""
        return environment_of(self.endpoint_url, self.account.settings.region)

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client over HTTP; retries are off unless `options` bring a botocore `config`."""
        return client_of(self.endpoint_url, self.account.settings.region, service, **options)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return self.account(environ, start_response)
        except Unanswered as unanswered:
            time.sleep(unanswered.seconds)
            _hang_up(environ, reset=unanswered.kind == "reset")
        except ProcessCut:
            _hang_up(environ, reset=True)
        raise ConnectionAbortedError


def _hang_up(environ: WSGIEnvironment, *, reset: bool) -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)
