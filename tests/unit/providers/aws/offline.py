"""What objects would become on AWS, asked in the shortest way: resources by kind, and what is said of an object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers import provider_for
from reconciler.certificates import CertificateFacts
from reconciler.offline import Offline, plan_offline
from tests.builders import CONTROLLER


@dataclass(frozen=True)
class Answers:
    """An offline plan."""

    offline: Offline

    def specs(self, kind: str) -> list[dict[str, Any]]:
        """Return the wanted resources of a kind."""
        found = (one.want.resources for one in self.offline.gateways)
        return [dict(one.spec) for resources in found for key, one in sorted(resources.items()) if key.kind == kind]

    def targets(self) -> list[str]:
        """Return the addresses that would be registered."""
        return sorted(str(one[0]) for spec in self.specs("targets") for one in spec["Targets"])

    def reason(self, kind: str, namespace: str, name: str, type_: str = "Accepted") -> str:
        """Return the reason of a condition; of a Route that of its first parent entry."""
        return str(self._condition(kind, namespace, name, type_).get("reason"))

    def message(self, kind: str, namespace: str, name: str, type_: str = "Accepted") -> str:
        """Return the message of a condition."""
        return str(self._condition(kind, namespace, name, type_).get("message"))

    def _condition(self, kind: str, namespace: str, name: str, type_: str) -> Mapping[str, Any]:
        statuses = {one[:3]: one[3] for one in self.offline.statuses}
        status = statuses[kind, namespace, name]
        conditions = status["parents"][0]["conditions"] if kind == "HTTPRoute" else status["conditions"]
        return next((one for one in conditions if one["type"] == type_), {})


def answers(*objects: dict[str, Any], certificates: tuple[CertificateFacts, ...] = ()) -> Answers:
    """Return what objects would become."""
    return Answers(plan_offline(objects, CONTROLLER, provider_for(CONTROLLER), certificates))
