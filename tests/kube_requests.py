"""What an Api asks of the API server, noted call by call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kube.api import Api


@dataclass(slots=True)
class Request:
    """One call: `path` without the query, `bytes` of the answer's body as far as it was read."""

    method: str
    path: str
    query: dict[str, list[str]]
    bytes: int = 0

    @property
    def verb(self) -> str:
        """As RBAC names it: get, list or watch of a read; the method else."""
        if self.method != "GET":
            return self.method.lower()
        if "watch" in self.query:
            return "watch"
        return "list" if "limit" in self.query else "get"

    @property
    def follows(self) -> bool:
        """Whether it is a later page of a list."""
        return "continue" in self.query


class Requests:
    """Notes every call of an Api from now on."""

    def __init__(self, api: Api) -> None:
        self.made: list[Request] = []
        self._lock = threading.Lock()
        send = api.client.call_api

        def noting(method: str, url: str, *more: Any, **options: Any) -> Any:
            answer = send(method, url, *more, **options)
            parts = urlsplit(url)
            request = Request(method, parts.path, parse_qs(parts.query))
            _weigh(answer, request)
            with self._lock:
                self.made.append(request)
            return answer

        api.client.call_api = noting  # type: ignore[method-assign]

    def forget(self) -> None:
        """Forget what was noted."""
        self.made.clear()

    def wide(self) -> list[str]:
        """Return `verb plural` of the reads over a whole cluster, later pages apart."""
        reads = [one for one in self.made if one.verb in ("list", "watch") and not one.follows]
        return [f"{one.verb} {one.path.rpartition('/')[2]}" for one in reads if "/namespaces/" not in one.path]


def _weigh(answer: Any, request: Request) -> None:
    """Note the size of what is read of an answer; the answer itself is not held on to."""
    read, stream = answer.read, answer.response.stream

    def reading() -> Any:
        data = read()
        request.bytes = len(data)
        return data

    def streaming(*more: Any) -> Iterator[Any]:
        for chunk in stream(*more):
            request.bytes += len(chunk)
            yield chunk

    answer.read, answer.response.stream = reading, streaming
