"""Polls referenced and granted Secrets and ConfigMaps, metadata only.

A right to watch them would be a right to read them all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from kube import kinds
from kube.api import Api
from kube.links import Name
from reconciler.errors import ReconcilerError, TransientError
from reconciler.events import Seen

MISSING, PRESENT = 5.0, 60.0
"""Seconds between two looks at what is not there, and at what is."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the last look found (`uid` "" for nothing) and when the next is due."""

    uid: str
    version: str
    due: float


@dataclass(slots=True)
class Poll:
    """What is known of the Secrets and ConfigMaps of one cluster."""

    api: Api
    _looks: dict[Name, _Look] = field(default_factory=dict)

    def look(self, names: Iterable[Name], now: float) -> dict[Name, Seen]:
        """Look at those that are due and forget those not asked for; return what came, changed or went.

        What is seen for the first time counts as having come. A failure ends the round: the rest stays due.
        """
        wanted = set(names)
        self._looks = {name: look for name, look in self._looks.items() if name in wanted}
        found: dict[Name, Seen] = {}
        for name in sorted(wanted):
            old = self._looks.get(name)
            if old is not None and old.due > now:
                continue
            try:
                new = self._look(name, now)
            except TransientError as error:
                _LOG.warning("looking at Secrets and ConfigMaps failed, trying again: %s", error.message)
                break
            self._looks[name] = new
            if seen := _difference(name[0], old, new):
                found[name] = seen
        return found

    def _look(self, name: Name, now: float) -> _Look:
        kind, namespace, own = name
        try:
            item = self.api.get(kinds.BY_NAME[kind].path(namespace, own), metadata_only=True)
        except TransientError:
            raise
        except ReconcilerError as error:  # who names it says so in its status; others are not held up
            _LOG.warning("cannot look at %s %s/%s: %s", kind, namespace, own, error.message)
            return _Look("", "", now + PRESENT)
        if item is None:
            return _Look("", "", now + MISSING)
        meta = item["metadata"]
        return _Look(str(meta["uid"]), str(meta["resourceVersion"]), now + PRESENT)


def _difference(kind: str, old: _Look | None, new: _Look) -> Seen | None:
    before = ("", "") if old is None else (old.uid, old.version)
    if before == (new.uid, new.version):
        return None
    if not new.uid:
        return Seen(kind, before[0], before[1], deleted=True)
    return Seen(kind, new.uid, new.version)
