"""The regular expressions of an ALB: which of a user's it reads, as they are written into a rule.

Source: ELBv2 guide, "Regex matching": no lookaround, back-references, subroutines, recursion, atomic or possessive
forms, Unicode properties. Named groups, comments and verbs are not mentioned there, so they are not relied on either.
"""

from __future__ import annotations

import re
import warnings

_ESCAPE = re.compile(r"\\.", re.DOTALL)
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""What stands for one character: an escape, or a class, in which no character is an operator."""
_FOREIGN_ESCAPE = re.compile(r"\\[1-9kgpPXR]")
_FOREIGN_FORM = re.compile(r"\(\?[=!<>#PR(&0-9+-]|\(\*|(?:[*+?]|\{[0-9]*,?[0-9]*\})\+")


def anchored(expression: str) -> str:
    """Return a user's expression as it is written: an ALB searches, so what is to match as a whole is anchored."""
    return f"^(?:{expression})$"


def wrong_regex(expression: str) -> str:
    """Return why an expression is refused, "" if an ALB takes it; only for short ones, compiling others may cost much.

    It has to be one by itself, so that it cannot end the group that it is put into, and within that group, where a
    flag like `(?x)` is in the middle.
    """
    if foreign := _foreign(expression):
        return f"{foreign} is not in the regular expression dialect of an ALB"
    try:
        with warnings.catch_warnings(action="ignore"):  # of what Python may read otherwise one day; an ALB never does
            re.compile(expression)
            re.compile(anchored(expression))
    except (re.error, OverflowError, RecursionError) as error:
        return f"not a regular expression: {error}"
    return ""


def _foreign(expression: str) -> str:
    escapes = (one for one in _ESCAPE.findall(expression) if _FOREIGN_ESCAPE.fullmatch(one))
    form = _FOREIGN_FORM.search(_ATOM.sub("a", expression))
    return next(escapes, form.group() if form else "")
