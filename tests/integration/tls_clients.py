"""TLS clients with and without certificates, and the authorities that vouch for them."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path

from cryptography import x509

from tests.certificates import Pair, hosts, signed


def issued(name: str, by: Pair | None = None, *, days: int = 30) -> Pair:
    """Return a certificate for a name; without an issuer that of an authority. Fewer than 0 days: expired."""
    return signed(name, x509.BasicConstraints(ca=by is None, path_length=None), hosts(name), by=by, days=days)


def ask(
    address: tuple[str, int], client: Pair | None, folder: Path, name: str = "a.example.com", **headers: str
) -> dict[str, str] | None:
    """Ask by HTTPS on a new connection; return the headers that the target saw, None if it was refused.

    Underscores in header names stand for hyphens; what a client needs on disk is written to `folder`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if client is not None:
        context.load_cert_chain(client.file(folder))
    lines = "".join(f"{header.replace('_', '-')}: {value}\r\n" for header, value in headers.items())
    request = f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n{lines}\r\n"
    try:
        with (
            socket.create_connection(address, timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=name) as connection,
        ):
            connection.sendall(request.encode())
            answer = connection.makefile("rb").read()
    except (ssl.SSLError, ConnectionError):
        return None
    if not answer:
        return None
    found: dict[str, str] = json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]
    return found
