"""SQS where moto is not strict: one consumer a message group at a time, and long polls that hold up nobody.

moto looks at the groups in flight once, before it waits, so that two waiting consumers may get messages of one group
at the same moment; SQS never does that (developer guide, "FIFO queue delivery logic"). Here a receive never waits
inside of moto: it asks under a lock, and again when something was sent, deleted or became visible.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

LONGEST_WAIT = 20.0
_LOOK_AGAIN = 0.5
"""Seconds after which a waiting receive looks again though nobody called: visibility timeouts and delays run out."""

type Ask = Callable[[bytes], Response]


class Queues:
    """The SQS of one account; safe to use from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def perform(self, operation: str, parameters: Mapping[str, Any], body: bytes, ask: Ask) -> Response:
        """Answer a call, a receive as soon as there is a message or its wait is over."""
        if operation == "ReceiveMessage":
            return self._receive(parameters, body, ask)
        with self._changed:
            response = ask(body)
            self._changed.notify_all()
        return response

    def _receive(self, parameters: Mapping[str, Any], body: bytes, ask: Ask) -> Response:
        wait = min(LONGEST_WAIT, float(parameters.get("WaitTimeSeconds") or 0))
        deadline = time.monotonic() + wait
        at_once = json.dumps({**json.loads(body), "WaitTimeSeconds": 0}).encode()
        with self._changed:
            while True:
                response = ask(at_once)
                left = deadline - time.monotonic()
                if left <= 0 or response.status_code >= 400 or b'"Messages"' in response.get_data():  # noqa: PLR2004 - HTTP's border of success
                    return response
                self._changed.wait(min(left, _LOOK_AGAIN))
