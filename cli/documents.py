"""YAML text becomes plain JSON values, as the API server would take them. What would grow on the way is refused first.

Messages never quote a value: it may be a key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import yaml

MAX_BYTES = 32 * 1024 * 1024
"""Of one file; the API server takes requests of 3 MiB."""
MAX_DEPTH = 100
MAX_VALUES = 2_000_000
"""Values of one document, counted once for each time that an alias repeats them."""
_INTEGERS = range(-(2**63), 2**64)


class DocumentError(ValueError):
    """A text that is not YAML, or holds what JSON cannot; says where, and never what."""


def read_documents(text: str) -> list[Any]:
    """Return the documents of a text as plain JSON values. Raises DocumentError."""
    if len(text) > MAX_BYTES:
        raise DocumentError(f": longer than {MAX_BYTES} characters")
    try:
        documents = list(yaml.load_all(text, Loader=_PlainLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise DocumentError(f"{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise DocumentError(f": nested deeper than {MAX_DEPTH} levels") from None
    except (ValueError, OverflowError):
        raise DocumentError(": not YAML: a value does not fit its tag") from None
    return [_json(document) for document in documents]


class _PlainLoader(yaml.SafeLoader):
    """Reads times as text, as the API server hands them out, and measures what aliases make of a document."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._sizes: dict[int, tuple[int, int]] = {}
        self._measured: list[yaml.Node] = []  # kept, so that no id comes twice

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node with its size known; an alias of what is not yet complete would never end."""
        alias = self.check_event(yaml.AliasEvent)
        node: yaml.Node | None = super().compose_node(parent, index)
        if node is None:
            return None
        if alias and id(node) not in self._sizes:
            raise yaml.composer.ComposerError(None, None, "an alias inside of its own anchor", node.start_mark)
        if not alias:
            self._measure(node)
        return node

    def _measure(self, node: yaml.Node) -> None:
        found = [self._sizes[id(child)] for child in _children(node)]
        size, depth = 1 + sum(one for one, _ in found), 1 + max((deep for _, deep in found), default=0)
        if size > MAX_VALUES:
            raise yaml.composer.ComposerError(None, None, f"more than {MAX_VALUES} values", node.start_mark)
        if depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {MAX_DEPTH} levels", node.start_mark)
        self._sizes[id(node)] = (size, depth)
        self._measured.append(node)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _json(value: Any) -> Any:
    """Return a value as JSON knows it. Raises DocumentError for one that it does not."""
    match value:
        case dict():
            return {_key(key): _json(item) for key, item in value.items()}
        case list():
            return [_json(item) for item in value]
        case str():
            return _text(value)
        case bool() | None:
            return value
        case int() if value in _INTEGERS:
            return value
        case float() if math.isfinite(value):
            return value
        case int() | float():
            raise DocumentError(": a number is larger than 64 bits hold")
        case _:
            raise DocumentError(f": a value of type {type(value).__name__}, which JSON does not have")


def _key(key: object) -> str:
    if isinstance(key, str):
        return _text(key)
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, (int, float)):
        return str(_json(key))
    raise DocumentError(": a key that is no text")


def _text(value: str) -> str:
    """Return a text with its surrogate pairs (JSON's escapes) joined; half a pair is no text."""
    try:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise DocumentError(": a text with half a surrogate pair") from None
