"""Requests that are not HTTP/1.1: a gRPC call over TLS, and a line over a stream. Each on a connection of its own."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import grpc

TIMEOUT = 5.0
_NO_METADATA: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Told:
    """What came back; `error` says why nothing did: gRPC's name of a status, or that of an exception."""

    body: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def call(
    place: tuple[str, int], host: str, method: str, authority: str, metadata: Mapping[str, str] = _NO_METADATA
) -> Told:
    """Call a gRPC method (`service/method`) of a host over TLS. `authority`: the PEM of whom the client trusts."""
    names = [("grpc.ssl_target_name_override", host), ("grpc.default_authority", host), ("grpc.enable_retries", 0)]
    credentials = grpc.ssl_channel_credentials(authority.encode())
    with grpc.secure_channel(f"{place[0]}:{place[1]}", credentials, options=names) as channel:
        try:
            return Told(json.loads(channel.unary_unary(f"/{method}")(b"hello", TIMEOUT, tuple(metadata.items()))))
        except grpc.RpcError as error:
            return Told(error=error.code().name)


def line(place: tuple[str, int], host: str = "", authority: str = "") -> Told:
    """Send a line over a stream and return what is answered; over TLS to a host if the client trusts an authority."""
    try:
        with socket.create_connection(place, timeout=TIMEOUT) as raw, _wrapped(raw, host, authority) as connection:
            connection.sendall(b"hello\n")
            return Told(json.loads(connection.makefile("rb").readline()))
    except (OSError, ValueError) as error:
        return Told(error=f"{type(error).__name__}: {error}")


def _wrapped(raw: socket.socket, host: str, authority: str) -> socket.socket:
    if not authority:
        return raw
    context = ssl.create_default_context(cadata=authority)
    return context.wrap_socket(raw, server_hostname=host)
