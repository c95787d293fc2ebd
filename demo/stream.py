"""A steady stream of requests: new connections, no retries, every answer judged."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` 0 is a transport error, then `error` says which."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    location: str = ""
    error: str = ""


def request(
    address: str, port: int, host: str, path: str = "/", *, method: str = "GET", timeout: float = 5.0
) -> Answer:
    """Make one request on a connection of its own."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request(method, path, headers={"Host": host, "Connection": "close"})
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, error=f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    try:
        body = json.loads(text) if text else {}
    except ValueError:
        body = {}
    return Answer(response.status, body if isinstance(body, dict) else {}, response.getheader("Location") or "")


@dataclass(slots=True)
class Stream:
    """Sends `rate` requests a second to one place until it is stopped; counts what `judge` says of each answer.

    Attributes:
        judge: returns "" for an answer that is right, else a few words on what is wrong.
    """

    address: str
    port: int
    host: str
    path: str
    judge: Callable[[Answer], str]
    rate: float = 60.0
    sent: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _seconds: float = 0.0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop and wait for the answers under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None

    @property
    def errors(self) -> int:
        """Answers that were wrong, transport errors among them."""
        return sum(self.wrong.values())

    @property
    def achieved(self) -> float:
        """Requests a second that were really sent."""
        return self.sent / self._seconds if self._seconds else 0.0

    def _run(self) -> None:
        started = time.monotonic()
        with ThreadPoolExecutor(max_workers=16, thread_name_prefix="stream") as pool:
            number = 0
            while not self._stop.is_set():
                pool.submit(self._one)
                number += 1
                self._stop.wait(max(0.0, started + number / self.rate - time.monotonic()))
        self._seconds = time.monotonic() - started

    def _one(self) -> None:
        answer = request(self.address, self.port, self.host, self.path)
        verdict = self.judge(answer)
        with self._lock:
            self.sent += 1
            if verdict:
                self.wrong[verdict] += 1
