"""Wildcard values and regular expressions of an ALB as RE2 texts for Envoy, which always matches the whole input.

Pure text to text; knows neither conditions nor Envoy's configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_TOKEN = re.compile(r"\\(?P<literal>[*?\\])|(?P<wildcard>[*?])|(?P<plain>.)", re.DOTALL)
_SPECIAL = frozenset(r"\.+*?()|[]{}^$-&~#/")


def glob(value: str, character: str = ".", *, escapes: bool = False) -> str:
    r"""Translate `*` (any run) and `?` (one) of an ALB value.

    Args:
        value: the value as the rule holds it.
        character: RE2 text of what a wildcard may stand for.
        escapes: whether `\*`, `\?` and `\\` mean the character itself (query strings only).
    """
    return "".join(_translated(value, character, escapes=escapes))


def _translated(value: str, character: str, *, escapes: bool) -> Iterator[str]:
    for token in _TOKEN.finditer(value):
        literal, wildcard, plain = token.group("literal", "wildcard", "plain")
        if wildcard:
            yield character + ("*" if wildcard == "*" else "")
        elif plain:
            yield literally(plain)
        elif escapes or not literal:
            yield literally(str(literal))
        else:
            yield from (literally("\\"), *_translated(str(literal), character, escapes=False))


def literally(text: str) -> str:
    """Quote a text for RE2."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in text)


def search(pattern: str) -> str:
    """Let a whole match find `pattern` anywhere; its own anchors keep their meaning."""
    return f"(?s:.*?)(?:{pattern})(?s:.*)"


def any_of(patterns: Iterable[str]) -> str:
    """Join alternatives into one pattern."""
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def in_any_case(pattern: str) -> str:
    """Compare without regard to upper and lower case."""
    return f"(?i)(?:{pattern})"
