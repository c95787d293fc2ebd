"""The regular expression dialect of ALB conditions and transforms: what AWS says it does not support is refused.

Unsupported: look-ahead, look-behind, back-references, atomic groups, possessive quantifiers, subroutine calls,
recursion, Unicode properties. What remains is compiled once with `re`, to find syntax errors.
"""

from __future__ import annotations

import re

from emulators.aws.errors import invalid

LONGEST_CONDITION = 128
LONGEST_REWRITE = 1024

_CLASS = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_UNSUPPORTED = (
    (r"\(\?<?[=!]", "look-ahead and look-behind"),
    (r"\(\?>", "atomic groups"),
    (r"\(\?(?:R|[0-9]+|&|P>|P=|[+-][0-9]+)", "subroutines, recursion and named back-references"),
    (r"\(\?\(", "conditionals"),
    (r"\\(?:[1-9]|k[<{']|g[<{0-9'-])", "back-references"),
    (r"\\[pP]", "Unicode properties"),
    (r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\+", "possessive quantifiers"),
)


def check_regex(pattern: str, longest: int, where: str) -> None:
    """Refuse a pattern that is empty, too long, outside the dialect or not a regular expression at all.

    Raises:
        AwsError: ValidationError naming `where` and the reason.
    """
    if not pattern:
        raise invalid(f"A regular expression in {where} must not be empty")
    if len(pattern) > longest:
        raise invalid(f"The regular expression '{pattern}' in {where} is longer than {longest} characters")
    if feature := _unsupported(pattern):
        raise invalid(f"The regular expression '{pattern}' in {where} uses {feature}, which is not supported")
    try:
        re.compile(pattern)
    except re.error as error:
        raise invalid(f"The regular expression '{pattern}' in {where} is not valid: {error}") from error


def _unsupported(pattern: str) -> str | None:
    bare = re.sub(_CLASS, "x", re.sub(r"\\\\", "y", pattern))
    in_classes = "".join(re.findall(_CLASS, pattern))
    if re.search(r"\\[pP]\{", in_classes):
        return "Unicode properties"
    without_escapes = re.sub(r"\\[^1-9kgpP]", "z", bare)
    return next((feature for form, feature in _UNSUPPORTED if re.search(form, without_escapes)), None)
