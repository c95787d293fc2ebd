"""Structured logs: one JSON object a line, with what is bound (gateway, trigger, provider) in every line of a run."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; fields given as `extra` stand beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, sort_keys=True)


LIBRARIES = ("boto3", "botocore", "kubernetes", "s3transfer", "urllib3", "websocket")
"""Libraries that, at DEBUG, write requests and answers as they are: private keys, Secrets and credentials in them."""


def setup(level: str = "INFO") -> None:
    """Send the logs of this process to standard error, as JSON lines; calling it again changes only the level.

    Libraries never say less than a warning, whatever the level: what they send and receive holds secrets.
    """
    root = logging.getLogger()
    root.setLevel(level)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    if not any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        root.addHandler(handler)


class _Bound(logging.LoggerAdapter[logging.Logger]):
    """Adds its fields to those of a call; the standard adapter would drop the call's own."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Return the message and its arguments with both kinds of fields."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


def bound(name: str, fields: Mapping[str, object]) -> logging.LoggerAdapter[logging.Logger]:
    """Return a logger that puts the fields into every line."""
    return _Bound(logging.getLogger(name), dict(fields))
