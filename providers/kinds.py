"""What is known of a cloud before its provider is made, and what the provider is told then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.ports import Provider


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a provider is told of the deployment that it works for.

    Attributes:
        left: seconds left of the invocation under way.
        roles: identities that a GatewayClass may ask us to assume.
        concurrency: how many reconciles share the deployment's rate of calls.
        rate: how many times the cloud's documented limits the account has, where they were raised or an emulator has
            none.
        settle: seconds until what the cloud acknowledged is everywhere, so that what it replaced may go.
        bucket: where the objects stand that the cloud reads certificate authorities from; "" for nowhere.
    """

    left: Callable[[], float] = lambda: float("inf")
    roles: tuple[str, ...] = ()
    concurrency: int = 1
    rate: float = 1.0
    settle: float = 0.0
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """A cloud that can be chosen.

    Attributes:
        controller: its controllerName, e.g. `example.com/cloud`; with a suffix (`example.com/cloud-canary`) it is a
            second deployment's.
        make: makes its provider for a deployment; raises Misconfigured for one that it cannot work for.
    """

    controller: str
    make: Callable[[Deployment], Provider]
