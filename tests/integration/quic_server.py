"""A Pod that stands where a QUIC server would: it takes a client's first datagram and answers with its own server id.

It speaks no QUIC beyond the invariants (RFC 8999): what the load balancer passes on is shown, not what servers do with
it.
"""

from __future__ import annotations

import hashlib
import os
import socketserver

PORT = 8443
LONG_HEADER = 0x80


def own_id(address: str) -> str:
    """Return the server id that a server works out from its own address, as the guide tells it."""
    return "0x" + hashlib.sha256(f"{address}:{PORT}".encode()).hexdigest()[:16]


class Server(socketserver.BaseRequestHandler):
    """Answers one datagram of QUIC version 1 that opens a connection."""

    def handle(self) -> None:
        """Send back the connection id that the client chose, and who answers."""
        datagram, socket = self.request
        if datagram[0] & LONG_HEADER and datagram[1:5] == (1).to_bytes(4):
            chosen = datagram[6 : 6 + datagram[5]]
            socket.sendto(chosen.hex().encode() + b" " + own_id(os.environ["POD_IP"]).encode(), self.client_address)


if __name__ == "__main__":
    with socketserver.ThreadingUDPServer(("127.0.0.1", int(os.environ[f"PORT_{PORT}"])), Server) as server:
        server.serve_forever()
