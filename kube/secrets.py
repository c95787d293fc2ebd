"""Polls referenced and granted Secrets, metadata only: a right to watch them would be a right to read them all."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from kube import kinds
from kube.api import Api
from reconciler.errors import ReconcilerError, TransientError
from reconciler.events import Seen
from reconciler.keys import SecretRef

MISSING, PRESENT = 5.0, 60.0
"""Seconds between two looks at a Secret that is not there, and at one that is."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the last look found (`uid` "" for nothing) and when the next is due."""

    uid: str
    version: str
    due: float


@dataclass(slots=True)
class SecretPoll:
    """What is known of the Secrets of one cluster."""

    api: Api
    _looks: dict[SecretRef, _Look] = field(default_factory=dict)

    def look(self, refs: Iterable[SecretRef], now: float) -> dict[SecretRef, Seen]:
        """Look at those that are due and forget those not asked for; return what came, changed or went.

        A Secret seen for the first time counts as having come. A failure ends the round: the rest stays due.
        """
        wanted = set(refs)
        self._looks = {ref: look for ref, look in self._looks.items() if ref in wanted}
        found: dict[SecretRef, Seen] = {}
        for ref in sorted(wanted):
            old = self._looks.get(ref)
            if old is not None and old.due > now:
                continue
            try:
                new = self._look(ref, now)
            except TransientError as error:
                _LOG.warning("looking at Secrets failed, trying again: %s", error.message)
                break
            self._looks[ref] = new
            if seen := _difference(old, new):
                found[ref] = seen
        return found

    def _look(self, ref: SecretRef, now: float) -> _Look:
        try:
            item = self.api.get(kinds.SECRET.path(ref.namespace, ref.name), metadata_only=True)
        except TransientError:
            raise
        except ReconcilerError as error:  # its listeners say so in their status; others are not held up
            _LOG.warning("cannot look at %s: %s", ref, error.message)
            return _Look("", "", now + PRESENT)
        if item is None:
            return _Look("", "", now + MISSING)
        meta = item["metadata"]
        return _Look(str(meta["uid"]), str(meta["resourceVersion"]), now + PRESENT)


def _difference(old: _Look | None, new: _Look) -> Seen | None:
    before = ("", "") if old is None else (old.uid, old.version)
    if before == (new.uid, new.version):
        return None
    if not new.uid:
        return Seen("Secret", before[0], before[1], deleted=True)
    return Seen("Secret", new.uid, new.version)
