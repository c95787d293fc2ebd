"""ReferenceGrants: who may refer across namespaces. Asked before the target's existence is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.resources import GROUP, ReferenceGrant


@dataclass(frozen=True, slots=True)
class Referrer:
    """Whose reference it is: a kind, of the Gateway API group unless a package registered it, in a namespace."""

    kind: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Target:
    """What is referred to."""

    group: str
    kind: str
    namespace: str
    name: str


class Grants:
    """The grants of a snapshot by (source kind, source namespace, target namespace): a question costs one look-up."""

    def __init__(self, grants: Iterable[ReferenceGrant]) -> None:
        self._targets: dict[tuple[str, str, str], set[tuple[str, str, str]]] = {}
        kinds = route_kinds()
        for grant in grants:
            for group, kind, namespace in grant.sources:
                if group == (kinds[kind].group if kind in kinds else GROUP):
                    key = (kind, namespace, grant.meta.namespace)
                    self._targets.setdefault(key, set()).update(grant.targets)

    def allow(self, source: Referrer, target: Target) -> bool:
        """Return whether a reference is permitted: within a namespace always, else by a grant in the target's."""
        if source.namespace == target.namespace:
            return True
        granted = self._targets.get((source.kind, source.namespace, target.namespace), set())
        return bool({(target.group, target.kind, ""), (target.group, target.kind, target.name)} & granted)
