"""Listener isolation: no listener answers for the hosts of a narrower one on its port, served or not.

A block is the entries of one listener; the narrower hostname comes first. A fence behind a block closes its hostname
where a later block could take one of its hosts (specification, GatewayHTTPListenerIsolation).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from reconciler.gatewayapi.hostnames import overlap, specificity
from reconciler.ir import Close, Entry, FixedResponse, Frontend
from reconciler.matches import Match

NO_ROUTE = 404


@dataclass(frozen=True, slots=True)
class Block:
    """The entries of a listener, by its id; none if it is not served."""

    listener: str
    hostname: str
    entries: Sequence[Entry] = ()


def fenced(blocks: Sequence[Block], *, streams: bool) -> Iterator[Entry]:
    """Yield the entries of all blocks in order, and the fences between them."""
    for place, block in enumerate(blocks):
        yield from block.entries
        later = (entry for other in blocks[place + 1 :] for entry in other.entries)
        if any(overlap(block.hostname, entry.hostname) is not None for entry in later):
            yield Entry(
                id=f"listener/{block.listener}/fence",
                listener=block.listener,
                hostname=block.hostname,
                match=Match(),
                action=Close() if streams else FixedResponse(NO_ROUTE),
            )


def without(frontend: Frontend, refused: Collection[str]) -> Frontend:
    """Return a frontend less the listeners, by id, that the cloud refuses: their hosts are closed, not given away."""
    if not refused:
        return frontend
    hostnames = {one.name: one.hostname for one in frontend.listeners}
    hostnames |= {entry.listener: entry.hostname for entry in frontend.entries if entry.origin is None}
    order = sorted(hostnames, key=lambda name: (specificity(hostnames[name]), hostnames[name]))
    kept = [entry for entry in frontend.entries if entry.origin is not None and entry.listener not in refused]
    blocks = [Block(name, hostnames[name], [one for one in kept if one.listener == name]) for name in order]
    left = tuple(one for one in frontend.listeners if one.name not in refused)
    shown = {certificate for one in left for certificate in one.certificates}
    return replace(
        frontend,
        listeners=left,
        entries=tuple(fenced(blocks, streams=frontend.streams)),
        certificates=tuple(one for one in frontend.certificates if one in shown),
    )
