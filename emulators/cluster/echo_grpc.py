"""The gRPC echo server of a stand-in Pod: answers its methods with JSON that tells who answered and which was called.

It knows its Pod from the environment, as `echo` does; GRPC_METHODS lists what it serves:
`shop.Orders/Place,shop.Orders/Cancel`. Messages are bytes as they come: no schema is needed to see where a call
arrived. It speaks HTTP/2 in clear.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from emulators.cluster.echo import identity_of, ports_of

_THREADS = 8


def handlers(methods: str, identity: Mapping[str, str]) -> list[Any]:
    """Return a handler for each service of a list of methods. Raises ValueError for what is no `service/method`."""
    services: dict[str, dict[str, Any]] = {}
    for name in filter(None, methods.split(",")):
        service, _, method = name.partition("/")
        if not method:
            raise ValueError(f"GRPC_METHODS holds service/method, joined by commas; {name!r} is none")
        services.setdefault(service, {})[method] = grpc.unary_unary_rpc_method_handler(_answer(name, identity))
    return [grpc.method_handlers_generic_handler(service, found) for service, found in services.items()]


def serve(environment: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way. Raises ValueError for a wrong environment."""
    server = grpc.server(
        ThreadPoolExecutor(_THREADS), handlers(environment.get("GRPC_METHODS", ""), identity_of(environment))
    )
    for port in ports_of(environment):
        server.add_insecure_port(f"127.0.0.1:{port}")
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    server.start()
    asked.wait()
    server.stop(float(environment.get("SHUTDOWN_SECONDS") or 0)).wait()


def _answer(name: str, identity: Mapping[str, str]) -> Callable[[bytes, Any], bytes]:
    def answer(message: bytes, context: Any) -> bytes:
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        heard = message.decode(errors="replace")
        return json.dumps({**identity, "method": name, "heard": heard, "metadata": metadata}).encode()

    return answer


if __name__ == "__main__":
    try:
        serve(os.environ)
    except (RuntimeError, ValueError) as error:
        sys.exit(f"echo-grpc: {error}")
