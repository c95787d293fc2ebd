"""Rows for the tests of the runner: what a row's function may do."""

from __future__ import annotations

import time

from tests.proof.table import Counts, Share


def passes(share: Share) -> Counts:
    """Play this share of ten cases."""
    return Counts(len(list(share.part(range(10)))), told={"numbers": share.of})


def fails(share: Share) -> Counts:
    """Find something."""
    return Counts(1, (f"share {share.index} is wrong",))


def breaks(share: Share) -> Counts:
    """Raise what nobody expects."""
    raise ValueError(f"share {share.index} broke")


def hangs(share: Share) -> Counts:
    """Take longer than anybody waits."""
    time.sleep(600)
    return passes(share)
