"""Pod addresses, and the table that leads them to processes as a VPC would route. Nothing is ever sent to one."""

from __future__ import annotations

import ipaddress
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

_RANGE = ipaddress.ip_network("10.244.0.0/16")
_RESERVED = 2
"""The network's own address and its gateway come first."""


class NoAddressLeft(Exception):
    """Every address of the Pod range is taken."""


class AddressTable:
    """Gives out Pod addresses, and keeps a JSON file `{"10.244.0.7:8080": "127.0.0.1:43567"}`, replaced atomically.

    An address that is returned is given out again only after all others were. Ports of a Node (`lead`) stand in the
    file as long as a Pod that they may lead to does: `{"i-0abc:30080": "127.0.0.1:43567"}`.

    Attributes:
        path: of the file; it exists from the start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken: set[str] = set()
        self._ports: dict[str, dict[int, int]] = {}
        self._led: dict[str, dict[int, tuple[tuple[str, int], ...]]] = {}
        self._next = _endless()
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def take(self) -> str:
        """Return an address that no Pod has. Raises NoAddressLeft."""
        with self._lock:
            for address in itertools.islice(self._next, _RANGE.num_addresses):
                if address not in self._taken:
                    self._taken.add(address)
                    return address
        raise NoAddressLeft(f"all addresses of {_RANGE} are taken: delete Pods")

    def give_back(self, address: str) -> None:
        """End an address and its entries."""
        with self._lock:
            self._taken.discard(address)
            if self._ports.pop(address, None):
                self._write()

    def route(self, address: str, ports: Mapping[int, int]) -> None:
        """Lead container ports of an address to loopback ports; other ports of the address stay as they are."""
        with self._lock:
            self._ports.setdefault(address, {}).update(ports)
            self._write()

    def unroute(self, address: str, ports: Mapping[int, int]) -> None:
        """Take entries away, unless a container port leads elsewhere by now."""
        with self._lock:
            entries = self._ports.get(address, {})
            for port, target in ports.items():
                if entries.get(port) == target:
                    del entries[port]
            self._write()

    def lead(self, machine: str, ports: Mapping[int, tuple[tuple[str, int], ...]]) -> None:
        """Lead ports of a machine to the first of several Pod addresses and ports that has a process; no others."""
        with self._lock:
            if self._led.get(machine) != ports:
                self._led[machine] = dict(ports)
                self._write()

    def _write(self) -> None:
        table = {
            f"{address}:{port}": f"127.0.0.1:{target}"
            for address, ports in self._ports.items()
            for port, target in ports.items()
        }
        pods = dict(table)
        for machine, led in self._led.items():
            for port, places in led.items():
                if there := next((f"{one}:{of}" for one, of in places if f"{one}:{of}" in pods), ""):
                    table[f"{machine}:{port}"] = pods[there]
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
        fresh.replace(self.path)


def _endless() -> Iterator[str]:
    while True:
        for number in range(_RESERVED, _RANGE.num_addresses - 1):
            yield str(_RANGE[number])
