"""Follow one kind of object: list, then watch, and again whenever the stream ends. Knows nothing of what it carries."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import urllib3
from kubernetes.client.exceptions import ApiException

from emulators.cluster.objects import Objects, Stream

_PAUSE = 0.2
_LIFE = "300"


@dataclass(frozen=True, slots=True)
class Listed:
    """Everything that exists at a moment; what is not in it is gone."""

    items: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """An object was added or changed."""

    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Removed:
    """An object is gone; its last state."""

    item: dict[str, Any]


type News = Listed | Changed | Removed


class Expired(Exception):
    """The server cannot continue from where we were: list again."""


class Watch:
    """A thread that hands the news of one kind, in every namespace, to `tell`; use it as a context manager."""

    def __init__(self, client: Objects, path: str, tell: Callable[[News], None]) -> None:
        self._client = client
        self._path = path
        self._tell = tell
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._thread = threading.Thread(target=self._follow, name=f"watch {path}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with self._lock:
            if self._stream is not None:
                self._stream.shut_down()
        self._thread.join(10)

    def _follow(self) -> None:
        """List and watch until stopped; whatever breaks on the way is met by listing again."""
        while not self._stopping.is_set():
            with contextlib.suppress(ApiException, urllib3.exceptions.HTTPError, OSError, ValueError, Expired):
                version = self._list()
                while not self._stopping.is_set():
                    version = self._watch(version)
            self._stopping.wait(_PAUSE)

    def _list(self) -> str:
        found = self._client.call("GET", self._path)
        kind = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
        self._tell(Listed(tuple(kind | item for item in found["items"])))
        return str(found["metadata"]["resourceVersion"])

    def _watch(self, version: str) -> str:
        """Follow one stream to its end; return the version up to which it told everything."""
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": _LIFE}
        with self._client.stream(self._path, query) as stream:
            with self._lock:
                self._stream = stream
            try:
                if not self._stopping.is_set():
                    for line in stream.lines():
                        version = self._told(json.loads(line))
            finally:
                with self._lock:
                    self._stream = None
        return version

    def _told(self, event: Mapping[str, Any]) -> str:
        item = event["object"]
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self._tell(Changed(item))
            case "DELETED":
                self._tell(Removed(item))
            case "ERROR":
                raise Expired(str(item.get("message")))
            case _:
                pass
        return str(item["metadata"]["resourceVersion"])
