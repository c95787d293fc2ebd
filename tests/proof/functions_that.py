"""A function that does what its event says; for tests of the environments it runs in."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping


def handler(event: Mapping[str, str], _context: object) -> dict[str, int]:
    """Answer, hang, eat memory, exit or raise."""
    match event["do"]:
        case "hang":
            threading.Event().wait()
        case "eat":
            eaten: list[bytes] = []
            while True:
                eaten.append(bytes(1 << 26))
        case "exit":
            os._exit(3)
        case "raise":
            raise ValueError("no")
        case _:
            sys.stdout.write("what a function prints is no answer\n")
    return {"pid": os.getpid()}
