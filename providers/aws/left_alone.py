"""What is left as it is while AWS refuses what it is for: neither looked for nor made, so it costs nobody a call."""

from __future__ import annotations

from dataclasses import replace

from providers.aws.held import groups_of
from providers.aws.resources import CERTIFICATE, TARGET_GROUP, TARGETS, TG_ATTRIBUTES
from reconciler.plan import Look, Rendered

_OF_POOLS = (TARGET_GROUP, TG_ATTRIBUTES, TARGETS)


def without_refused(want: Rendered, look: Look) -> Rendered:
    """Return the want without target groups that only refused rules and listeners lead to, and refused certificates.

    Whether such a target group is there makes no difference to anybody until the refusal is tried again, and then all
    is looked at.
    """
    if not look.refused:
        return want
    refused = {one.key for one in look.refused}
    used = {name for key, one in want.resources.items() if key not in refused for name in groups_of(one)}
    kept = {
        key: one
        for key, one in want.resources.items()
        if not (key.kind in _OF_POOLS and key.name not in used) and not (key.kind == CERTIFICATE and key in refused)
    }
    return replace(want, resources=kept)
