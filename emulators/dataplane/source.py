"""Where the state comes from: a callable in this process, or the emulator's HTTP door."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]
Source = Callable[[int | None, float], Document]
"""Called with the version already known (None at first) and for how many seconds it may wait for a higher one."""

_ANSWER_TIME = 10.0


def state_at(url: str) -> Source:
    """Return a source that asks `GET url?after=V&wait=S`, plain HTTP.

    The source raises:
        OSError: nobody answers.
        ValueError: the answer is not a state document.
    """
    parts = urllib.parse.urlsplit(url)

    def ask(after: int | None, wait: float) -> Document:
        query = "" if after is None else f"?after={after}&wait={wait:g}"
        connection = http.client.HTTPConnection(parts.netloc, timeout=wait + _ANSWER_TIME)
        try:
            connection.request("GET", parts.path + query)
            answer = connection.getresponse()
            body = answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"{url} breaks off its answer: {error!r}") from error
        finally:
            connection.close()
        return _document(url, answer.status, body)

    return ask


def _document(url: str, status: int, body: bytes) -> Document:
    document = json.loads(body) if status == http.client.OK else None
    if not isinstance(document, dict) or "version" not in document:
        raise ValueError(f"{url} answers {status} without a state document: {body[:200]!r}")
    return document


def read_addresses(path: Path) -> dict[str, str]:
    """Return the table of addresses in a JSON file; a file that is not there yet is an empty table.

    Raises:
        ValueError: the file is not JSON (it may be about to be written).
    """
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
