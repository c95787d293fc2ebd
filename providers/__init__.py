"""Cloud adapters, one folder a cloud, the same file names in each; and how another package adds one.

A package registers a cloud by an entry point of the group `routewright.providers`: its value is a `kinds.ProviderKind`.
An SDK is imported only when its provider is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from providers.kinds import Deployment, ProviderKind
from reconciler.errors import Misconfigured

if TYPE_CHECKING:
    from reconciler.ports import Provider

ENTRY_POINTS = "routewright.providers"


def _aws(deployment: Deployment) -> Provider:
    from providers.aws.provider import make

    return make(deployment)


BUILT_IN: Mapping[str, ProviderKind] = {"aws": ProviderKind("routewright.dev/aws", _aws)}


@cache
def provider_kinds() -> Mapping[str, ProviderKind]:
    """Return all clouds by name. Raises TypeError for an entry point that is no ProviderKind, or repeats another."""
    found = dict(BUILT_IN)
    for point in entry_points(group=ENTRY_POINTS):
        kind = point.load()
        taken = isinstance(kind, ProviderKind) and any(kind.controller == one.controller for one in found.values())
        if not isinstance(kind, ProviderKind) or taken or point.name in found:
            raise TypeError(f"entry point {point.name} of {ENTRY_POINTS}: not a ProviderKind, or one that is known")
        found[point.name] = kind
    return found


def provider_for(  # noqa: PLR0913 - settings, each with a default
    controller: str,
    *,
    left: Callable[[], float] = lambda: float("inf"),
    roles: tuple[str, ...] = (),
    concurrency: int = 1,
    rate: float = 1.0,
    settle: float = 0.0,
    bucket: str = "",
) -> Provider:
    """Return the provider of a controllerName for a deployment (see `Deployment`).

    A suffix (`routewright.dev/aws-canary`) is a second deployment's. Raises Misconfigured if no provider has the name,
    or the one that has it cannot work for this deployment.
    """
    for kind in provider_kinds().values():
        if controller == kind.controller or controller.startswith(f"{kind.controller}-"):
            return kind.make(Deployment(left, roles, concurrency, rate, settle, bucket))
    known = ", ".join(sorted(kind.controller for kind in provider_kinds().values()))
    raise Misconfigured(
        f"no provider has the controllerName {controller!r}; known are {known}, with or without a suffix"
    )
