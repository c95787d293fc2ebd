"""The reconcile function with two Gateways that bring it down: `hangs` never returns, `hungry` eats all memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from functions import reconcile, wiring

_MEBIBYTE = 1 << 20
wiring.container()  # while the environment starts: that time is not the invocation's


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Take Lambda's SQS event."""
    for record in event["Records"]:
        subject = str(json.loads(record["body"]).get("subject", ""))
        if subject.endswith("/hangs"):
            threading.Event().wait()
        if subject.endswith("/hungry"):
            _eat()
    return reconcile.handler(event, context)


def _eat() -> None:
    """Take memory until there is none left."""
    eaten: list[bytearray] = []
    while True:
        eaten.append(bytearray(64 * _MEBIBYTE))
