"""A DNS server for Pods that only need one to answer: every name has the address of whoever asks (as `whoami` does)."""

from __future__ import annotations

import ipaddress
import os
import socketserver
import struct

_HEADER = struct.Struct("!6H")
_ANSWER = 0x8400
"""Flags of an authoritative answer without an error (RFC 1035 section 4.1.1)."""
_POINTER_TO_NAME = 0xC00C
_A, _IN, _SECONDS = 1, 1, 0


class Answerer(socketserver.BaseRequestHandler):
    """Answers one datagram."""

    def handle(self) -> None:
        """Send the answer, or nothing to what is no question."""
        question, socket = self.request
        if answer := answer_to(question, self.client_address[0]):
            socket.sendto(answer, self.client_address)


def answer_to(question: bytes, client: str) -> bytes:
    """Return the answer to a DNS message with one question; empty if it is none."""
    if len(question) < _HEADER.size:
        return b""
    identity, flags, count, *_ = _HEADER.unpack_from(question)
    if flags & 0x8000 or count != 1:
        return b""
    end = _HEADER.size
    while end < len(question) and question[end]:
        end += question[end] + 1
    asked = question[_HEADER.size : end + 5]
    record = struct.pack("!HHHIH", _POINTER_TO_NAME, _A, _IN, _SECONDS, 4) + ipaddress.IPv4Address(client).packed
    return _HEADER.pack(identity, _ANSWER | (flags & 0x0100), 1, 1, 0, 0) + asked + record


if __name__ == "__main__":
    with socketserver.ThreadingUDPServer(("127.0.0.1", int(os.environ["PORT_53"])), Answerer) as server:
        server.serve_forever()
